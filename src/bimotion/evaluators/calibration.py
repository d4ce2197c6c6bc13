"""Calibration of an evaluator: from the cosine of a caption and a motion to the probability that the caption is true.

A cosine is no evidence for words that the evaluator has never learned: a sentence about swimming is also near some
motion. So the probability has two factors: a logistic function of the cosine, fitted on held-out pairs, and the share
of the sentence that is made of known words, weighted by how rare they are.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from bimotion.errors import ModelError
from bimotion.storage.atomic import atomic_path
from bimotion.storage.json_files import read_json_object
from bimotion.storage.records import record_from_json

CALIBRATION_FILE = "calibration.json"

FORMAT = "bimotion calibration 1"

MAX_BYTES = 16 << 20
"""Largest calibration file that is read."""

_WORD = re.compile(r"[^\W\d_]+")
_ENDING = re.compile(r"(?:ing|ed|es|s|ly)$")


@dataclass(frozen=True)
class Calibration:
    """A logistic function of the cosine, and the words of the captions that the evaluator was trained on."""

    slope: float
    """Increase of the log odds per unit of cosine."""
    intercept: float
    """Log odds at cosine 0."""
    num_captions: int
    """Training captions in which words were counted."""
    words: dict[str, int]
    """Number of these captions that contain each word stem."""
    format: str = FORMAT
    """Format of the file."""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.slope) and math.isfinite(self.intercept) and self.slope > 0):
            raise ModelError(f"calibration: expected a finite, rising function, got slope {self.slope}")
        if min((self.num_captions, *self.words.values())) < 0:
            raise ModelError("calibration: expected counts of at least 0")

    def probability(self, cosines: Float[np.ndarray, " N"]) -> Float[np.ndarray, " N"]:
        """Probability that a caption of known words is true of motions at these cosines."""
        odds = np.clip(self.slope * cosines.astype(np.float64) + self.intercept, -50, 50)
        return np.asarray(1 / (1 + np.exp(-odds)))

    def known_share(self, text: str) -> float:
        """Share of a sentence made of known words, weighted by inverse document frequency; 0 without letters."""
        weights = {stem: self.weight(stem) for stem in stems(text)}
        total = sum(weights.values())
        return sum(weight for stem, weight in weights.items() if stem in self.words) / total if total else 0.0

    def weight(self, stem: str) -> float:
        """Inverse document frequency of a word stem."""
        return math.log((1 + self.num_captions) / (1 + self.words.get(stem, 0))) + 1e-6


def stems(text: str) -> set[str]:
    """Words of a sentence without inflection: "running", "runs" and "run" are one."""
    return {_stem(word) for word in _WORD.findall(text.lower())}


def count_stems(captions: Iterable[str]) -> tuple[int, dict[str, int]]:
    """Number of captions, and in how many of them each word stem occurs."""
    counts: Counter[str] = Counter()
    number = 0
    for caption in captions:
        counts.update(stems(caption))
        number += 1
    return number, dict(sorted(counts.items()))


def save_calibration(calibration: Calibration, folder: Path) -> None:
    """Write the calibration into an evaluator's folder."""
    with atomic_path(folder / CALIBRATION_FILE) as path:
        path.write_text(json.dumps(asdict(calibration), ensure_ascii=False) + "\n", encoding="utf-8")


def read_calibration(folder: Path) -> Calibration | None:
    """The calibration in an evaluator's folder; None if it has none.

    Raises:
        ModelError: the file is broken.
    """
    path = folder / CALIBRATION_FILE
    if not path.is_file():
        return None
    data = read_json_object(path, ModelError, max_bytes=MAX_BYTES)
    if data.get("format") != FORMAT:
        raise ModelError(f"{path}: not a {FORMAT} file")
    return record_from_json(Calibration, data, str(path), ModelError)


def _stem(word: str) -> str:
    stem = _ENDING.sub("", word)
    if len(stem) < 3:
        return word
    if stem != word and stem[-1] == stem[-2] and stem[-1] not in "sl":
        stem = stem[:-1]  # running: run
    return stem.removesuffix("e") if len(stem) > 3 else stem
