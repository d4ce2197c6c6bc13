"""How well a motion matches its sentence: similarity by an evaluator, and claims of the sentence that judges miss.

A `Calibration` turns both into the probability that a judge of requests would call the motion right. It is fitted on
the requests of a report (`doubt.measure_doubt`); a system warns where the probability is below its limit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.optimize import minimize
from scipy.special import expit

from bimotion.errors import DataError
from bimotion.evaluation.adherence.course import Course
from bimotion.evaluation.adherence.judges import LIMITS, find
from bimotion.evaluation.adherence.phrases import asserts, claims
from bimotion.evaluation.adherence.thresholds import Thresholds
from bimotion.evaluators.embedding import Embedder
from bimotion.features.clips import clip_to_features
from bimotion.motion.clip import Clip
from bimotion.motion.quality import QUALITY_FPS

_REGULARISATION = 0.01


@dataclass(frozen=True)
class Match:
    """What is known of one motion and its sentence."""

    similarity: float
    """Cosine of the embeddings of sentence and motion, -1 to 1."""
    missed: tuple[str, ...]
    """Judges of what the sentence claims that find nothing in the motion."""
    claimed: int
    """Judges that know what the sentence claims."""

    def features(self) -> list[float]:
        """What a calibration reads: similarity, share of claims missed, whether any claim is known."""
        return [self.similarity, len(self.missed) / max(self.claimed, 1), float(self.claimed > 0)]

    def to_json(self) -> dict[str, Any]:
        """The match as an object."""
        return {"similarity": self.similarity, "missed": list(self.missed), "claimed": self.claimed}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Match":
        """The match that `to_json` gave."""
        return cls(float(values["similarity"]), tuple(values["missed"]), int(values["claimed"]))


@dataclass(frozen=True)
class Calibration:
    """Logistic weights from a match to the probability that the request is fulfilled."""

    bias: float
    weights: tuple[float, float, float]
    """Of similarity, of the share of claims missed, and of knowing any claim."""

    def probability(self, match: Match) -> float:
        """Probability that a judge of requests calls the motion right."""
        return float(expit(self.bias + np.dot(self.weights, match.features())))


class Matcher:
    """Matches sentences and motions by an evaluator and by the judges of what the sentences claim."""

    def __init__(self, embedder: Embedder, limits: Thresholds = LIMITS) -> None:
        self.embedder, self.limits = embedder, limits

    def matches(self, texts: Sequence[str], motions: Sequence[Float[np.ndarray, "_ 22 3"]]) -> list[Match]:
        """The match of each sentence with its motion, joints in metres at 20 frames per second."""
        features = [clip_to_features(Clip(joints, QUALITY_FPS)) for joints in motions]
        similarity = _cosine(self.embedder.embed_texts(texts), self.embedder.embed_motions(features))
        return [
            self._match(text, joints, float(value))
            for text, joints, value in zip(texts, motions, similarity, strict=True)
        ]

    def _match(self, text: str, joints: Float[np.ndarray, "T 22 3"], similarity: float) -> Match:
        claimed = [name for name in claims() if asserts(name, text)]
        course = Course(joints)
        missed = tuple(name for name in claimed if not find(name, course, self.limits))
        return Match(similarity, missed, len(claimed))


def fit_calibration(matches: Sequence[Match], right: Sequence[bool]) -> Calibration:
    """Logistic regression with a small L2 penalty.

    Raises:
        DataError: all are right, or none is.
    """
    target = np.array(right, float)
    if len(set(right)) < 2:
        raise DataError("a calibration is fitted on requests of which some are right and some wrong")
    x = np.array([[1.0, *match.features()] for match in matches])

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        score = x @ w
        value = np.logaddexp(0, score) - target * score
        penalty = _REGULARISATION * np.array([0.0, *w[1:]])
        gradient = x.T @ (expit(score) - target) / len(x) + penalty
        return float(value.mean() + (penalty * w).sum() / 2), gradient

    bias, *weights = minimize(loss, np.zeros(x.shape[1]), jac=True).x
    return Calibration(float(bias), (float(weights[0]), float(weights[1]), float(weights[2])))


def _cosine(a: Float[np.ndarray, "N D"], b: Float[np.ndarray, "N D"]) -> Float[np.ndarray, " N"]:
    a, b = (each / np.maximum(np.linalg.norm(each, axis=-1, keepdims=True), 1e-9) for each in (a, b))
    return np.asarray((a * b).sum(-1))
