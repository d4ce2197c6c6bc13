"""Settings as JSON."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from bimotion.errors import ConfigError
from bimotion.storage.records import read_record, record_from_json, record_to_json, write_record


@dataclass(frozen=True)
class Inner:
    betas: tuple[float, float] = (0.9, 0.99)
    kind: Literal["a", "b"] = "a"


@dataclass(frozen=True)
class Outer:
    out: Path
    init: Path | None = None
    names: tuple[str, ...] = ()
    inner: Inner = field(default_factory=Inner)
    rate: float = 1.0


def test_settings_read_back_equal(tmp_path: Path) -> None:
    record = Outer(Path("run"), Path("old"), ("x", "y"), Inner((0.5, 0.25), "b"), rate=2)
    write_record(record, tmp_path / "train.json")
    assert read_record(Outer, tmp_path / "train.json") == record
    assert record_from_json(Outer, json.loads(json.dumps(record_to_json(Outer(Path("run")))))) == Outer(
        Path("run")
    )


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"out": "x", "speed": 1}, "unknown settings speed"),
        ({"out": "x", "inner": {"kind": "c"}}, "config: inner.kind: expected one of 'a', 'b', got 'c'"),
        ({"out": "x", "rate": "fast"}, "config: rate: expected `float`, got 'fast'"),
        ({"out": "x", "inner": {"betas": [0.1]}}, "inner.betas: expected `array` of length 2, got 1"),
        ({"out": "x", "inner": {"speed": 1}}, "config: inner: unknown settings speed; expected betas, kind"),
        ({"out": "x", "names": "xyz"}, "names: expected `array`, got 'xyz'"),
        ({"out": "x", "rate": True}, "rate: expected `float`, got True"),
        ({"out": 3}, "out: expected"),
        ({}, "missing required field `out`"),
    ],
)
def test_wrong_settings_are_named(value: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        record_from_json(Outer, value)
