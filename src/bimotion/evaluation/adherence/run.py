"""Measure how well a system's motions follow their sentences."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from bimotion.captions.content_words import content_of_words
from bimotion.evaluation.adherence.classifier import Classifier
from bimotion.evaluation.adherence.course import Course
from bimotion.evaluation.adherence.doubt import measure_doubt
from bimotion.evaluation.adherence.judges import LIMITS
from bimotion.evaluation.adherence.motions import Joints, ModelMotions, Motions
from bimotion.evaluation.adherence.natural import Sample, compare
from bimotion.evaluation.adherence.prompts import Prompts, Request, load_prompts
from bimotion.evaluation.adherence.recordings import Window
from bimotion.evaluation.adherence.reference import (
    recorded_contrasts,
    recorded_order,
    recorded_requests,
    recorded_samples,
    recorded_sides,
)
from bimotion.evaluation.adherence.rules import in_order
from bimotion.evaluation.adherence.scores import Tally, differs, fulfils, shows_side
from bimotion.evaluation.adherence.targets import Targets, rows

TRUSTED = 0.90
"""Share of an activity's test recordings that the classifier must accept before it judges that activity."""

DISCERNING = 0.70
"""Share of all other test recordings that it must reject."""


_LISTS = ("contrasts", "requests", "two_actions", "sides")


def trusted_activities(classifier: Classifier | None) -> dict[str, Any]:
    """Scores of the activities that the classifier may judge."""
    scores = classifier.scores if classifier else {}
    trusted = {}
    for name, score in scores.items():
        if score["accepts"] >= TRUSTED and score["rejects"] >= DISCERNING:
            trusted[name] = score
    return trusted


def measure(
    source: Motions,
    *,
    seeds: int,
    classifier: Classifier | None = None,
    windows: Sequence[Window] = (),
    prompts: Prompts | None = None,
    test_set: Mapping[str, Any] | None = None,
    warnings: bool = False,
    targets: Targets | None = None,
) -> dict[str, Any]:
    """All verdicts and counts of a system on the prompt lists, as JSON values.

    `windows` are recordings with captions: with them, naturalness is compared and the recordings' own shares are
    reported. `requests_shuffled` judges every motion by another request: the share that is right by chance. Requests
    for activities that the classifier is not trusted with are left out. `test_set` is the result of
    `measure_test_set`. With `warnings`, how well a model's own warnings separate wrong requests from right ones is
    measured (see `doubt`)."""
    prompts = prompts or load_prompts()
    trusted = trusted_activities(classifier)
    tallies = {name: Tally() for name in (*_LISTS, "requests_shuffled")}
    samples: list[Sample] = []
    for seed in range(seeds):
        _contrasts(source, seed, prompts, tallies["contrasts"], samples)
        _requests(source, seed, prompts, (classifier, trusted, warnings), tallies, samples)
        _two_actions(source, seed, prompts, tallies["two_actions"], samples)
        _sides(source, seed, prompts, tallies["sides"], samples)
    results: dict[str, Any] = {"seeds": seeds, **{name: tally.to_json() for name, tally in tallies.items()}}
    results["activities"] = trusted
    results["requests_left_out"] = [
        request.id for request in prompts.requests if request.activity and request.activity not in trusted
    ]
    if windows:
        results["natural"] = compare(samples, recorded_samples(windows))
        results["recorded"] = {
            "contrasts": _counts(recorded_contrasts(prompts.contrasts, windows)),
            "requests": _counts(recorded_requests(prompts.requests, windows, trusted)),
            "two_actions": _counts(recorded_order(windows)),
            "sides": _counts(recorded_sides(windows)),
        }
    if test_set is not None:
        results["test_set"] = dict(test_set)
    if warnings and isinstance(source, ModelMotions):
        results["doubt"] = measure_doubt(results["requests"]["verdicts"])
    results["targets"] = {
        "limits": asdict(targets or Targets()),
        "rows": [row.to_json() for row in rows(results, targets)],
    }
    return results


def _counts(tally: Tally) -> dict[str, Any]:
    return {name: value for name, value in tally.to_json().items() if name != "verdicts"}


def _contrasts(source: Motions, seed: int, prompts: Prompts, tally: Tally, samples: list[Sample]) -> None:
    first = source.motions([contrast.a for contrast in prompts.contrasts], seed)
    second = source.motions([contrast.b for contrast in prompts.contrasts], seed)
    for contrast, a, b in zip(prompts.contrasts, first, second, strict=True):
        right = differs(contrast, Course(a), Course(b), LIMITS)
        names = (contrast.property, f"written by {contrast.source}")
        tally.add(right, names, id=contrast.id, a=contrast.a, b=contrast.b, seed=seed)
        samples += [
            Sample(content_of_words([text]), joints) for text, joints in ((contrast.a, a), (contrast.b, b))
        ]


def _requests(
    source: Motions,
    seed: int,
    prompts: Prompts,
    judge: tuple[Classifier | None, Mapping[str, Any], bool],
    tallies: Mapping[str, Tally],
    samples: list[Sample],
) -> None:
    classifier, trusted, warnings = judge
    texts = [request.text for request in prompts.requests]
    generated = source.motions(texts, seed)
    doubts = source.doubts(texts, generated) if warnings and isinstance(source, ModelMotions) else None
    for index, (request, joints) in enumerate(zip(prompts.requests, generated, strict=True)):
        samples.append(Sample(content_of_words([request.text]), joints, request.idle))
        if request.activity is None or request.activity in trusted:
            right = _fulfilled(request, joints, classifier)
            about: dict[str, Any] = {"id": request.id, "text": request.text, "seed": seed}
            if doubts is not None:
                about |= doubts[index]
            tallies["requests"].add(right, (request.group,), **about)
            other = generated[(index + len(generated) // 2) % len(generated)]
            tallies["requests_shuffled"].add(
                _fulfilled(request, other, classifier), (request.group,), id=request.id
            )


def _fulfilled(request: Request, joints: Joints, classifier: Classifier | None) -> bool:
    if request.activity is not None:
        assert classifier is not None
        if not classifier.shows([joints], request.activity)[0]:
            return False
    return fulfils(request, Course(joints))


def _two_actions(source: Motions, seed: int, prompts: Prompts, tally: Tally, samples: list[Sample]) -> None:
    generated = source.motions([prompt.text for prompt in prompts.two_actions], seed)
    for prompt, joints in zip(prompts.two_actions, generated, strict=True):
        right = in_order(prompt.order, Course(joints))
        tally.add(right, (), id=prompt.id, text=prompt.text, seed=seed)
        samples.append(Sample(content_of_words([prompt.text]), joints))


def _sides(source: Motions, seed: int, prompts: Prompts, tally: Tally, samples: list[Sample]) -> None:
    generated = source.motions([prompt.text for prompt in prompts.sides], seed)
    for prompt, joints in zip(prompts.sides, generated, strict=True):
        right = shows_side(prompt, Course(joints))
        tally.add(right, (prompt.kind,), id=prompt.id, text=prompt.text, seed=seed)
        idle = None
        if prompt.judge == "raise":
            idle = "right_arm" if prompt.side == "left" else "left_arm"
        samples.append(Sample(content_of_words([prompt.text]), joints, idle))
