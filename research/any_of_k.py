"""How many sentences one motion fulfils, and how many at least one of K motions: what choosing among them can gain.

    python -m research.any_of_k network --count 8
    python -m research.any_of_k recorded DATA --count 8
    python -m research.any_of_k decoded DATA --count 8
    python -m research.any_of_k cleaned DATA --count 8

`network`: motions of the network alone, seeds 0, 1, ... `recorded`: the training motions whose captions are most like
the sentence; `decoded`: these through the VAE; `cleaned`: and through the clean-up. The lists and judges are those of
`bimotion adherence`; requests that need its classifier are left out.
"""

import argparse
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path

import numpy as np

from bimotion.captions.sentence import tidy
from bimotion.data.store import MotionStore
from bimotion.evaluation.adherence.course import Course
from bimotion.evaluation.adherence.judges import LIMITS
from bimotion.evaluation.adherence.motions import Joints, ModelMotions
from bimotion.evaluation.adherence.prompts import Prompts, load_prompts
from bimotion.evaluation.adherence.rules import in_order
from bimotion.evaluation.adherence.scores import differs, fulfils, shows_side
from bimotion.evaluators.embedding import read_embedder
from bimotion.features.clips import features_to_clip
from bimotion.inference.model import MotionLanguageModel
from bimotion.inference.postprocess.cleanup import clean_clip
from tools.make_examples import example_items

Source = Callable[[Sequence[str], int], list[list[Joints]]]


def of_network(model: MotionLanguageModel) -> Source:
    """Motions of the network alone."""

    def motions(texts: Sequence[str], count: int) -> list[list[Joints]]:
        source = ModelMotions(model, best=1)
        return [
            list(several)
            for several in zip(*(source.motions(texts, seed) for seed in range(count)), strict=True)
        ]

    return motions


def of_examples(model: MotionLanguageModel, store: MotionStore, form: str) -> Source:
    """The training motions that are nearest to each sentence."""
    items, embedder = example_items(model, store), read_embedder(None)
    assert model.examples is not None

    def motions(texts: Sequence[str], count: int) -> list[list[Joints]]:
        assert model.examples is not None
        embeddings = embedder.embed_texts([tidy(text) for text in texts])
        found = []
        for text, embedding in zip(texts, embeddings, strict=True):
            rows = np.argsort(-model.examples.similarity(text, embedding))[:count]
            features = [np.asarray(store.features(items[row])) for row in rows]
            if form != "recorded":
                features = model.decode_features(
                    model.encode_features(features), [len(each) for each in features]
                )
            to_clip = clean_clip if form == "cleaned" else features_to_clip
            found.append([np.asarray(to_clip(each).joints) for each in features])
        return found

    return motions


def verdicts(prompts: Prompts, courses: dict[str, list[Course]]) -> dict[str, list[np.ndarray]]:
    """Whether each motion is right, by list; of contrasts all pairs, those of one seed on the diagonal."""
    pairs = {
        contrast: np.array(
            [differs(contrast, a, b, LIMITS) for a, b in product(courses[contrast.a], courses[contrast.b])]
        )
        for contrast in prompts.contrasts
    }
    return {
        "contrasts": [values.reshape(-1, round(len(values) ** 0.5)) for values in pairs.values()],
        "requests": [
            np.diag([fulfils(request, course) for course in courses[request.text]])
            for request in prompts.requests
            if request.activity is None
        ],
        "two actions": [
            np.diag([in_order(each.order, course) for course in courses[each.text]])
            for each in prompts.two_actions
        ],
        "sides": [
            np.diag([shows_side(each, course) for course in courses[each.text]]) for each in prompts.sides
        ],
    }


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("form", choices=["network", "recorded", "decoded", "cleaned"])
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--model", type=Path, default=Path("src/bimotion/embedded"))
    parser.add_argument("--count", type=int, default=8)
    args = parser.parse_args()
    model, prompts = MotionLanguageModel.from_folder(args.model), load_prompts()
    if args.form == "network":
        source = of_network(model)
    elif args.data is None:
        parser.error("training motions need DATA")
    else:
        source = of_examples(model, MotionStore.open(args.data), args.form)
    texts = list(dict.fromkeys(prompts.texts()))
    courses = {
        text: [Course(joints) for joints in several]
        for text, several in zip(texts, source(texts, args.count), strict=True)
    }
    print(f"| {args.form} | one, mean | any of {args.count} |\n| --- | ---: | ---: |")
    for name, several in verdicts(prompts, courses).items():
        one = np.mean([np.diag(each).mean() for each in several])
        print(f"| {name} | {one:.2f} | {np.mean([each.any() for each in several]):.2f} |")


if __name__ == "__main__":
    main()
