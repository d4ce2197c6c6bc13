"""The gate for text files."""

import os
from pathlib import Path

import pytest

from bimotion.errors import ConfigError, DataError
from bimotion.storage.texts import decode_text, read_text, text_lines

TEXT = "ein Mann läßt die Arme sinken – “müde”"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode_encodings_read_the_same(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.txt").write_bytes(TEXT.encode(encoding))
    assert read_text(tmp_path / "a.txt") == TEXT


def test_big_endian_marks_are_known() -> None:
    assert decode_text(b"\xfe\xff" + TEXT.encode("utf-16-be"), "x") == TEXT
    assert decode_text(b"\0\0\xfe\xff" + TEXT.encode("utf-32-be"), "x") == TEXT


def test_windows_1252_only_where_older_tools_write() -> None:
    data = TEXT.encode("cp1252")
    assert decode_text(data, "x", legacy=True) == TEXT
    with pytest.raises(DataError, match=r"x: not text in UTF-8 \(byte 10\)"):
        decode_text(data, "x")
    with pytest.raises(DataError, match="neither UTF-8 nor Windows-1252"):
        decode_text(b"a\x81b", "x", legacy=True)


def test_utf_16_without_a_mark_is_refused_not_garbled() -> None:
    with pytest.raises(DataError, match="NUL"):
        decode_text("a person walks".encode("utf-16-le"), "x", legacy=True)
    with pytest.raises(DataError, match="not text"):
        decode_text("läuft".encode("utf-16-le") + b"\xe4\x00", "x", legacy=True)


def test_cut_utf_16_is_refused() -> None:
    with pytest.raises(DataError, match="UTF-16"):
        decode_text("ab".encode("utf-16")[:-1], "x", legacy=True)


def test_lines_end_at_line_ends_only() -> None:
    assert text_lines("a\r\nb\rc\x0bd\u2028e\n") == ["a", "b", "c\x0bd\u2028e"]
    assert text_lines("a\n\nb") == ["a", "", "b"]
    assert text_lines("") == []


def test_what_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")  # opening it would wait for a writer
    for name, why in (
        ("pipe", "not a regular file"),
        ("", "is a folder"),
        ("none", "No such file"),
        ("a\0b", "null"),
    ):
        with pytest.raises(ConfigError, match=why):
            read_text(tmp_path / name, ConfigError)


def test_size_is_checked_before_reading(tmp_path: Path) -> None:
    with (tmp_path / "a.txt").open("wb") as file:
        file.truncate(1 << 40)  # takes no room on the disk
    with pytest.raises(DataError, match="1,048,576 MiB; files of up to 1,024 MiB are read"):
        read_text(tmp_path / "a.txt")
