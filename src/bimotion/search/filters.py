"""Conditions on measured facts that hits of a search must meet. Legend: W windows."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool

from bimotion.errors import ConfigError
from bimotion.features.layout import FPS
from bimotion.search.index import Index
from bimotion.search.window_facts import activity_of, has_side


@dataclass(frozen=True)
class Filters:
    """Conditions that hits must meet, by measurement; None: no condition."""

    min_seconds: float | None = None
    """Shortest recording, seconds."""
    max_seconds: float | None = None
    """Longest recording, seconds."""
    min_speed: float | None = None
    """Lowest mean horizontal speed of the piece, m/s."""
    max_speed: float | None = None
    """Highest mean horizontal speed of the piece, m/s."""
    side: Literal["left", "right"] | None = None
    """Side that the piece shows: of the activity in the sentence (hand, kick, turn, sidestep), else busier hand."""

    def __post_init__(self) -> None:
        for low, high in (("min_seconds", "max_seconds"), ("min_speed", "max_speed")):
            values = [getattr(self, name) for name in (low, high)]
            if any(value is not None and not value >= 0 for value in values):
                raise ConfigError(f"{low}, {high}: expected 0 or more, got {values}")
            if None not in values and values[0] > values[1]:
                raise ConfigError(f"{low} ({values[0]}) is above {high} ({values[1]})")
        if self.side not in (None, "left", "right"):
            raise ConfigError(f"side: expected left or right, got {self.side!r}")

    def allowed(self, index: Index, query: str | None) -> Bool[np.ndarray, " W"]:
        """Which windows meet the conditions; `query` is the sentence, None for an example."""
        counts = [entry.windows for entry in index.entries]
        seconds = np.repeat([entry.frames / FPS for entry in index.entries], counts)
        speed = index.pieces.facts[:, 0]
        allowed = np.ones(len(speed), dtype=bool)
        for values, low, high in (
            (seconds, self.min_seconds, self.max_seconds),
            (speed, self.min_speed, self.max_speed),
        ):
            allowed &= (values >= low) if low is not None else True
            allowed &= (values <= high) if high is not None else True
        if self.side is not None:
            allowed &= has_side(index.pieces.facts, self.side, activity_of(query or ""))
        return allowed
