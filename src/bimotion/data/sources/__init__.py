"""Raw data sets: each module lists the recordings of one kind."""

from dataclasses import dataclass, field

from bimotion.data.recording import Recording
from bimotion.data.report import Failure


@dataclass(frozen=True)
class Found:
    """The recordings of a raw data set."""

    recordings: list[Recording]
    """Recordings, in the order of their ids."""
    failures: list[Failure] = field(default_factory=list)
    """Files and lines of captions that cannot be used."""
    remarks: list[str] = field(default_factory=list)
    """What a user should know of the whole data set."""
