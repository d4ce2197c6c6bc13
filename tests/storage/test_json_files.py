"""The gate for JSON."""

from pathlib import Path

import pytest

from bimotion.errors import DataError, ModelError
from bimotion.storage.json_files import MAX_DEPTH, parse_json, read_json, read_json_lines, read_json_object


def test_json_reads_as_it_stands() -> None:
    text = '{"a": [1, -2.5e3, "\\u00e4\\n", null, true], "b": {"a": 18446744073709551615}}'
    assert parse_json(text, "x") == {"a": [1, -2500.0, "ä\n", None, True], "b": {"a": 2**64 - 1}}
    assert parse_json('\ufeff{"a": 1}'.encode(), "x") == {"a": 1}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "Expecting"),
        ("[NaN]", "NaN is not a JSON number"),
        ("[-Infinity]", "-Infinity is not a JSON number"),
        ("[1e999]", "too large"),
        ("[18446744073709551616]", "64 bits"),
        ("[" + "9" * 5000 + "]", "digits"),
        ('{"a": 1, "b": {"c": 1, "c": 2}}', "'c' occurs twice"),
        ('["\\ud800"]', "surrogates"),
        ('{"a\\u0000": 1}', "NUL"),
        ("[" * (MAX_DEPTH + 2) + "]" * (MAX_DEPTH + 2), "64 levels"),
        ("[" * 100_000, "64 levels"),
        ('{"a":' * 100_000, "64 levels"),
    ],
)
def test_what_is_refused(text: str, why: str) -> None:
    with pytest.raises(DataError, match=f"^x: .*{why}"):
        parse_json(text, "x")


def test_the_deepest_nesting_is_read() -> None:
    assert parse_json("[" * MAX_DEPTH + "]" * MAX_DEPTH, "x")


def test_lines_are_named_in_messages(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": 1}\n\n[2]\n{"a"')
    lines = read_json_lines(path, ModelError)
    assert next(lines) == (f"{path}:1", {"a": 1})
    assert next(lines) == (f"{path}:3", [2])
    with pytest.raises(ModelError, match=r"a\.jsonl:4: not JSON"):
        next(lines)


def test_only_objects_where_objects_are_expected(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[1]")
    assert read_json(tmp_path / "a.json") == [1]
    with pytest.raises(DataError, match="expected a JSON object, got a list"):
        read_json_object(tmp_path / "a.json")
