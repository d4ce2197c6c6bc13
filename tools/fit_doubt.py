"""Fit a model's doubt: how evidence about a motion of a sentence becomes a probability that the motion is right.

    python -m tools.fit_doubt MODEL DATA [--judged FILE] [--count N] [--limit P]

Sentences come from the training split: timed phrases, two of them joined, and whole captions, of which the judges of
`bimotion adherence` can decide whether a motion shows every action that they assert. The prompts of `bimotion
adherence` are not used. One motion of each is generated as users get it, judged, and its evidence written to FILE;
where FILE exists, the fit starts from it.

The limit is where a tenth of these right motions are doubted. Free wording lowers the probabilities of right motions
too, so P sets another one, such as the one of `bimotion adherence --warnings` (`doubt.by_score`).
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from bimotion.data.spans import NEEDS_CONTEXT, first_mention, join_phrases
from bimotion.data.store import MotionStore
from bimotion.evaluation.adherence.course import Course
from bimotion.evaluation.adherence.doubt import WarningTargets
from bimotion.evaluation.adherence.phrases import asserts, claims
from bimotion.evaluation.adherence.rules import holds, in_order
from bimotion.inference.doubt import DOUBT_FILE, Evidence, evidence_of, fit_doubt, save_doubt
from bimotion.inference.match import request_contradictions
from bimotion.inference.model import MotionLanguageModel
from bimotion.inference.request import read_request, sentence_of

PER_ACTION = 9
"""Sentences for each combination of actions, so that walking does not decide alone."""

BATCH = 16


@dataclass(frozen=True)
class JudgedSentence:
    """A sentence and what judges must find."""

    text: str
    """The sentence."""
    names: tuple[str, ...]
    """Judges, of actions in their order where `ordered`."""
    ordered: bool = False
    """Whether the order is judged."""

    def right(self, course: Course) -> bool:
        """Whether a motion shows it."""
        if self.ordered:
            return in_order(self.names, course)
        return all(holds(name, course) for name in self.names)


def asserted(text: str) -> tuple[str, ...]:
    """The judges of the actions that a text asserts."""
    return tuple(name for name in claims() if asserts(name, text))


def training_sentences(store: MotionStore, count: int, seed: int = 0) -> list[JudgedSentence]:
    """About `count` sentences: half phrases, a quarter two phrases, a quarter captions."""
    rng = np.random.default_rng(seed)
    phrases: dict[str, tuple[str, ...]] = {}
    captions: dict[str, tuple[str, ...]] = {}
    for item in store.items("train", text=True):
        for event in item.events:
            phrase = first_mention(event.text)
            if not NEEDS_CONTEXT.search(phrase):
                phrases[phrase] = asserted(phrase)
        for caption in item.captions:
            captions[caption] = asserted(caption)
    singles = _spread({text: names for text, names in phrases.items() if names}, count // 2, rng)
    several = _spread({text: names for text, names in captions.items() if len(names) > 1}, count // 4, rng)
    alone = [(text, names[0]) for text, names in phrases.items() if len(names) == 1]
    found = [JudgedSentence(sentence_of(text), names) for text, names in singles]
    found += [JudgedSentence(text, names) for text, names in several]
    while len(found) < count:
        (first, a), (second, b) = (alone[index] for index in rng.choice(len(alone), 2, replace=False))
        if a != b:
            found.append(JudgedSentence(join_phrases([first, second], rng), (a, b), ordered=True))
    return found


def _spread(
    texts: dict[str, tuple[str, ...]], count: int, rng: np.random.Generator
) -> list[tuple[str, tuple[str, ...]]]:
    by_names: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for text in rng.permutation(sorted(texts)).tolist():
        by_names[texts[text]].append(text)
    rounds = [
        (text, names)
        for number in range(PER_ACTION)
        for names, several in by_names.items()
        for text in several[number : number + 1]
    ]
    return rounds[:count]


def judged(
    model: MotionLanguageModel, sentences: Sequence[JudgedSentence]
) -> Iterator[tuple[JudgedSentence, Evidence, bool]]:
    """Sentences with the evidence of a motion of each, and whether it is right."""
    assert model.embedder is not None
    for start in range(0, len(sentences), BATCH):
        batch = sentences[start : start + BATCH]
        clips = model.text_to_motion([each.text for each in batch], seed=start)
        for sentence, clip, caption in zip(batch, clips, model.motion_to_text(clips), strict=True):
            request = read_request(sentence.text)
            evidence = evidence_of(
                request, clip, caption, request_contradictions(request, clip), model.embedder, model.examples
            )
            yield sentence, evidence, sentence.right(Course(np.asarray(clip.joints)))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--judged", type=Path, default=Path("judged.jsonl"))
    parser.add_argument("--count", type=int, default=480)
    parser.add_argument("--limit", type=float, help="probability below which a motion is doubted")
    args = parser.parse_args()
    if not args.judged.exists():
        sentences = training_sentences(MotionStore.open(args.data), args.count)
        rows = [
            {**asdict(sentence), "evidence": asdict(evidence), "right": bool(right)}
            for sentence, evidence, right in judged(MotionLanguageModel.from_folder(args.model), sentences)
        ]
        args.judged.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    rows = [json.loads(line) for line in args.judged.read_text("utf-8").splitlines()]
    evidence = [Evidence(**row["evidence"]) for row in rows]
    right = np.array([row["right"] for row in rows])
    targets = WarningTargets()
    tested = np.zeros(len(rows), bool)
    for part in range(5):  # each fifth by a fit to the others
        test = np.arange(len(rows)) % 5 == part
        fitted = fit_doubt(
            [e for e, t in zip(evidence, test, strict=True) if not t], right[~test], targets.warns_right
        )
        tested[test] = [
            fitted.probability(e) < fitted.limit for e, t in zip(evidence, test, strict=True) if t
        ]
    doubt = fit_doubt(evidence, right, targets.warns_right)
    if args.limit is not None:
        doubt = replace(doubt, limit=args.limit)
    save_doubt(doubt, args.model)
    print(
        f"{len(rows)} motions, {right.mean():.2f} right; doubts {tested[~right].mean():.2f} of the wrong and"
    )
    print(f"{tested[right].mean():.2f} of the right ones (each fifth by a fit to the others)")
    for name, weight in zip(doubt.names, doubt.weights, strict=True):
        print(f"  {name}: {weight:+.2f}")
    print(f"{args.model / DOUBT_FILE}: limit {doubt.limit:.2f}")


if __name__ == "__main__":
    main()
