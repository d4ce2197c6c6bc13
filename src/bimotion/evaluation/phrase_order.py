"""Order of phrases: whether a composed motion shows its actions one after the other as requested.

Requests are two and three different actions of three seconds each, drawn at random. A motion is right if the rules of
`evaluation.adherence.judges` find every action, centred in this order.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from bimotion.evaluation.adherence.course import Course
from bimotion.evaluation.adherence.rules import in_order
from bimotion.evaluation.long_motion import Request, System, Track
from bimotion.features.layout import FPS

ACTIONS = {
    "walks forward": "walk",
    "runs forward": "run",
    "jumps": "jump",
    "turns around": "turn_around|turn",
    "sits down": "sit",
    "kicks": "kick",
    "punches": "punch",
    "raises both arms": "raise_both",
    "bends down": "bend",
    "squats": "squat",
}
"""Phrases and the judges that find their actions."""

PHRASE_SECONDS = 3.0
"""Length of a phrase."""


def order_scores(
    systems: Mapping[str, System], count: int, seed: int, track: Track
) -> dict[str, dict[str, float]]:
    """The share of `count` requests of two and of three phrases that each system answers in the right order."""
    scores: dict[str, dict[str, float]] = {}
    for name, system in systems.items():
        scores[name] = {}
        for phrases in (2, 3):
            requests = order_requests(phrases, count, seed)
            right = sum(
                is_in_order(requests[index], system)
                for index in track(range(count), f"{name}, order of {phrases}")
            )
            scores[name][f"order_{phrases}"] = right / count
    return scores


def order_requests(phrases: int, count: int, seed: int) -> list[Request]:
    """Requests of so many different actions."""
    rng, names = np.random.default_rng([seed, phrases]), list(ACTIONS)
    lengths = (round(PHRASE_SECONDS * FPS),) * phrases
    drawn: list[Sequence[str]] = [rng.permutation(names)[:phrases].tolist() for _ in range(count)]
    return [Request(tuple(each), lengths, seed + 1000 * index) for index, each in enumerate(drawn)]


def is_in_order(request: Request, system: System) -> bool:
    """Whether the answer to a request shows its actions in their order."""
    return in_order([ACTIONS[phrase] for phrase in request.captions], Course(system(request).joints))
