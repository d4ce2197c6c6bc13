"""Recordings with captions and timed phrases, to check judges on (see `bimotion.data.sources.joints`)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from bimotion.data.annotated import read_rows
from bimotion.data.sources.joints import find_recordings
from bimotion.data.splits import Split
from bimotion.data.store import Event
from bimotion.features.layout import FPS

_LONGEST = 196


@dataclass(frozen=True)
class Window:
    """Part of a recording with its captions."""

    id: str
    """Recording and first frame."""
    split: Split
    joints: Float[np.ndarray, "_ 22 3"]
    """Metres at 20 frames per second, Y up."""
    captions: tuple[str, ...]
    """Sentences about the whole window."""
    events: tuple[Event, ...]
    """Phrases, with seconds from the window's start; none for reference captions."""
    description: str
    """What the data set says of the whole recording."""
    reference: bool = False
    """Whether these are reference captions by other people, for measuring only."""


def read_windows(folder: Path) -> list[Window]:
    """Every captioned window of a second or more.

    Raises:
        DataError: a file is missing or malformed.
    """
    windows = []
    for recording in find_recordings(folder).recordings:
        joints = read_rows(recording) if recording.annotations else np.zeros((0, 22, 3))
        windows += [
            Window(
                f"{recording.id}/{each.start}",
                recording.split or "train",
                joints[each.start : each.end + 1],
                each.captions,
                tuple(
                    Event(
                        event.start,
                        (each.end - each.start) / FPS if event.end is None else event.end,
                        event.text,
                    )
                    for event in each.events
                ),
                recording.label.content,
                each.reference,
            )
            for each in recording.annotations
            if min(each.end, len(joints)) - each.start >= FPS
        ]
    return windows


def read_parts(folder: Path, split: Split) -> Iterator[Window]:
    """The recordings of a split in equal parts of at most 9.8 s, without captions.

    Raises:
        DataError: a file is missing or malformed.
    """
    for recording in find_recordings(folder).recordings:
        if recording.split != split:
            continue
        joints = read_rows(recording)
        for number, part in enumerate(np.array_split(joints, -(-len(joints) // _LONGEST))):
            if len(part) >= FPS:
                yield Window(f"{recording.id}/part {number}", split, part, (), (), recording.label.content)


def of_split(windows: Sequence[Window], split: Split) -> list[Window]:
    """The windows of a split that may be used in training."""
    return [window for window in windows if window.split == split and not window.reference]
