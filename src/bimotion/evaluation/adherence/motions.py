"""Motions of sentences: from a model, or from the files of another system.

`export_prompts` writes a folder with `prompts.jsonl`, a line per motion: {"file", "text", "seed"}. The other system
writes the files that it names.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from bimotion.errors import DataError
from bimotion.evaluation.adherence.prompts import Prompts
from bimotion.evaluation.motion_folder import LIST_FILE
from bimotion.evaluation.shards import Track
from bimotion.features.files import read_any
from bimotion.inference.model import MotionLanguageModel
from bimotion.inference.settings import Sampling
from bimotion.motion.clip import Clip
from bimotion.motion.quality import QUALITY_FPS
from bimotion.storage.atomic import atomic_path
from bimotion.storage.json_files import read_json_lines
from bimotion.storage.records import record_from_json

Joints = Float[np.ndarray, "_ 22 3"]

_BATCH = 16
_SECONDS_WITHOUT_LENGTHS = 6.0


@runtime_checkable
class Motions(Protocol):
    """Where motions of sentences come from."""

    def motions(self, texts: Sequence[str], seed: int) -> list[Joints]:
        """Joints at 20 frames per second of each sentence; entry i with a seed that depends on `seed` and i."""


class ModelMotions:
    """Motions as users of a model get them: with predicted lengths, cleaned by default."""

    def __init__(
        self,
        model: MotionLanguageModel,
        sampling: Sampling | None = None,
        *,
        clean: bool = True,
        best: int | None = None,
        track: Track = lambda items, label: items,
    ) -> None:
        """`sampling` says how motions are sampled; its seed is not used. `best` as in `text_to_motion`."""
        self.model, self.sampling, self.clean, self.track = model, sampling or Sampling(), clean, track
        self.best = best

    def motions(self, texts: Sequence[str], seed: int) -> list[Joints]:
        """Joints of each sentence; entry i with a seed that depends on `seed` and i."""
        seconds = None if self.model.network.length is not None else _SECONDS_WITHOUT_LENGTHS
        generated: list[Joints] = []
        for start in self.track(range(0, len(texts), _BATCH), f"seed {seed}"):
            clips = self.model.text_to_motion(
                list(texts[start : start + _BATCH]),
                seconds=seconds,
                seed=1000 * seed + start,
                guidance_scale=self.sampling.guidance_scale,
                steps=self.sampling.steps,
                sampler=self.sampling.sampler,
                clean=self.clean,
                best=self.best,
            )
            generated += [np.asarray(clip.joints) for clip in clips]
        return generated

    def doubts(self, texts: Sequence[str], motions: Sequence[Joints]) -> list[dict[str, Any]]:
        """The model's own doubts about each motion: `warned`, `score` (0 to 1 or None), and its `warnings`."""
        found = []
        for text, joints in zip(texts, motions, strict=True):
            match = self.model.match(text, Clip(joints, QUALITY_FPS))
            found.append(
                {"warned": bool(match.warnings), "score": match.score, "warnings": list(match.warnings)}
            )
        return found


@dataclass(frozen=True)
class _Row:
    """A line of the list."""

    file: str
    text: str
    seed: int = 0


class FolderMotions:
    """Motions that another system wrote for the list of `export_prompts`."""

    def __init__(self, folder: Path) -> None:
        """Read the list.

        Raises:
            DataError: the list is missing, or a line lacks a field.
        """
        path = folder / LIST_FILE
        if not path.is_file():
            raise DataError(f"{folder}: expected {LIST_FILE}; `bimotion adherence --export` writes it")
        self.folder = folder
        self.files: dict[tuple[str, int], str] = {}
        for where, values in read_json_lines(path):
            row = record_from_json(_Row, values, where, DataError)
            self.files[row.text, row.seed] = row.file

    def motions(self, texts: Sequence[str], seed: int) -> list[Joints]:
        """Joints of each sentence.

        Raises:
            DataError: the list has no motion of a sentence with this seed.
        """
        return [self._read(text, seed) for text in texts]

    def _read(self, text: str, seed: int) -> Joints:
        if (text, seed) not in self.files:
            raise DataError(f"{self.folder / LIST_FILE}: has no motion of {text!r} with seed {seed}")
        clip = read_any(self.folder / self.files[text, seed])
        return np.asarray(clip.joints if clip.fps == QUALITY_FPS else clip.resample(QUALITY_FPS).joints)


def export_prompts(prompts: Prompts, seeds: int, folder: Path) -> Path:
    """Write the list of motions that another system is to generate; returns its path."""
    rows = []
    for seed in range(seeds):
        for text in prompts.texts():
            name = f"{seed:02d}/{hashlib.sha1(text.encode()).hexdigest()[:12]}.npy"
            rows.append(json.dumps({"file": name, "text": text, "seed": seed}, ensure_ascii=False))
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_path(folder / LIST_FILE) as path:
        path.write_text("\n".join(rows) + "\n", "utf-8")
    return folder / LIST_FILE
