"""What `prepare` hands back: how much there is, and what could not be used."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Failure:
    """A file that could not be used."""

    path: str
    """The file."""
    reason: str
    """Why, and what was expected."""


@dataclass(frozen=True)
class PrepareReport:
    """The outcome of preparing a data set."""

    folder: Path
    """Where the data set stands."""
    num_recordings: int
    """Recordings used."""
    num_windows: Mapping[str, int]
    """Windows of each split, mirror images included."""
    num_frames: int
    """Feature frames on disk, mirror images not counted."""
    failures: tuple[Failure, ...] = ()
    """Files that could not be used; the rest is in the data set."""
    notes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What was dropped, repaired or left without captions, by recording."""
