"""A recording before it is prepared: its file, its labels and its captions."""

from dataclasses import dataclass, field
from pathlib import Path

from bimotion.captions.acts import Label
from bimotion.data.splits import Split


@dataclass(frozen=True)
class TimedCaption:
    """A caption of a part of a recording."""

    text: str
    """The words."""
    start: float = 0.0
    """Seconds from the start of the recording."""
    end: float | None = None
    """Seconds from the start; None for the end of the recording."""
    tags: str = ""
    """Words with their classes (`walk/VERB`), where the data set gives them."""

    @property
    def is_whole(self) -> bool:
        """Whether it describes the whole recording."""
        return self.start == 0.0 and self.end is None


@dataclass(frozen=True)
class Reading:
    """How the motion files of a data set are read: the options of `read_motion`."""

    joint_map: Path | None = None
    """JSON object from our joint names to the files'."""
    unit: str | None = None
    """m, cm, inch or mm; found from the body's height where None."""
    body_model: Path | None = None
    """Folder of `smplx` models, for AMASS."""
    # not in the repr, which is part of the names of shards: those of older versions stay valid
    up: str | None = field(default=None, repr=False)
    """The axis that points up, y or z; found from the rest pose where None."""
    rate: float | None = field(default=None, repr=False)
    """True frames per second of the files; as they say where None."""


@dataclass(frozen=True)
class Annotation:
    """Captions and timed phrases of a part of a recording that is stored as joints."""

    start: int
    """First frame."""
    end: int
    """Last frame, which is also the first of the next part."""
    captions: tuple[str, ...] = ()
    """Captions of the part."""
    events: tuple[TimedCaption, ...] = ()
    """Timed phrases, in seconds from the part's start."""
    reference: bool = False
    """Whether they are for measuring only, never for training."""


@dataclass(frozen=True)
class Recording:
    """A file of raw motion with its labels."""

    id: str
    """Name that is unique within the data set."""
    path: Path
    """The motion file."""
    source: str
    """Data set."""
    take: str
    """Take; recordings that show the same moment share one."""
    label: Label
    """Labels from its data set."""
    licence: str
    """Licence of the recording."""
    captions: tuple[TimedCaption, ...] = ()
    """Captions written by people; the grammar's are used where there are none."""
    skeleton: Path | None = None
    """Skeleton file of an AMC recording."""
    reading: Reading = Reading()
    """How its file is read."""
    noisy: bool = False
    """Whether spikes are to be repaired."""
    split: Split | None = None
    """Split that the data set prescribes; None to split by take."""
    is_features: bool = False
    """Whether the file holds HumanML3D features, not motion."""
    rows: tuple[int, int] | None = None
    """First row and number of rows in the file, where it is an array of the joints of many recordings."""
    annotations: tuple[Annotation, ...] = ()
    """Captions and timed phrases of its windows, if it is stored as joints."""
