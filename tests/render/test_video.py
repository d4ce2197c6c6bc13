import sys
from pathlib import Path

import pytest
from PIL import Image

import bimotion
from bimotion.errors import ConfigError
from bimotion.render.video import write_video
from tests.render.drawn_person import make_clip


def test_mp4_has_the_frames_and_rate_of_the_clip(tmp_path: Path) -> None:
    av = pytest.importorskip("av", reason="the extra `video` is not installed")
    write_video(make_clip(7), tmp_path / "a.mp4", size=(128, 96))
    with av.open(str(tmp_path / "a.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height, stream.average_rate) == (128, 96, 20)
        assert len(list(container.decode(stream))) == 7


def test_without_the_extra_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ConfigError, match=r"pip install 'bimotion\[video\]'"):
        write_video(make_clip(), tmp_path / "a.mp4")
    assert not list(tmp_path.iterdir())


def test_gif_needs_no_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    write_video(make_clip(3), tmp_path / "a.gif", size=(64, 64))
    with Image.open(tmp_path / "a.gif") as picture:
        assert picture.size == (64, 64)


def test_what_cannot_be_is_said_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="must be even, got 127 x 96"):
        write_video(make_clip(), tmp_path / "a.mp4", size=(127, 96))
    with pytest.raises(ConfigError, match="must end in .mp4 or .gif"):
        write_video(make_clip(), tmp_path / "a.webm")
    assert not list(tmp_path.iterdir())


def test_save_clip_films_as_it_is_told(tmp_path: Path) -> None:
    for name, settings in (("a.gif", {}), ("b.gif", {"camera": "top", "trail": True, "contacts": True})):
        bimotion.save_clip(make_clip(3), tmp_path / name, **settings)
    assert (tmp_path / "a.gif").read_bytes()[:6] == b"GIF89a"
    assert (tmp_path / "a.gif").read_bytes() != (tmp_path / "b.gif").read_bytes()
