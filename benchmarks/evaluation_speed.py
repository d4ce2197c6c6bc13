"""Time and memory of an evaluation without generation, and time of indexing and searching a library.

    python -m benchmarks.evaluation_speed DATA [--evaluator FOLDER] [--windows 4000] [--repeats 20]

Windows of DATA, some twice where it has fewer, are scored against themselves as another system's motions, from files.
A library of 10,000 recordings is made by repeating what 100 of them gave.
"""

import argparse
import json
import resource
import tempfile
import time
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path

import numpy as np

from bimotion.data.store import MotionStore, write_index
from bimotion.evaluation.evaluate import EvaluationConfig, evaluate
from bimotion.evaluation.evaluation_set import EvaluationSet, data_facts
from bimotion.evaluation.motion_folder import MotionFolder, export_prompts
from bimotion.evaluation.protocols import BIMOTION_1
from bimotion.evaluation.report import write_report
from bimotion.evaluators.embedding import read_embedder
from bimotion.search.index import Index
from bimotion.search.library import Library


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--evaluator", type=Path)
    parser.add_argument("--windows", type=int, default=4000)
    parser.add_argument("--repeats", type=int, default=20)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = many_windows(MotionStore.open(args.data), args.windows, folder / "data")
        generated = answered(data, folder / "made")
        begun = time.perf_counter()
        evaluation_set = EvaluationSet(MotionStore.open(data), BIMOTION_1)
        embedder = read_embedder(args.evaluator)
        config = EvaluationConfig(repeats=args.repeats)
        done = evaluate(
            evaluation_set,
            MotionFolder(generated, evaluation_set),
            embedder,
            config,
            lambda items, label: iter(items),
        )
        about = {
            "data": data_facts(evaluation_set),
            "settings": {"split": "test", "repeats": args.repeats, "seed": 0},
        }
        versions = {"versions": {"bimotion": "", "torch": ""}}
        write_report(done, "benchmark", about | versions, folder / "report")
        took = time.perf_counter() - begun
        print(f"{len(evaluation_set)} windows, {args.repeats} repeats: {took:.0f} s, of which {done.seconds}")
        print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
        search(generated / "00", args.evaluator)


def many_windows(store: MotionStore, count: int, folder: Path) -> Path:
    """A data set of so many test windows."""
    items = list(islice(cycle(store.items(mirrored=False, text=True)), count))
    folder.mkdir()
    for file in ("features.npy", "stats.npz", "meta.json"):
        (folder / file).symlink_to((store.folder / file).resolve())
    rows = [replace(item, id=f"{number:05d}", split="test") for number, item in enumerate(items)]
    write_index(rows, folder / "index.jsonl")
    return folder


def answered(data: Path, folder: Path) -> Path:
    """The recorded motions of one repeat as files, with their list of prompts."""
    store = MotionStore.open(data)
    evaluation_set = EvaluationSet(store, BIMOTION_1)
    (folder / "00").mkdir(parents=True)
    lines = export_prompts(evaluation_set, 1, folder).read_text("utf-8").splitlines()
    for item, line in zip(evaluation_set.items, lines, strict=True):
        np.save(folder / json.loads(line)["file"], store.features(item))
    return folder


def search(takes: Path, evaluator: Path | None, count: int = 10_000) -> None:
    """Time of indexing some recordings, and of a search among many."""
    for file in sorted(takes.iterdir())[100:]:
        file.unlink()
    begun = time.perf_counter()
    library = Library(takes, evaluator=evaluator)
    print(
        f"indexed {len(library)} recordings: {1000 * (time.perf_counter() - begun) / len(library):.0f} ms each"
    )
    times = -(-count // len(library))
    copies = [
        (replace(entry, name=f"{copy}/{entry.name}"), pieces)
        for entry, pieces in library.index.by_digest().values()
        for copy in range(times)
    ]
    library.index = Index.of(copies, library.index.pieces.embeddings.shape[1])
    library.search("a person walks.")
    begun = time.perf_counter()
    for text in ("a person waves.", "someone jumps twice.", "a person turns around."):
        library.search(text)
    each = 1000 * (time.perf_counter() - begun) / 3
    print(f"searched {len(library)} recordings, {len(library.index.pieces)} pieces: {each:.1f} ms")


if __name__ == "__main__":
    main()
