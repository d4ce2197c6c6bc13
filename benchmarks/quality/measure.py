"""How good a model is, on motions and words that its training never saw: every bar that the embedded one is held to.

    python -m benchmarks.quality.measure MODEL DATA CLASSIFIER [--out report.json]
    python -m benchmarks.quality.measure MODEL DATA CLASSIFIER --parts text-to-motion prompts --guidance 2 --steps 10

MODEL is a model folder or the run that holds one, or `embedded`; DATA a prepared data set, of which the test split is
used without mirror images; CLASSIFIER what `python -m benchmarks.quality.classifier train` wrote. Prints a report in
Markdown; `--out` writes all numbers, the settings, and each failure with its words. Motions are made with the public
`MotionLanguageModel`, in batches; how far it is stands on the error stream.
"""

import argparse
import json
from pathlib import Path
from typing import Any, get_args

import bimotion
from benchmarks.quality.asked import PROMPTS, captions_asked, prompts_asked, test_windows
from benchmarks.quality.bars import held, markdown
from benchmarks.quality.classifier import Classifier
from benchmarks.quality.making import Settings, make_motions, prompts, text_to_motion
from benchmarks.quality.reconstruction import reconstruction
from benchmarks.quality.saying import motion_to_text, say_motions
from benchmarks.quality.speed import folder_megabytes, speed
from bimotion.api import model_folder
from bimotion.data.store import MotionStore
from bimotion.errors import BimotionError
from bimotion.models.diffusion import Sampler
from bimotion.storage.atomic import atomic_path
from bimotion.training.language.init_model import find_model

PARTS = ("reconstruction", "text-to-motion", "motion-to-text", "prompts", "speed")


def measure(
    folder: Path,
    store: MotionStore,
    classifier: Classifier,
    settings: Settings,
    parts: tuple[str, ...] = PARTS,
    count: int | None = None,
    rounds: int = 1,
) -> dict[str, Any]:
    """The results of each part, by its name."""
    model = bimotion.load(folder)
    results: dict[str, Any] = {"size_mb": folder_megabytes(folder)}
    if "reconstruction" in parts:
        results["reconstruction"] = reconstruction(
            model, store, test_windows(store, count, text=False), classifier
        )
    captioned = test_windows(store, count, text=True)
    if "text-to-motion" in parts:
        asked = captions_asked(captioned, rounds, settings.seed)
        made = make_motions(model, asked, settings, "text to motion")
        results["text_to_motion"] = text_to_motion(asked, made, store, classifier)
    if "motion-to-text" in parts:
        said = say_motions(model, store, captioned)
        results["motion_to_text"] = motion_to_text(captioned, said, store)
    if "prompts" in parts:
        for name in PROMPTS:
            asked = prompts_asked(name, rounds)
            results[name] = prompts(asked, make_motions(model, asked, settings, name), classifier)
    if "speed" in parts:
        results["speed"] = speed(model, folder, settings)
    return results


def main(argv: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("classifier", type=Path)
    parser.add_argument("--out", type=Path, help="JSON file to write")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="what to measure")
    parser.add_argument(
        "--count", type=int, help="test windows to measure on, the same every time; all if absent"
    )
    parser.add_argument("--rounds", type=int, default=1, help="motions of each window and prompt")
    parser.add_argument("--guidance", type=float, help="guidance scale; the model's own if absent")
    parser.add_argument("--steps", type=int, help="sampling steps; the model's own if absent")
    parser.add_argument("--sampler", choices=get_args(Sampler), help="the model's own if absent")
    parser.add_argument("--raw", action="store_true", help="what the network says, without cleaning")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    if min(args.rounds, 1 if args.count is None else args.count) < 1:
        parser.error("--count and --rounds: expected 1 or more")
    if args.out and not args.out.absolute().parent.is_dir():
        parser.error(f"--out: the folder {args.out.parent} does not exist")
    settings = Settings(args.seed, args.guidance, args.steps, args.sampler, not args.raw)
    try:
        folder = model_folder() if str(args.model) == "embedded" else find_model(args.model)
        store, classifier = MotionStore.open(args.data), Classifier.load(args.classifier)
        results = measure(folder, store, classifier, settings, tuple(args.parts), args.count, args.rounds)
    except BimotionError as error:
        raise SystemExit(str(error)) from error
    used = {
        name: value
        for name, value in vars(args).items()
        if name not in ("model", "data", "classifier", "out")
    }
    said = ", ".join(f"{name} {value}" for name, value in used.items() if value not in (None, False))
    name = folder.parent.name if folder.name == "model" else folder.name
    print(f"# Quality of {name}\n\nSettings: {said}.\n\n{markdown(results)}")
    if args.out:
        report = {
            "model": name,
            "settings": used,
            "bars": held(results),
            **results,
            "classifier": classifier.record,
        }
        with atomic_path(args.out) as path:
            path.write_text(json.dumps(report, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
