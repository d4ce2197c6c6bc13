"""Make a trained evaluator the one that comes with the package: weights in 16 bit, a card with its measured scores.

    python -m tools.embed_evaluator RUN DATA

Its scores are those of the recorded motions of the test split by protocol bimotion-1.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from bimotion.data.store import MotionStore
from bimotion.evaluation.evaluate import EvaluationConfig, evaluate
from bimotion.evaluation.evaluation_set import EvaluationSet
from bimotion.evaluation.protocols import BIMOTION_1
from bimotion.evaluation.report import score_tables
from bimotion.evaluation.scores import REAL
from bimotion.evaluators.embedding import ContrastiveEmbedder
from bimotion.evaluators.folder import (
    EMBEDDED_EVALUATOR,
    ContrastiveParts,
    read_evaluator,
    save_contrastive,
)
from bimotion.training.evaluator.calibration import LearnedStems, calibrate
from bimotion.training.folders import replaced_folder
from tools.embed_model import data_table

CARD = """\
---
license: cc-by-4.0
library_name: bimotion
tags: [text-to-motion, retrieval, evaluation]
---
# The evaluator that comes with bimotion

Two transformers, {parameters:.1f} million parameters in 16 bit, that put a caption near the motion that it describes:
`bimotion evaluate` judges with it, `bimotion search` finds recordings with it. After TMR (Petrovich et al. 2023):
trained with InfoNCE and filtered negatives, by `bimotion train evaluator` on the training split.

## Licence

CC BY 4.0, with CMU's acknowledgement: "The data used in this project was obtained from mocap.cs.cmu.edu. The database
was created with funding from NSF EIA-0196217."

## Data

{data}

Words and their vectors are cut from SmolLM2-135M (Apache-2.0).

## Scores

Recorded motions of the test split, takes that training never saw, by protocol bimotion-1 (among 32, a motion of which
the caption is true as well is right too; chance is 3 % for the first place):

{scores}

## Limits

- It knows what the CMU database shows, in English.
- Its space has {width} numbers: FID needs more motions than that.
- It is no judge of other data sets: train one on them.
"""


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=EMBEDDED_EVALUATOR)
    args = parser.parse_args()
    parts = read_evaluator(args.run)
    if not isinstance(parts, ContrastiveParts):
        parser.error(f"{args.run}: expected an evaluator that `bimotion train evaluator` made")
    store = MotionStore.open(args.data)
    held_out = store.items("val", mirrored=False, text=True)
    features = [store.features(item) for item in held_out]
    known = LearnedStems.of(store.items("train", text=True))
    parts = replace(parts, calibration=calibrate(parts, held_out, features, known))
    embedder = ContrastiveEmbedder(parts)
    evaluation_set = EvaluationSet(store, BIMOTION_1)
    config = EvaluationConfig(repeats=BIMOTION_1.repeats, parts=("text-to-motion",))
    result = evaluate(evaluation_set, None, embedder, config, lambda items, label: iter(items))
    scores = result.scores["text_to_motion"][REAL]
    values = {name: value for name, value in scores.items() if name != "fid"}
    (table,) = score_tables({"text_to_motion": {REAL: values}}, "")
    card = CARD.format(
        parameters=sum(parameter.numel() for parameter in parts.network.parameters()) / 1e6,
        data=data_table(store),
        scores=table.markdown(),
        width=parts.network.config.width,
    )
    with replaced_folder(args.out) as partial:
        save_contrastive(parts, partial, card)
    print(card)
    print(f"{args.out}: {sum(file.stat().st_size for file in args.out.iterdir()) / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
