"""`bimotion benchmark`: speed on this machine, and the limit that its hardware sets."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import arg

from bimotion.cli.options import Flag, Model
from bimotion.cli.terminal import note, say, say_lines
from bimotion.cli.usage import UsageError
from bimotion.models.choices import PresetName

if TYPE_CHECKING:
    from pathlib import Path

    from bimotion.benchmark.machine import Machine
    from bimotion.benchmark.run import Measured


@dataclass(frozen=True)
class Benchmark:
    """Measure the speed of generation, captioning and training on this machine, next to its theoretical limit.

    The limit is set by memory bandwidth or arithmetic, whichever takes longer for each part of the work; both are
    measured in the same run. Without --model the weights are random, with the sizes of a preset. No other program
    should be running.

    examples:
      bimotion benchmark
      bimotion benchmark --only captioning --repeats 9
      bimotion benchmark --preset tiny --json > speed.json
    """

    preset: PresetName = "gpt2"
    """Sizes of the network."""
    model: Model = None
    """Measure this model instead of a preset: a model folder or a Hub repository."""
    only: Annotated[
        Literal["text to motion", "captioning", "stage1", "stage3"] | None,
        arg(help_behavior_hint="(default: everything)"),
    ] = None
    """Measure only this."""
    repeats: Annotated[int, arg(metavar="N")] = 5
    """Number of measurements, after a first one that is not counted."""
    threads: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: torch's)")] = None
    """Number of CPU threads."""
    json: Flag = False
    """Print one JSON object instead of a table."""

    def run(self) -> None:
        """Measure, and print."""
        for name, value in (("--repeats", self.repeats), ("--threads", self.threads)):
            if value is not None and value < 1:
                raise UsageError(f"{name}: expected 1 or more, got {value}")

        import torch

        from bimotion.benchmark.report import as_json, as_table

        if self.threads is not None:
            torch.set_num_threads(self.threads)
        threads = torch.get_num_threads()
        measured, machine = self._measure(threads)
        if self.json:
            say_lines(json.dumps(as_json(measured, machine, self._about(threads)), indent=1))
            return
        about = self._about(threads)
        kernels = (
            "bimotion's kernels" if about["kernels"] else "torch's operations (the kernels were not compiled)"
        )
        say(
            f"{about['model']}, {threads} threads, torch {torch.__version__}, {kernels}: memory "
            f"{machine.bytes_per_second / 1e9:.1f} GB/s, matrix products {machine.flops_per_second / 1e9:.0f} GFLOP/s"
        )
        say()
        say_lines(as_table(measured, machine))

    def _about(self, threads: int) -> dict[str, Any]:
        import torch

        from bimotion.models.kernels import available

        model = self.model or self.preset
        return {"model": model, "threads": threads, "torch": torch.__version__, "kernels": available()}

    def _measure(self, threads: int) -> "tuple[list[Measured], Machine]":
        """The figures, and the machine's rates: the best before and after them."""
        from bimotion.api import model_folder
        from bimotion.benchmark.machine import Machine, measure_machine
        from bimotion.benchmark.run import random_weights
        from bimotion.models.presets import preset

        before = measure_machine()
        if self.model is None:
            with random_weights(preset(self.preset)) as folder:
                measured = self._figures(folder, threads)
        else:
            measured = self._figures(model_folder(self.model), threads)
        after = measure_machine()
        best = (max(rates) for rates in zip(vars(before).values(), vars(after).values(), strict=True))
        return measured, Machine(*best)

    def _figures(self, folder: "Path", threads: int) -> "list[Measured]":
        from bimotion.benchmark.figures import FIGURES
        from bimotion.benchmark.run import measure

        chosen = [figure for figure in FIGURES if figure.kind.startswith(self.only or "")]
        done = []
        for one in measure(chosen, folder, self.repeats, threads):
            figure = one.figure
            note(f"{figure.kind}, batch {figure.batch}, {figure.precision}: {one.median:.3f} s")
            done.append(one)
        return done
