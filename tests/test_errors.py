"""Checks of configuration fields."""

import math
from dataclasses import dataclass

import pytest

from bimotion.errors import ConfigError, check_range


@dataclass(frozen=True)
class Settings:
    share: float | None = 0.5
    count: int = 3


def test_values_in_range_and_none_pass() -> None:
    check_range(Settings(), ("share", "count"), 0)
    check_range(Settings(share=None), "share", 0, 1)
    check_range(Settings(share=1), "share", 0, 1)


@pytest.mark.parametrize(
    ("share", "bounds", "message"),
    [
        (-0.1, {"low": 0}, "head share must be at least 0, got -0.1"),
        (0, {"low": 0, "above": True}, "head share must be above 0, got 0"),
        (1.5, {"low": 0, "high": 1}, r"head share must lie in 0\.\.1, got 1\.5"),
        (1, {"low": 0, "high": 1, "below": True}, r"head share must lie in \[0, 1\), got 1"),
        (math.nan, {"low": 0}, "head share must be at least 0, got nan"),
        (math.nan, {"low": 0, "high": 1}, "got nan"),
    ],
)
def test_others_are_named_with_the_range(share: float, bounds: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_range(Settings(share=share), "share", label="head ", **bounds)
