"""Bandai-Namco-Research-Motiondataset 1 and 2: BVH files named after content, style and take."""

import re
from pathlib import Path

from bimotion.captions.acts import Label
from bimotion.captions.grammar import CaptionGrammar
from bimotion.data.recording import Recording
from bimotion.data.sources import Found
from bimotion.data.splits import group_takes
from bimotion.errors import DataError
from bimotion.motion.formats import motion_files

LICENCE = "CC BY-NC 4.0"
_NAME = re.compile(r"dataset-([12])_([a-z-]+)_([a-z-]+)_(\d+)")


def find_recordings(folder: Path) -> Found:
    """All recordings below a folder, in the order of their ids.

    Raises:
        DataError: there is none.
    """
    found: dict[str, tuple[Path, str, Label]] = {}
    for path in motion_files(folder):
        if path.suffix == ".bvh" and (match := _NAME.fullmatch(path.stem)):
            number, content, style, take = match.groups()
            name = f"bn{number}_{content}_{style}_{take}"
            found[name] = (path, f"bandai-{number}", Label(name, content, style, int(take)))
    if not found:
        raise DataError(
            f"{folder}: expected files like dataset-1_bow_active_001.bvh somewhere below, found none"
        )
    takes = group_takes({name: name for name in found}, CaptionGrammar.load().near_duplicates)
    return Found(
        [
            Recording(name, path, source, takes[name], label, LICENCE)
            for name, (path, source, label) in sorted(found.items())
        ]
    )
