"""Candidates of a sentence, and one that is joined from candidates of the sentence's parts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from bimotion.features import layout
from bimotion.inference.piece_writer import blend

Features = Float[np.ndarray, "_ 263"]

JOIN = 8
"""Frames over which the motions of a sentence's parts are blended."""

GAP_WEIGHT = 0.5
"""Weight of the gap between two poses, in metres, beside the scores of their motions."""


@dataclass(frozen=True)
class Candidate:
    """A generated motion of a sentence."""

    features: Features
    """Its features, mirrored if that fits the sentence better."""
    score: float = 0.0
    """How well it matches the sentence; higher is better."""
    cosine: float = 0.0
    """The evaluator's comparison of motion and sentence (`SentenceScore`), weighted in `score`; 0 without one."""
    examples: tuple[str, ...] = ()
    """Captions of the examples that it started from."""


def joined(parts: Sequence[Sequence[Candidate]], length: int | None) -> Candidate:
    """One candidate of each part, joined: those that score well and whose poses fit at the joins."""
    best: list[tuple[float, tuple[Candidate, ...]]] = [(each.score, (each,)) for each in parts[0]]
    for pool in parts[1:]:
        reached = []
        for each in pool:
            before, chain = max(
                ((score - GAP_WEIGHT * _gap(chain[-1], each), chain) for score, chain in best),
                key=lambda pair: pair[0],
            )
            reached.append((before + each.score, (*chain, each)))
        best = reached
    chain = max(best, key=lambda pair: pair[0])[1]
    features = chain[0].features
    for following in chain[1:]:
        features = _appended(features, following.features)
    if length is not None:
        features = features[:length]
    return Candidate(features, examples=tuple(caption for each in chain for caption in each.examples))


def _gap(before: Candidate, after: Candidate) -> float:
    """Mean distance of joints between the last pose of a motion and the first of another, in metres."""
    poses = (before.features[-1, layout.RIC], after.features[0, layout.RIC])
    return float(np.linalg.norm((poses[0] - poses[1]).reshape(-1, 3), axis=-1).mean())


def _appended(before: Features, after: Features) -> Features:
    num = min(JOIN, len(before) - 1, len(after) - 1)
    overlap = blend(before[-num:], after[:num])
    return np.concatenate([before[:-num], overlap, after[num:]])
