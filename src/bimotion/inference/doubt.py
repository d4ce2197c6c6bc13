"""Whether a generated motion shows what its sentence says: evidence, and a probability fitted to judged motions.

Each piece of evidence alone tells right from wrong motions only a little. A logistic regression weighs them; it is
fitted to generated motions of training captions that kinematic judges found right or wrong (`tools/fit_doubt.py`) and
stored with the model.

Legend: N motions, E pieces of evidence.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from bimotion.captions.sentence import tidy
from bimotion.errors import ModelError
from bimotion.evaluators.embedding import Embedder
from bimotion.evaluators.logistic import logistic_regression
from bimotion.evaluators.moments import PartsEmbedder, moments_of
from bimotion.features.clips import clip_to_features
from bimotion.features.layout import FPS
from bimotion.inference.choice import MIN_GRADED_FRAMES, Chooser, phrases_of
from bimotion.inference.examples import Examples
from bimotion.inference.request import MotionRequest, sentence_of
from bimotion.motion.clip import Clip
from bimotion.storage.atomic import atomic_path
from bimotion.storage.json_files import read_json_object
from bimotion.storage.records import record_from_json

DOUBT_FILE = "doubt.json"
FORMAT = "bimotion doubt 1"
MAX_BYTES = 1 << 16

RIDGE = 1e-2
"""Regularisation of the fit, for evidence of unit variance."""


@dataclass(frozen=True)
class Evidence:
    """What speaks for and against a motion showing what a sentence says."""

    cosine: float
    """The evaluator's cosine of sentence and motion."""
    weakest: float
    """The cosine of the phrase that is found worst, phrases being shown in their order; of one phrase its cosine."""
    margin: float
    """How much better phrases fit in their order than reversed; 0 for one phrase."""
    grade: float
    """The mean grade of measured criteria; 0.5 where the sentence has none."""
    unmet: float
    """The share of criteria that are hardly met."""
    has_criteria: float
    """1 where the sentence has a criterion, else 0."""
    contradictions: float
    """Measured facts that contradict the sentence, at most 3."""
    caption: float
    """The cosine of the sentence with the motion's caption."""
    nearest_caption: float
    """The greatest similarity of a training caption with the sentence."""
    words: float
    """The number of the sentence's words, on a logarithmic scale."""

    def vector(self) -> Float[np.ndarray, " E"]:
        """The values in the order of the fields."""
        return np.array([getattr(self, field.name) for field in fields(self)])


@dataclass(frozen=True)
class Doubt:
    """A logistic regression of evidence."""

    names: tuple[str, ...]
    """The pieces of evidence."""
    means: tuple[float, ...]
    """Their means in the fit."""
    scales: tuple[float, ...]
    """Their standard deviations in the fit."""
    weights: tuple[float, ...]
    """Log odds for one standard deviation."""
    intercept: float
    """Log odds at the means."""
    limit: float
    """Probability below which a motion is doubted."""
    format: str = FORMAT
    """Format of the file."""

    def __post_init__(self) -> None:
        expected = tuple(field.name for field in fields(Evidence))
        if self.names != expected:
            raise ModelError(f"doubt: expected the evidence {', '.join(expected)}")
        values = (*self.means, *self.scales, *self.weights, self.intercept, self.limit)
        if not len(self.means) == len(self.scales) == len(self.weights) == len(expected):
            raise ModelError("doubt: expected a mean, a scale and a weight for each piece of evidence")
        if not all(map(math.isfinite, values)) or min(self.scales) <= 0:
            raise ModelError("doubt: expected finite numbers and scales above 0")

    def probability(self, evidence: Evidence) -> float:
        """The probability that the motion shows what the sentence says."""
        z = (evidence.vector() - self.means) / self.scales
        odds = float(np.clip(z @ np.array(self.weights) + self.intercept, -50, 50))
        return 1 / (1 + math.exp(-odds))


def evidence_of(
    request: MotionRequest,
    clip: Clip,
    caption: str,
    contradictions: Sequence[str],
    embedder: Embedder,
    examples: Examples | None,
) -> Evidence:
    """The evidence of a motion, with its caption and the contradictions found in it.

    Raises:
        MotionFileError: the clip is shorter than two frames at 20 per second.
    """
    prompt = request.prompt
    features = clip_to_features(clip)
    joints = (clip if clip.fps == FPS else clip.resample(FPS)).joints
    text, of_caption = embedder.embed_texts([tidy(prompt), tidy(caption)])
    phrases = phrases_of(prompt)
    margin = 0.0
    if len(phrases) > 1 and isinstance(embedder, PartsEmbedder):
        (moments,) = moments_of(embedder, [features])
        cosine = _cosine(moments.parts.mean(0), text)
        embedded = embedder.embed_texts([tidy(sentence_of(phrase)) for phrase in phrases])
        in_order = moments.in_order(embedded)[1]
        weakest = float(in_order.min())
        margin = float(in_order.mean() - moments.in_order(embedded[::-1])[1].mean())
    else:
        cosine = weakest = _cosine(embedder.embed_motions([features])[0], text)
    chooser = Chooser(request)
    num = len(chooser.criteria) + sum(map(len, chooser.parts))
    gradable = num > 0 and len(joints) >= MIN_GRADED_FRAMES
    return Evidence(
        cosine=cosine,
        weakest=weakest,
        margin=margin,
        grade=chooser.grade(joints) if gradable else 0.5,
        unmet=len(chooser.unmet(joints)) / num if gradable else 0.0,
        has_criteria=float(gradable),
        contradictions=float(min(len(contradictions), 3)),
        caption=_cosine(of_caption, text),
        nearest_caption=0.0 if examples is None else float(examples.similarity(prompt, text).max()),
        words=math.log(max(len(prompt.split()), 1)),
    )


def fit_doubt(evidence: Sequence[Evidence], right: Bool[np.ndarray, " N"], warned_right: float) -> Doubt:
    """The regression of judged motions; its limit doubts at most the share `warned_right` of those that are right.

    Raises:
        ModelError: all motions are right, or all are wrong.
    """
    if right.all() or not right.any():
        raise ModelError("doubt can only be fitted to motions of which some are right and some wrong")
    rows = np.stack([each.vector() for each in evidence])
    means, scales = rows.mean(0), np.maximum(rows.std(0), 1e-3)
    slopes, intercept = logistic_regression((rows - means) / scales, right, np.ones(len(rows)), RIDGE)
    doubt = Doubt(
        tuple(field.name for field in fields(Evidence)),
        tuple(means.tolist()),
        tuple(scales.tolist()),
        tuple(slopes.tolist()),
        intercept,
        0.0,
    )
    of_right = np.sort([doubt.probability(each) for each, good in zip(evidence, right, strict=True) if good])
    return replace(doubt, limit=float(of_right[int(warned_right * len(of_right))]))


def save_doubt(doubt: Doubt, folder: Path) -> None:
    """Write the regression into a model folder."""
    with atomic_path(folder / DOUBT_FILE) as path:
        path.write_text(json.dumps(asdict(doubt), indent=1) + "\n", encoding="utf-8")


def read_doubt(folder: Path) -> Doubt | None:
    """The regression of a model folder; None if it has none.

    Raises:
        ModelError: the file is broken.
    """
    path = folder / DOUBT_FILE
    if not path.is_file():
        return None
    data = read_json_object(path, ModelError, max_bytes=MAX_BYTES)
    if data.get("format") != FORMAT:
        raise ModelError(f"{path}: not a {FORMAT} file")
    return record_from_json(Doubt, data, str(path), ModelError)


def _cosine(a: Float[np.ndarray, " _"], b: Float[np.ndarray, " _"]) -> float:
    return float(a @ b / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-12))
