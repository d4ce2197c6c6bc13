"""The compiled drawing gives the pictures of the numpy one."""

import numpy as np
import pytest

from bimotion.motion.clip import Clip
from bimotion.render import compiled
from bimotion.render.pictures import CameraMode, VideoStyle, draw_frames
from tests.render.drawn_person import make_clip

needs_library = pytest.mark.skipif(not compiled.available(), reason="the library was not compiled here")


def frames(clip: Clip, style: VideoStyle, size: tuple[int, int] = (200, 240)) -> np.ndarray:
    return np.stack(list(draw_frames(clip, size=size, style=style)))


@needs_library
@pytest.mark.parametrize("mode", ["follow", "fixed", "front", "side", "top"])
def test_both_ways_of_drawing_give_one_picture(mode: CameraMode, monkeypatch: pytest.MonkeyPatch) -> None:
    clip, style = make_clip(3), VideoStyle(camera=mode, contacts=True, trail=True)
    fast = frames(clip, style).astype(int)
    monkeypatch.setattr(compiled, "available", lambda: False)
    slow = frames(clip, style).astype(int)
    off = np.abs(fast - slow)
    assert off.mean() < 0.2
    assert np.percentile(off, 99.5) <= 4
    assert (off.max(-1) > 40).mean() < 5e-4  # a pixel at an edge may belong to another solid


@needs_library
def test_a_body_half_outside_the_picture_is_cut_off() -> None:
    clip = make_clip(2)
    wide = Clip(clip.joints * np.array([1, 1, 1], np.float32), clip.fps)
    picture = frames(wide, VideoStyle(), size=(64, 400))
    assert picture.shape == (2, 400, 64, 3)


def test_feet_that_stand_are_coloured_only_if_asked_for() -> None:
    still = make_clip(6)
    still = Clip(np.repeat(still.joints[:1], 6, axis=0), still.fps)

    def greens(style: VideoStyle) -> int:
        picture = frames(still, style)[-1].astype(int)
        return int(
            ((picture[..., 1] > picture[..., 0] + 60) & (picture[..., 1] > picture[..., 2] + 30)).sum()
        )

    assert greens(VideoStyle()) == 0
    assert greens(VideoStyle(contacts=True)) > 30


def test_a_fixed_camera_stands_still_and_a_following_one_goes_along() -> None:
    """The body of somebody who walks away moves through the picture only where the camera does not follow."""
    clip = make_clip(1)
    way = np.linspace(0, 3, 60, dtype=np.float32)[:, None, None] * np.array([0, 0, 1], np.float32)
    walking = Clip(clip.joints[:1] + way, clip.fps)

    def moved(mode: CameraMode) -> float:
        pictures = frames(walking, VideoStyle(camera=mode)).astype(int)
        middles = [np.nonzero((p.max(-1) - p.min(-1)) > 60)[1].mean() for p in (pictures[22], pictures[38])]
        return abs(float(middles[1] - middles[0]))

    assert moved("follow") < 8
    assert moved("side") < 8
    assert moved("fixed") > 15
