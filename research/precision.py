"""What fewer bits change in the motions and captions of a trained model.

    python -m research.precision [--model FOLDER] [--prompts 60]

Motions are generated from the requests of `bimotion adherence` with the same seeds in each precision, and the exact
ones are captioned in each; captions are compared up to their first full stop.
"""

import argparse

import numpy as np

import bimotion
from bimotion.evaluation.adherence.prompts import load_prompts

SECONDS = 4.0


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default=None)
    parser.add_argument("--prompts", type=int, default=60)
    args = parser.parse_args()
    texts = [request.text for request in load_prompts().requests][: args.prompts]
    model = bimotion.load(args.model)
    exact = model.text_to_motion(texts, seconds=SECONDS, seed=0)
    output = model.motion_to_text(exact)
    print(
        "| precision | joints apart, mean mm | median mm | same first sentence |\n| --- | ---: | ---: | ---: |"
    )
    for precision in ("bf16", "int8"):
        rough = bimotion.load(args.model, precision=precision)
        near = rough.text_to_motion(texts, seconds=SECONDS, seed=0)
        apart = [
            1000 * np.linalg.norm(a.joints - b.joints, axis=-1).mean()
            for a, b in zip(exact, near, strict=True)
        ]
        now = rough.motion_to_text(exact)
        same = np.mean([a.split(".")[0] == b.split(".")[0] for a, b in zip(output, now, strict=True)])
        print(f"| {precision} | {np.mean(apart):.1f} | {np.median(apart):.1f} | {same:.0%} |", flush=True)


if __name__ == "__main__":
    main()
