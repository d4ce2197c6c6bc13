"""Write captions of test windows for a reader who does not know where they come from.

    python -m research.blind_captions DATA OUT

OUT/items.jsonl has, for each window, descriptions that people wrote, measured facts, and captions in random order: the
one that users get, the network's own, and a description by another person where there is one. OUT/key.json says which
is which. The reader calls each caption true, partly true or false.
"""

import argparse
import json
import random
from dataclasses import asdict
from pathlib import Path

import numpy as np

import bimotion
from bimotion.captions.facts import measure_facts
from bimotion.data.store import MotionStore
from bimotion.evaluation.evaluation_set import EvaluationSet
from bimotion.evaluation.protocols import PROTOCOLS
from bimotion.features.clips import features_to_clip

WINDOWS, SEED = 60, 5


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    evaluation_set = EvaluationSet(MotionStore.open(args.data), PROTOCOLS["bimotion-1"], split="test")
    chance = random.Random(SEED)
    rows = chance.sample(range(len(evaluation_set)), min(WINDOWS, len(evaluation_set)))
    model = bimotion.load()
    motions = [np.asarray(evaluation_set.repeat(0).motions[row])[: model.max_frames] for row in rows]
    captions = model.features_to_text(motions)
    own = model.features_to_text(motions, best=1)
    items, key = [], []
    for row, motion, caption, network in zip(rows, motions, captions, own, strict=True):
        descriptions = list(evaluation_set.references(evaluation_set.items[row]))
        several = [("users", caption), ("network", network)]
        if len(descriptions) > 1:
            several.append(("person", descriptions.pop(chance.randrange(len(descriptions)))))
        chance.shuffle(several)
        letters = "abc"[: len(several)]
        items.append(
            {
                "id": len(items),
                "descriptions": descriptions,
                "facts": asdict(measure_facts(features_to_clip(motion).joints)),
                "captions": {letter: text for letter, (_, text) in zip(letters, several, strict=True)},
            }
        )
        key.append({letter: origin for letter, (origin, _) in zip(letters, several, strict=True)})
    args.out.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(item, default=float) for item in items]
    (args.out / "items.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (args.out / "key.json").write_text(json.dumps(key), encoding="utf-8")
    print(f"{args.out}: {len(items)} windows, {sum(len(each) for each in key)} captions")


if __name__ == "__main__":
    main()
