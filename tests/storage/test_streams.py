"""File objects: text, too much, and what is no file object are refused in one sentence."""

import io
from pathlib import Path

import pytest

from bimotion.errors import ConfigError, MotionFileError
from bimotion.storage import streams
from bimotion.storage.streams import read_stream, write_stream


def write(path: Path) -> None:
    path.write_bytes(b"xyz")


def test_bytes_go_through_a_file_with_the_suffix() -> None:
    with read_stream(io.BytesIO(b"abc"), ".bvh") as path:
        assert path.suffix == ".bvh"
        assert path.read_bytes() == b"abc"
    assert not path.exists()
    written = io.BytesIO()
    write_stream(written, ".npy", write)
    assert written.getvalue() == b"xyz"


def test_text_too_much_and_other_objects_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="opened for reading bytes"), read_stream(io.StringIO("a"), ".bvh"):
        pass
    with pytest.raises(ConfigError), read_stream(object(), ".bvh"):
        pass
    with pytest.raises(ConfigError, match="opened for writing bytes"):
        write_stream(io.StringIO(), ".bvh", write)
    monkeypatch.setattr(streams, "MAX_STREAM_BYTES", 2)
    with pytest.raises(MotionFileError, match="more than"), read_stream(io.BytesIO(b"abc"), ".bvh"):
        pass
