"""The result of `prepare`: its contents, the captions used in training, and what cannot be used."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bimotion.data.splits import SPLITS, Split
from bimotion.data.store import Item


@dataclass(frozen=True)
class Failure:
    """A file, or a line of a file of captions, that could not be used."""

    path: str
    """The file; `file:number` for a line."""
    reason: str
    """Why, and what was expected."""


@dataclass(frozen=True)
class CaptionCount:
    """A number of captions and of the recordings that they describe."""

    captions: int
    """Different captions; mirrored copies do not count."""
    recordings: int
    """Recordings that they describe."""

    def __str__(self) -> str:
        return f"{_plural(self.captions, 'caption')} of {_plural(self.recordings, 'recording')}"


@dataclass(frozen=True)
class CaptionUse:
    """Which captions of a data set are used in training, and which are not."""

    learnt: Mapping[Split, CaptionCount]
    """Captions by split: those of `train` are for training, the others for measuring."""
    motion_only: int
    """Recordings without any caption in the data set."""
    unused: Mapping[str, CaptionCount] = field(default_factory=dict)
    """Captions that are not in the data set, by reason."""

    def lines(self) -> list[str]:
        """The summary that `prepare` prints, a line a fact."""
        learnt, val, test = (self.learnt[split] for split in SPLITS)
        rows = [f"captions to learn from: {learnt}; for validation: {val}; for testing: {test}"]
        if self.motion_only:
            rows.append(f"without captions: {_plural(self.motion_only, 'recording')} (motion only)")
        return rows + [f"not used: {count}: {reason}" for reason, count in self.unused.items()]

    def to_json(self) -> dict[str, Any]:
        """The JSON object that `prepare --json` prints."""
        return {
            **{
                split: {"captions": n.captions, "recordings": n.recordings}
                for split, n in self.learnt.items()
            },
            "motion_only_recordings": self.motion_only,
            "unused": [
                {"reason": reason, "captions": n.captions, "recordings": n.recordings}
                for reason, n in self.unused.items()
            ],
        }


@dataclass(frozen=True)
class PrepareReport:
    """The outcome of preparing a data set."""

    folder: Path
    """The data set."""
    num_recordings: int
    """Recordings used."""
    num_windows: Mapping[str, int]
    """Windows of each split, mirrored copies included."""
    num_frames: int
    """Feature frames on disk, mirrored copies not counted."""
    captions: CaptionUse
    """Which captions are used in training."""
    failures: tuple[Failure, ...] = ()
    """Files and lines that could not be used; the rest is in the data set."""
    notes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What was dropped or repaired, by recording."""
    remarks: tuple[str, ...] = ()
    """What a user should know of the whole data set."""


def recording_of(item: Item) -> str:
    """The id of the recording that a window was cut from."""
    return item.id.rpartition("#")[0]


def caption_use(items: Iterable[Item], unused: Mapping[str, CaptionCount]) -> CaptionUse:
    """The use of captions in a data set of these windows."""
    captions: dict[Split, set[tuple[str, str]]] = defaultdict(set)
    recordings: set[str] = set()
    for item in items:
        recordings.add(recording_of(item))
        if item.text and not item.mirrored:
            captions[item.split] |= {(recording_of(item), caption) for caption in item.captions}
    described = {split: {recording for recording, _ in captions[split]} for split in SPLITS}
    counts = {split: CaptionCount(len(captions[split]), len(described[split])) for split in SPLITS}
    return CaptionUse(counts, len(recordings - set().union(*described.values())), unused)


def count_unused(unused: Iterable[Mapping[str, int]]) -> dict[str, CaptionCount]:
    """Captions left out, by reason, of the numbers of each recording."""
    captions: Counter[str] = Counter()
    recordings: Counter[str] = Counter()
    for of_recording in unused:
        captions.update(of_recording)
        recordings.update(of_recording.keys())
    return {reason: CaptionCount(count, recordings[reason]) for reason, count in captions.most_common()}


def _plural(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"
