"""Metadata that a motion file cannot store, as JSON beside it."""

import json
from pathlib import Path

from bimotion.motion.clip import Clip
from bimotion.motion.formats.write_options import WriteOptions
from bimotion.storage.atomic import atomic_path


def write_sidecar(clip: Clip, path: Path, options: WriteOptions) -> None:
    """Write NAME.json beside the motion file NAME.*: caption, name, rate, length, and how the file was written."""
    written = options.edit(clip)
    fps = options.fps or clip.fps
    fields = {
        "file": path.name,
        "caption": clip.caption,
        "name": clip.name,
        "fps": fps,
        "seconds": round(written.duration, 4),
        "frames": round((len(written) - 1) * fps / clip.fps) + 1,
        "joint_names": options.names,
        "unit": options.unit,
        "in_place": options.in_place,
        "root_bone": options.root_bone,
        "generator": "bimotion",
    }
    with atomic_path(path.with_suffix(".json")) as partial:
        partial.write_text(json.dumps(fields, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
