"""Match of a generated motion with its sentence: measured facts, the evaluator's score, a caption of the motion.

Legend: T frames, F = 263 feature columns.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float

from bimotion.captions.facts import MIN_FACT_FRAMES, MotionFacts, measure_facts
from bimotion.captions.mentions import content_of
from bimotion.captions.sentence import tidy
from bimotion.captions.sides import busier_hand, limb, moving_hand
from bimotion.evaluators.embedding import Embedder, Embeddings
from bimotion.features.clips import clip_to_features
from bimotion.features.layout import FPS
from bimotion.inference.caption_guard import contradictions, is_still
from bimotion.inference.choice import Chooser
from bimotion.inference.request import MotionRequest
from bimotion.motion.clip import Clip

MIN_SCORE = 0.005
"""Scores below it are warned about, for models that do not weigh all evidence (`doubt`): calibrated probabilities of
generated motions are low, because evaluators are fitted to recordings."""

STEP_TOLERANCE, DISTANCE_TOLERANCE = 0.25, 0.3
"""Shares by which the number of steps and the distance may differ from the sentence's."""

COUNTED = ("steps", "metres", "seconds", "times")
"""Criteria of numbers."""

CONTRAST_SENTENCES = (
    "a person walks forward",
    "a person walks backward",
    "a person steps sideways",
    "a person runs forward",
    "a person turns around",
    "a person stands still",
    "a person sits down",
    "a person lies on the floor",
    "a person crawls on hands and knees",
    "a person crouches down",
    "a person bends down and picks something up",
    "a person jumps up",
    "a person kicks",
    "a person punches",
    "a person waves with one hand",
    "a person raises both arms",
    "a person claps the hands",
    "a person throws something",
    "a person bows",
    "a person dances",
    "a person climbs",
    "a person drinks from a cup",
    "a person stretches the arms",
    "a person washes a window",
)
"""Sentences with which an evaluator without calibrated probabilities compares a sentence."""

_STILL = re.compile(
    r"\b(?:stands? still|does nothing|motionless|without moving|doesn['\u2019]?t move|not move)\b"
)
_HANDS = re.compile(r"\b(?:hands?|arms?|moving|move)\b|^(?:the )?(?:left|right)(?: one)?$")


@dataclass(frozen=True)
class Match:
    """How well a generated motion matches its sentence."""

    caption: str
    """A caption of the motion, by `motion_to_text`."""
    score: float | None
    """0 to 1: the probability that the motion shows what the sentence says (`doubt`). For a model without one: the
    evaluator's probability that sentence and motion belong together, or without a calibrated evaluator the share of
    sentences about other actions that suit the motion less. None without an evaluator."""
    contradictions: tuple[str, ...] = ()
    """Parts of the sentence that measured facts of the motion contradict."""
    warnings: tuple[str, ...] = ()
    """Reasons to doubt the motion, each in one sentence; empty if there are none."""
    unknown_words: tuple[str, ...] = ()
    """Words of the sentence that no training caption contains: what they mean is not known to the model."""


class ScoreCalibration(Protocol):
    """An evaluator's calibration (`calibration` of an embedder)."""

    def probability(self, cosines: Float[np.ndarray, " N"]) -> Float[np.ndarray, " N"]:
        """Probability that a caption of known words is true of motions at these cosines."""

    def known_share(self, text: str) -> float:
        """Share of a sentence made of words that the evaluator has learned."""


class Matcher:
    """Compares motions with sentences by an evaluator; without one there are no scores."""

    def __init__(self, embedder: Embedder | None) -> None:
        self.embedder = embedder
        self._contrast: Embeddings | None = None

    def scores(self, sentences: Sequence[str], clips: Sequence[Clip]) -> list[float] | None:
        """Scores of clips, each against its sentence; None without an evaluator.

        The score of a clip longer than the evaluator reads is the mean of those of its parts of equal length.
        """
        if self.embedder is None or not clips:
            return None
        parts = [self._parts(clip) for clip in clips]
        owners = [index for index, several in enumerate(parts) for _ in several]
        # Each by itself: padding and batches would change the last bits.
        motions = np.concatenate(
            [self.embedder.embed_motions([part]) for several in parts for part in several]
        )
        texts = np.concatenate([self.embedder.embed_texts([tidy(sentence)]) for sentence in sentences])
        scores = np.array(self._scores([sentences[owner] for owner in owners], texts[owners], motions))
        return [float(scores[np.array(owners) == index].mean()) for index in range(len(clips))]

    def _parts(self, clip: Clip) -> list[Float[np.ndarray, "_ 263"]]:
        """The features of a clip, in parts that the evaluator reads to the end."""
        assert self.embedder is not None
        features = clip_to_features(clip)
        longest = self.embedder.max_frames or len(features)
        return np.array_split(features, -(-len(features) // longest))

    def _scores(self, sentences: Sequence[str], texts: Embeddings, motions: Embeddings) -> list[float]:
        """Scores of embedded motions, each against its embedded sentence."""
        assert self.embedder is not None
        similarity = _cosine(texts, motions)
        calibration: ScoreCalibration | None = getattr(self.embedder, "calibration", None)
        if calibration is not None:
            known_share = np.array([calibration.known_share(sentence) for sentence in sentences])
            return [float(value) for value in calibration.probability(similarity) * known_share]
        if self._contrast is None:
            self._contrast = self.embedder.embed_texts([tidy(sentence) for sentence in CONTRAST_SENTENCES])
        contrast = np.stack(
            [_cosine(np.broadcast_to(each, motions.shape), motions) for each in self._contrast], 1
        )
        return [float(value) for value in (contrast < similarity[:, None]).mean(1)]


def match_of(
    request: MotionRequest,
    clip: Clip,
    caption: str,
    score: float | None,
    warnings: Sequence[str],
    unknown_words: Sequence[str] = (),
    *,
    doubt_below: float | None = None,
) -> Match:
    """The match of a clip with its request; `warnings` are those about the sentence itself.

    With `doubt_below` the score weighs all evidence, and nothing is warned about from this score on. Without, each
    criterion that is hardly met and each contradiction is.
    """
    found = tuple(request_contradictions(request, clip))
    doubts = list(warnings)
    if doubt_below is not None and score is not None and score >= doubt_below:
        return Match(caption, score, found, tuple(doubts), tuple(unknown_words))
    unmet = Chooser(request).unmet((clip if clip.fps == FPS else clip.resample(FPS)).joints)
    unmet = [name for name in unmet if name not in COUNTED]  # contradictions say how many instead
    if unmet:
        doubts.append(f"the motion hardly shows what the sentence says: {', '.join(unmet)}")
    if found:
        doubts.append(f"the motion contradicts the sentence: {'; '.join(found)}")
    if score is not None and score < (MIN_SCORE if doubt_below is None else doubt_below):
        doubts.append(f"the motion may not match the sentence (match {score:.2f})")
    return Match(caption, score, found, tuple(doubts), tuple(unknown_words))


def request_contradictions(request: MotionRequest, clip: Clip) -> list[str]:
    """Parts of a request that measured facts of the clip contradict, in a few words each."""
    joints = (clip if clip.fps == FPS else clip.resample(FPS)).joints
    return [] if len(joints) < MIN_FACT_FRAMES else contradicted(request, measure_facts(joints))


def contradicted(request: MotionRequest, facts: MotionFacts) -> list[str]:
    """Parts of a request that facts contradict, in a few words each."""
    found = [f"not {words!r}" for words in contradictions(f"{request.prompt.lower()}.", facts)]
    if (
        _STILL.search(request.text.lower())
        and request.content is None
        and not is_still(facts)
        and _moves(facts)
    ):
        found.append("the body moves")
    found += _wrong_counts(request, facts)
    return found + [
        f"shows {phrase!r}, which is excluded"
        for phrase in request.excluded
        if _is_shown(phrase, request, facts)
    ]


def _moves(facts: MotionFacts) -> bool:
    return facts.path > 0.5 or max(facts.left.hand_range, facts.right.hand_range) > 0.4


def _wrong_counts(request: MotionRequest, facts: MotionFacts) -> list[str]:
    found = []
    if request.steps is not None and abs(facts.steps - request.steps) > max(
        1, STEP_TOLERANCE * request.steps
    ):
        found.append(f"{facts.steps} steps instead of {request.steps}")
    if request.metres is not None and abs(facts.path - request.metres) > max(
        0.5, DISTANCE_TOLERANCE * request.metres
    ):
        found.append(f"{facts.path:.1f} m instead of {request.metres:g}")
    times = _times(request, facts)
    if request.times is not None and times is not None and times != request.times:
        found.append(f"{times} times instead of {request.times}")
    return found


def _times(request: MotionRequest, facts: MotionFacts) -> int | None:
    """How often the motion shows the request's action; None where that is not measured."""
    if request.content == "jump":
        return facts.airborne
    if request.content == "bow":
        return facts.bends
    limbs = (facts.left, facts.right) if request.side == "none" else (limb(facts, request.side),)
    if request.content == "kick":
        return max(each.kicks for each in limbs)
    return max(each.raises for each in limbs) if request.content == "raise" else None


def _is_shown(phrase: str, request: MotionRequest, facts: MotionFacts) -> bool:
    """Whether the motion shows what the request excludes; False where that cannot be measured."""
    content = content_of(phrase)
    if content in ("walk", "run", "walk-back", "walk-side"):
        return facts.path > 0.6
    if content == "turn":
        return facts.turn_most_left - facts.turn_most_right > 45
    if content == "jump":
        return facts.airborne > 0
    if content == "kick":
        return facts.left.kicks + facts.right.kicks > 0
    if content in ("wave", "raise"):
        return max(facts.left.raises, facts.right.raises) > 0
    sides = set(re.findall(r"\b(left|right)\b", phrase.lower()))
    if (
        len(sides) != 1
        or not _HANDS.search(phrase.lower())
        or request.content in ("turn", "walk", "kick", "run")
    ):
        return False
    return sides.pop() in (moving_hand(facts), busier_hand(facts)) or moving_hand(facts) == "both"


def _cosine(a: Embeddings, b: Embeddings) -> Float[np.ndarray, " _"]:
    norms = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    cosine: Float[np.ndarray, " _"] = (a * b).sum(-1) / np.maximum(norms, 1e-12)
    return cosine
