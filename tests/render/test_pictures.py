from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bimotion.errors import ConfigError
from bimotion.render.palette import THEMES
from bimotion.render.pictures import draw_frames, draw_sheet, draw_strip, write_gif, write_picture
from tests.render.drawn_person import make_clip


def amount(picture: Image.Image, colour: tuple[int, int, int]) -> np.ndarray:
    """For each column, pixels whose hue is near the colour's."""
    pixels = np.asarray(picture.convert("RGB")).astype(float)
    expected = np.array(colour) - np.mean(colour)
    off = pixels - pixels.mean(axis=-1, keepdims=True)
    similar = (off @ expected) / (np.linalg.norm(expected) * np.maximum(np.linalg.norm(off, axis=-1), 1e-6))
    return ((similar > 0.95) & (np.linalg.norm(off, axis=-1) > 40)).sum(axis=0)


def test_a_strip_shows_every_pose_in_its_place() -> None:
    picture = draw_strip(make_clip(caption="raises the left arm"), 4, height=240)
    theme = THEMES["light"]
    left, right = amount(picture, theme.left), amount(picture, theme.right)
    for column in range(4):
        part = slice(column * picture.width // 4, (column + 1) * picture.width // 4)
        assert left[part].sum() > 300
        assert right[part].sum() > 300
    assert picture.height == 240


def test_a_travelling_body_stays_in_its_place_of_the_strip() -> None:
    still, moving = (draw_strip(make_clip(speed=speed), 3, height=160) for speed in (0.0, 3.0))
    assert still.size == moving.size
    blue = THEMES["light"].left
    np.testing.assert_allclose(amount(still, blue).sum(), amount(moving, blue).sum(), rtol=0.02)


def test_a_short_clip_gives_fewer_poses() -> None:
    assert draw_strip(make_clip(2), 8, height=160).width < draw_strip(make_clip(8), 8, height=160).width / 2


def test_sheets_are_dark_if_asked() -> None:
    clips = [make_clip(caption="first"), make_clip(name="second")]
    picture = draw_sheet(clips, 2, height=160, theme="dark")
    assert picture.height == 320
    assert np.asarray(picture)[2, 2].max() < 80


@pytest.mark.parametrize(
    ("settings", "output"),
    [({"frames": 0}, "frames must be at least 1, got 0"), ({"height": 40}, "at least 120 pixels, got 40")],
)
def test_settings_that_cannot_be(settings: dict[str, int], output: str) -> None:
    with pytest.raises(ConfigError, match=output):
        draw_strip(make_clip(), **settings)


def test_long_and_foreign_captions_fit() -> None:
    for caption in ("a person " * 60, "x" * 400, "ein Mensch grüßt, 人が手を振る"):
        picture = draw_strip(make_clip(caption=caption), 2, height=160)
        assert (np.asarray(picture)[20:36, -6:] > 200).all()  # nothing runs over the edge


def test_the_camera_follows_a_walk() -> None:
    theme = THEMES["light"]
    for frame in draw_frames(make_clip(9, fps=4.0, speed=1.5), size=(120, 120)):
        picture = Image.fromarray(frame)
        columns = np.nonzero(amount(picture, theme.left) + amount(picture, theme.right))[0]
        assert columns.min() > 15
        assert columns.max() < 105


def test_png_and_gif_on_disk(tmp_path: Path) -> None:
    clip = make_clip(13, fps=30.0)
    write_picture(clip, tmp_path / "a.png", frames=2)
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.format == "PNG"
    write_gif(clip, tmp_path / "a.gif", size=(96, 96))
    with Image.open(tmp_path / "a.gif") as picture:
        assert picture.format == "GIF"
        assert picture.n_frames == 11  # 0.4 s at 25 frames a second
        assert picture.info["duration"] == 40
        assert picture.info["loop"] == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.gif", "a.png"]
