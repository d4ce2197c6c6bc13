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
    measured in the same run. Without --model the weights are random, with the sizes of a preset. --workflows measures
    what a user waits for instead, from the command to the file, with the bundled model or --model. No other program
    should be running: the load, and how far repeats differ, are printed and warned about.

    examples:
      bimotion benchmark
      bimotion benchmark --only captioning --repeats 9
      bimotion benchmark --preset tiny --json > speed.json
      bimotion benchmark --workflows
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
    workflows: Flag = False
    """Measure the command, files, preparing of data, search and batches with clean-up instead."""
    repeats: Annotated[int, arg(metavar="N")] = 5
    """Number of measurements, after a first one that is not counted."""
    threads: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: torch's)")] = None
    """Number of CPU threads. With 1, processor time is measured, which other programs hardly change."""
    json: Flag = False
    """Print one JSON object instead of a table."""

    def run(self) -> None:
        """Measure, and print."""
        for name, value in (("--repeats", self.repeats), ("--threads", self.threads)):
            if value is not None and value < 1:
                raise UsageError(f"{name}: expected 1 or more, got {value}")

        import torch

        from bimotion.benchmark.machine import load_average
        from bimotion.benchmark.report import as_json, as_table, disturbance

        if self.threads is not None:
            torch.set_num_threads(self.threads)
        threads, load = torch.get_num_threads(), load_average()
        about = self._about(threads, load)
        if self.workflows:
            self._run_workflows(about)
            return
        measured, machine = self._measure(threads)
        warning = disturbance([one.spread for one in measured], load)
        if self.json:
            say_lines(json.dumps({**as_json(measured, machine, about), "disturbed": warning}, indent=1))
        else:
            say(
                f"{_first_line(about)}: memory {machine.bytes_per_second / 1e9:.1f} GB/s, last cache "
                f"{machine.cache_bytes / 1e6:.0f} MB {machine.cached_bytes_per_second / 1e9:.0f} GB/s, matrix products "
                f"{machine.flops_per_second / 1e9:.0f} GFLOP/s"
            )
            say()
            say_lines(as_table(measured, machine))
        if warning:
            note(f"bimotion: {warning}")

    def _run_workflows(self, about: dict[str, Any]) -> None:
        """Measure and print what users wait for."""
        from bimotion.api import model_folder
        from bimotion.benchmark.report import disturbance, workflows_as_json, workflows_as_table
        from bimotion.benchmark.workflows import measure_workflows

        about = {**about, "model": self.model or "the bundled model"}
        waited = []
        for one in measure_workflows(model_folder(self.model), self.repeats):
            note(f"{one.name}: {one.median:.3f} s")
            waited.append(one)
        warning = disturbance([one.spread for one in waited], about["load"])
        if self.json:
            say_lines(
                json.dumps({**about, "workflows": workflows_as_json(waited), "disturbed": warning}, indent=1)
            )
        else:
            say(_first_line(about))
            say()
            say_lines(workflows_as_table(waited))
        if warning:
            note(f"bimotion: {warning}")

    def _about(self, threads: int, load: float | None) -> dict[str, Any]:
        import torch

        from bimotion.models.kernels import available, variant

        return {
            "model": self.model or self.preset,
            "threads": threads,
            "torch": torch.__version__,
            "kernels": available(),
            "instructions": variant(),
            "load": None if load is None else round(load, 2),
        }

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


def _first_line(about: dict[str, Any]) -> str:
    kernels = (
        f"bimotion's kernels ({about['instructions']})"
        if about["kernels"]
        else "torch's operations (the kernels were not compiled)"
    )
    load = "" if about["load"] is None else f", load before the run {about['load']:.1f}"
    return f"{about['model']}, {about['threads']} threads, torch {about['torch']}, {kernels}{load}"
