"""Time and overhead of a job in this process, in two processes, and on a Ray cluster with two workers.

    python -m benchmarks.scale [--motions 64] [--best N] [--recordings FOLDER] [--engines local local-2 ray]

Generates motions with the bundled model into Parquet files, and captions the recordings of a folder where one is named.
`start` is the time until work begins: Ray, worker processes, the model. Processor time hardly depends on what else
the machine does: `work` is that of the workers, `driver` that of this process, per motion.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bimotion
from bimotion.engines.engine import Engine, Start
from bimotion.engines.local import LocalEngine
from bimotion.engines.on_ray import RayEngine, connect
from bimotion.inference.model import MotionLanguageModel
from bimotion.jobs.folders import recordings
from bimotion.jobs.tables import Part, table_job
from bimotion.jobs.work import Captions, Prompt
from bimotion.motion.clip import Clip

SENTENCES = (
    "a person walks forward",
    "a person waves with the right hand",
    "a person jumps",
    "a person sits down",
)


def engine(name: str) -> Engine:
    """The engine of a name."""
    return {"local": LocalEngine(1), "local-2": LocalEngine(2), "ray": RayEngine(2)}[name]


@dataclass(frozen=True)
class Generate:
    """Generates the motion of a sentence as `bimotion generate --from` does."""

    best: int | None

    def __call__(self, model: MotionLanguageModel, prompt: Prompt) -> Clip:
        """The motion."""
        return model.text_to_motion(prompt.text, seed=prompt.seed, best=self.best)


@dataclass(frozen=True)
class Timed:
    """Work that says when it began and ended, by the clock that all processes share."""

    start: Start[Any, Any]

    def __call__(self) -> Any:
        """The work of a process."""
        work = self.start()

        def timed(batch: Sequence[Any]) -> Iterator[tuple[float, float, float]]:
            begun, processor = time.time(), time.process_time()
            count = sum(1 for _ in work(batch))
            times = begun, time.time(), time.process_time() - processor
            yield from [times] * count

        return timed


def measure(name: str, start: Start[Any, Any], entries: Sequence[Any], batch: int, count: int) -> str:
    """A row of the table for `count` motions in these entries."""
    begun, processor = time.time(), time.process_time()
    if name == "ray":
        connect(2)
    times = {result for _, result in engine(name).map(Timed(start), entries, batch)}
    ended, processor = time.time(), time.process_time() - processor
    first, last = min(each[0] for each in times), max(each[1] for each in times)
    work = sum(each[2] for each in times)
    driver = processor - work if name == "local" else processor
    return (
        f"{name:8} {ended - begun:6.1f} s in all, {first - begun:5.1f} s to start, "
        f"{1000 * (last - first) / count:6.0f} ms a motion; processor: {1000 * work / count:6.0f} ms of work, "
        f"{1000 * driver / count:5.0f} ms of the driver"
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--motions", type=int, default=64)
    parser.add_argument("--per-file", type=int, default=8)
    parser.add_argument("--best", type=int, help="candidates for each motion (default: the model's)")
    parser.add_argument("--recordings", type=Path)
    parser.add_argument("--engines", nargs="+", default=["local", "local-2", "ray"])
    args = parser.parse_args()
    prompts = [(str(i), Prompt(SENTENCES[i % len(SENTENCES)], None, i, f"{i}")) for i in range(args.motions)]
    with tempfile.TemporaryDirectory() as name:
        out = Path(name)
        job = table_job(prompts, out, bimotion.load, Generate(args.best), per_file=args.per_file)
        parts: list[Part] = [part for _, part in job.entries]
        print("generate")
        for each in args.engines:
            print(measure(each, job.start, parts, job.batch, args.motions), flush=True)
        size = sum(file.stat().st_size for file in out.glob("*.parquet"))
        print(f"Parquet: {size / args.motions / 1000:.1f} kB a motion")
    if args.recordings is not None:
        found = [entry for _, entry in recordings(args.recordings)][: args.motions]
        print("caption")
        for each in args.engines:
            work = Captions(bimotion.load, bimotion.read_clip)
            print(measure(each, work, found, 4, len(found)), flush=True)
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(f"memory: this process {own} MB, its largest child {children} MB")


if __name__ == "__main__":
    main()
