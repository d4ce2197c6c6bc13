"""Make a trained model the one that comes with the package: weights in 8 and 16 bits, and a card with its scores.

    python -m tools.embed_model RUN DATA [--guidance W]
    bimotion adherence --recordings RECORDINGS --classifier CLASSIFIER --data DATA --out report.json
    python -m research.ablations embedded DATA --run RUN --stages RUN1 RUN2 --out ablations.md
    python -m tools.embed_model embedded DATA --report report.json --ablations ablations.md

The first writes the weights, the words of the training captions, captioned motions to start from, timed phrases and a
card without scores; the last puts the tables of
the other two into the card (`model_card.md`).
"""

import argparse
import json
import shutil
from dataclasses import replace
from pathlib import Path

import torch

from bimotion.api import EMBEDDED
from bimotion.data.store import MotionStore
from bimotion.evaluation.adherence.targets import markdown
from bimotion.features.layout import FPS
from bimotion.inference.actions import write_actions
from bimotion.inference.composing_model import SEGMENTS
from bimotion.inference.doubt import DOUBT_FILE
from bimotion.inference.known_words import write_known_words
from bimotion.inference.model import MotionLanguageModel
from bimotion.models.weights import load_model, save_model
from bimotion.training.folders import replaced_folder
from bimotion.training.language.init_model import find_model
from tools.make_examples import make_examples
from tools.measure_actions import measure_actions

INT8 = ("mixture.text.",)
"""Matrices stored in 8 bits: the pretrained text branch, which is most of the model."""

CARD = Path(__file__).with_name("model_card.md")
"""Template of the card, with the limits that no table shows."""

ABLATIONS = """
## Other settings, weights and stages

By `bimotion evaluate`'s protocol bimotion-1 on the test split, judged by the evaluator that comes with bimotion; `s` is
the seconds of one motion in batches of 32, without cleaning.

    python -m research.ablations embedded DATA --run RUN --stages RUN1 RUN2

{tables}
"""


def data_table(store: MotionStore) -> str:
    """Takes and windows by source."""
    lines = [
        "| source | licence | takes | windows and phrases: train | val | test |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    items = [item for item in store if not item.mirrored]
    for source in sorted({item.source for item in items}):
        of = [item for item in items if item.source == source]
        counts = [sum(item.split == split for item in of) for split in ("train", "val", "test")]
        takes = len({item.take for item in of})
        lines.append(f"| {source} | {of[0].licence} | {takes} | {' | '.join(map(str, counts))} |")
    hours = sum(item.num_frames for item in items) / FPS / 3600
    about = (
        f"{hours:.1f} hours at {FPS} frames per second, timed phrases counted beside the windows that contain them; "
        "training saw mirror images too."
    )
    return "\n".join([*lines, "", about])


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
    store = MotionStore.open(args.data)
    if args.guidance is not None:
        diffusion = replace(model.config.diffusion, guidance_scale=args.guidance)
        model.config = replace(model.config, diffusion=diffusion)
    card = CARD.read_text("utf-8").format(
        parameters=sum(parameter.numel() for parameter in model.parameters()) / 1e6,
        layers=model.config.mixture.layers,
        data=data_table(store),
        scores=scores,
        ablations=ABLATIONS.format(tables=args.ablations.read_text("utf-8").strip())
        if args.ablations
        else "",
    )
    captions = [caption for item in store.items("train", text=True) for caption in item.captions]
    with replaced_folder(args.out) as partial:
        save_model(model, partial, tokenizer, card, dtype=torch.float16, int8=INT8)
        write_known_words(captions, partial)
        write_actions(measure_actions(model, tokenizer, store), partial)
        make_examples(MotionLanguageModel.from_folder(partial), store, partial)
        if (folder / DOUBT_FILE).is_file():
            shutil.copy(folder / DOUBT_FILE, partial)
        else:
            print("fit its doubt: python -m tools.fit_doubt")
        if (args.out / SEGMENTS).is_dir():
            print(f"{args.out / SEGMENTS} stays; train it again if the text branch has changed")
            shutil.copytree(args.out / SEGMENTS, partial / SEGMENTS)
    size = sum(file.stat().st_size for file in args.out.rglob("*") if file.is_file())
    print(f"{args.out}: {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
