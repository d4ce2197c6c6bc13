"""The published HumanML3D folder layout: features, captions with word classes and times, split files."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from bimotion.captions.acts import Label
from bimotion.data.caption_files import read_tagged
from bimotion.data.recording import Recording
from bimotion.data.report import Failure
from bimotion.data.sources import Found
from bimotion.data.splits import SPLITS, Split
from bimotion.errors import DataError
from bimotion.storage.arrays import read_array_header
from bimotion.storage.texts import read_text

LICENCE = "HumanML3D, derived from AMASS: see their licences"
MAX_NAME_BYTES = 250
"""Longest name of a clip: file systems take 255 bytes, the suffix among them."""

KIT_DIM = 251
"""Feature columns of KIT-ML in the same layout: 21 joints of another skeleton."""

PUBLISHED_CLIPS: Mapping[Split, int] = {"train": 23_384, "val": 1_460, "test": 4_384}
"""Clips that the published split files name, mirrored ones included."""


def find_recordings(folder: Path) -> Found:
    """The clips that `train.txt`, `val.txt` and `test.txt` name, with their captions.

    Mirrored clips (`M012314`) are files of their own there and share the take of their original.

    Raises:
        DataError: a folder or all split files are missing, a clip is in two splits, or the folder is KIT-ML's.
    """
    for part in ("new_joint_vecs", "texts"):
        if not (folder / part).is_dir():
            raise DataError(f"{folder}: expected the published layout, the folder {part} is missing")
    splits = _read_splits(folder)
    _refuse_kit(folder, splits)
    recordings: list[Recording] = []
    failures: list[Failure] = []
    for name, split in sorted(splits.items()):
        recording, unread = _recording(folder, name, split)
        recordings.append(recording)
        failures += unread
    return Found(recordings, failures, _compare_splits(folder, splits))


def _read_splits(folder: Path) -> dict[str, Split]:
    splits: dict[str, Split] = {}
    for split in SPLITS:
        path = folder / f"{split}.txt"
        try:
            names = read_text(path).split() if path.is_file() else []
        except ValueError as error:
            raise DataError(f"{path}: expected names of clips in UTF-8: {error}") from error
        for name in names:
            if splits.setdefault(name, split) != split:
                raise DataError(f"{path}: {name} is in {splits[name]}.txt as well")
            if "/" in name or "\0" in name or len(name.encode()) > MAX_NAME_BYTES:
                raise DataError(f"{path}: {name[:80]!r} is not the name of a clip")
    if not splits:
        raise DataError(f"{folder}: expected train.txt, val.txt or test.txt with names of clips")
    return splits


def _refuse_kit(folder: Path, names: Mapping[str, Split]) -> None:
    """Raises DataError where the first clip that can be read has KIT-ML's columns."""
    for name in names:
        try:
            shape = read_array_header(folder / "new_joint_vecs" / f"{name}.npy").shape
        except DataError:
            continue
        if len(shape) == 2 and shape[1] == KIT_DIM:
            raise DataError(
                f"{folder}: features of KIT-ML ({KIT_DIM} columns, 21 joints, 12.5 frames per second); bimotion has "
                "the 22 joints of HumanML3D and does not convert them. Prepare KIT's recordings from their BVH or "
                "AMASS files (docs/your-own-data.md)"
            )
        return


def _compare_splits(folder: Path, splits: Mapping[str, Split]) -> list[str]:
    """What differs from the published split files and their clips."""
    counts = Counter(splits.values())
    remarks = [
        f"{split}.txt names {counts[split]:,} clips, the published one {published:,}"
        for split, published in PUBLISHED_CLIPS.items()
        if counts[split] != published
    ]
    for part, suffix in (("new_joint_vecs", "npy"), ("texts", "txt")):
        present = {path.stem for path in (folder / part).glob(f"*.{suffix}")}
        missing = Counter(split for name, split in splits.items() if name not in present)
        if missing:
            listed = ", ".join(f"{missing[split]:,} of {split}.txt" for split in SPLITS if missing[split])
            remarks.append(f"{part} lacks {listed}")
        if extra := len(present - set(splits)):
            remarks.append(f"{part} holds {extra:,} files that no split file names: left out")
    return remarks


def _recording(folder: Path, name: str, split: Split) -> tuple[Recording, list[Failure]]:
    text = folder / "texts" / f"{name}.txt"
    captions, failures = read_tagged(text) if text.is_file() else ((), [])
    recording = Recording(
        name,
        folder / "new_joint_vecs" / f"{name}.npy",
        "humanml3d",
        name.removeprefix("M"),
        Label(name, "other", use_text=bool(captions)),
        LICENCE,
        captions,
        split=split,
        is_features=True,
    )
    return recording, failures
