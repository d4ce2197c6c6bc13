"""The published HumanML3D folder layout: features, captions with word classes and times, split files."""

import math
from pathlib import Path

from bimotion.captions.acts import Label
from bimotion.data.recording import Recording, TimedCaption
from bimotion.data.splits import SPLITS, Split
from bimotion.errors import DataError

LICENCE = "HumanML3D, derived from AMASS: see their licences"


def find_recordings(folder: Path) -> list[Recording]:
    """The clips that `train.txt`, `val.txt` and `test.txt` name, with their captions.

    Mirror images (`M012314`) are files of their own there and share the take of their original.

    Raises:
        DataError: a folder or all split files are missing, a clip stands in two of them, a caption is
        malformed.
    """
    for part in ("new_joint_vecs", "texts"):
        if not (folder / part).is_dir():
            raise DataError(f"{folder}: expected the published layout, the folder {part} is missing")
    splits = _read_splits(folder)
    return [_recording(folder, name, split) for name, split in sorted(splits.items())]


def _read_splits(folder: Path) -> dict[str, Split]:
    splits: dict[str, Split] = {}
    for split in SPLITS:
        path = folder / f"{split}.txt"
        for name in path.read_text("utf-8").split() if path.is_file() else ():
            if splits.setdefault(name, split) != split:
                raise DataError(f"{path}: {name} stands in {splits[name]}.txt as well")
    if not splits:
        raise DataError(f"{folder}: expected train.txt, val.txt or test.txt with names of clips")
    return splits


def _recording(folder: Path, name: str, split: Split) -> Recording:
    text = folder / "texts" / f"{name}.txt"
    captions = read_captions(text) if text.is_file() else ()
    return Recording(
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


def read_captions(path: Path) -> tuple[TimedCaption, ...]:
    """The captions of a file with lines `caption#tagged words#start#end`, times in seconds.

    0.0 and 0.0, or times that are not numbers, mean the whole clip.

    Raises:
        DataError: a line has other fields.
    """
    captions = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not line.strip():
            continue
        fields = line.strip().split("#")
        if len(fields) != 4:
            raise DataError(f"{path}:{number}: expected caption#tags#start#end, got {len(fields)} fields")
        try:
            start, end = float(fields[2]), float(fields[3])
        except ValueError as error:
            raise DataError(f"{path}:{number}: times must be seconds: {error}") from error
        start, end = (0.0 if math.isnan(time) else time for time in (start, end))
        is_whole = start == 0.0 and end == 0.0
        captions.append(TimedCaption(fields[0].strip(), start, None if is_whole else end))
    return tuple(captions)
