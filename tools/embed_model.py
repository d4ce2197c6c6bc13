"""Make a trained model the one that comes with the package: weights in 16 bit, and a card with its measured scores.

    python -m tools.embed_model RUN DATA [--guidance W]
    bimotion adherence --recordings RECORDINGS --classifier CLASSIFIER --data DATA --out report.json
    python -m research.ablations embedded DATA --run RUN --stages RUN1 RUN2 --out ablations.md
    python -m tools.embed_model embedded DATA --report report.json --ablations ablations.md

The first writes the weights and a card without scores; the last puts the tables of the other two into the card.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import torch

from bimotion.api import EMBEDDED
from bimotion.data.store import MotionStore
from bimotion.evaluation.adherence.bars import markdown
from bimotion.models.weights import load_model, save_model
from bimotion.training.folders import replaced_folder
from bimotion.training.language.init_model import find_model

CARD = """\
---
license: cc-by-nc-4.0
library_name: bimotion
tags: [text-to-motion, motion-to-text, motion-capture, MotionGPT3]
---
# The bundled model of bimotion

Text to human motion, human motion to text, prediction and in-betweening; preset `tiny`, {parameters:.1f} million
parameters in 16 bit. It follows MotionGPT3 (Zhu et al. 2025, arXiv:2506.24086): a motion VAE, a two-branch transformer,
a diffusion head. Its VAE has a linear path of cosines beside the transformer, and its head predicts v instead of
the noise (docs/decisions.md). docs/training-log.md has the commands, settings and curves of its training.

## Licence

CC BY-NC 4.0, no commercial use, because some of the recordings it was trained on do not permit it.

## Data

{data}

Captions were composed from the recordings' labels and measured facts, and each was checked against the facts.
The text branch's vocabulary and word vectors are cut from SmolLM2-135M (Apache-2.0) and were not trained further.

## Scores

On the test split: takes that training never saw, without mirror images. Where a bar is missed, the table says so.

    bimotion adherence --recordings RECORDINGS --classifier CLASSIFIER --data DATA

{scores}
{ablations}
## Limits

- It knows what its recordings show, mostly raised hands, waves, walks, turns and runs. Contents with a handful of takes
  (kicks, punches, bows, jumps, dances) are made with less variety and less exactly; what was never recorded cannot be
  made.
- 22 body joints, one person, a flat floor, 1 to 9.8 seconds, English.
- Sentences far from its captions are understood as the nearest thing that it knows, without a warning.
"""


ABLATIONS = """
## Other settings, weights and stages

By `bimotion evaluate`'s protocol bimotion-1 on the test split, judged by the evaluator that comes with bimotion; `s` is
the seconds of one motion in batches of 32, without cleaning.

    python -m research.ablations embedded DATA --run RUN --stages RUN1 RUN2

{tables}
"""


def data_table(store: MotionStore) -> str:
    """Takes and windows by source."""
    lines = ["| source | licence | takes | train | val | test |", "| --- | --- | ---: | ---: | ---: | ---: |"]
    items = [item for item in store if not item.mirrored]
    for source in sorted({item.source for item in items}):
        of = [item for item in items if item.source == source]
        counts = [sum(item.split == split for item in of) for split in ("train", "val", "test")]
        takes = len({item.take for item in of})
        lines.append(f"| {source} | {of[0].licence} | {takes} | {' | '.join(map(str, counts))} |")
    hours = sum(item.num_frames for item in items) / 20 / 3600
    return "\n".join(
        [*lines, "", f"{hours:.1f} hours at 20 frames per second; training saw mirror images too."]
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--report", type=Path, help="what the embedded model was measured to be")
    parser.add_argument("--ablations", type=Path, help="what other settings of it were measured to be")
    parser.add_argument("--out", type=Path, default=EMBEDDED)
    parser.add_argument("--guidance", type=float, help="the guidance scale that the model is to have")
    args = parser.parse_args()
    folder = EMBEDDED if str(args.model) == "embedded" else find_model(args.model)
    scores = "Not measured yet."
    if args.report is not None:
        report = json.loads(args.report.read_text("utf-8"))
        if report["name"] != folder.name:
            parser.error(f"{args.report} is a report of {report['name']}, not of {folder.name}")
        scores = markdown(report)
    model, tokenizer = load_model(folder)
    if args.guidance is not None:
        diffusion = replace(model.config.diffusion, guidance_scale=args.guidance)
        model.config = replace(model.config, diffusion=diffusion)
    card = CARD.format(
        parameters=sum(parameter.numel() for parameter in model.parameters()) / 1e6,
        data=data_table(MotionStore.open(args.data)),
        scores=scores,
        ablations=ABLATIONS.format(tables=args.ablations.read_text("utf-8").strip())
        if args.ablations
        else "",
    )
    with replaced_folder(args.out) as partial:
        save_model(model, partial, tokenizer, card, dtype=torch.float16)
    print(f"{args.out}: {sum(file.stat().st_size for file in args.out.iterdir()) / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
