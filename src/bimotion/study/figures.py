"""The figures of finished runs: curves on a common clock, times to reach a value, intervals over seeds."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bimotion.errors import DataError
from bimotion.evaluation.intervals import Measured, student_interval
from bimotion.storage.atomic import atomic_path
from bimotion.storage.json_files import read_json_object
from bimotion.study.curves import Points

RUN_FILE, SHARED_FILE, SETTINGS_FILE = "figures.json", "shared.json", "study.json"
"""Files of a study's folder: the figures of a run (in the run's folder), values shared by all runs, the settings."""

HIGHER_IS_BETTER = frozenset({"r1", "r3", "bleu_4", "rouge_l", "cider_d", "caption_r3"})
"""Metrics for which higher is better; for all others lower is better."""

TRAIN_LOSSES = {"train_motion": "diffusion", "train_text": "text"}
"""Losses of training by the name of their curve: means since the measurement before."""


@dataclass(frozen=True)
class Run:
    """The figures of one run."""

    arm: str
    """Name of the arm."""
    seed: int
    """Seed."""
    facts: dict[str, Any]
    """Contents of its file of figures."""

    def events(self) -> list[dict[str, Any]]:
        """The events of all stages in order; steps, examples, FLOPs and CPU seconds count from the first stage on."""
        batch = int(self.facts["batch_size"])
        events: list[dict[str, Any]] = []
        steps, flops, seconds = 0, 0.0, 0.0
        for stage in self.facts["stages"]:
            measured = [event for event in stage["log"] if event["kind"] == "validation"]
            cost = float(measured[-1]["flops_per_example"]) * batch
            for event in stage["log"]:
                clock = {
                    "step": steps + event["step"],
                    "examples": batch * (steps + event["step"]),
                    "flops": flops + cost * event["step"],
                }
                if "cpu_seconds" in event:
                    clock["cpu_seconds"] = seconds + event["cpu_seconds"]
                events.append({**event, **clock})
            steps += stage["steps"]
            flops += cost * stage["steps"]
            seconds += float(measured[-1]["cpu_seconds"])
        return events

    def curve(self, metric: str, clock: str = "step") -> Points:
        """Values of a metric at the measurements."""
        points: list[tuple[float, float]] = []
        losses: list[float] = []
        for event in self.events():
            if event["kind"] == "train":
                losses.append(float(event[TRAIN_LOSSES.get(metric, "loss")]))
            elif metric in TRAIN_LOSSES and losses:
                points.append((float(event[clock]), float(np.mean(losses))))
                losses = []
            elif metric in event:
                points.append((float(event[clock]), float(event[metric])))
        return points

    def final(self, metric: str) -> float | None:
        """The last value of a metric; None where it was not measured."""
        points = self.curve(metric)
        return points[-1][1] if points else None


@dataclass(frozen=True)
class Figures:
    """A study's settings, what its runs share, and its finished runs."""

    settings: dict[str, Any]
    """Settings (`StudyConfig`)."""
    shared: dict[str, Any]
    """Scores of the recordings and of reconstructions."""
    runs: list[Run]
    """Finished runs."""
    trials: list[dict[str, Any]]
    """Trials of learning rates."""

    def of(self, arm: str) -> list[Run]:
        """The runs of an arm, by seed."""
        return sorted((run for run in self.runs if run.arm == arm), key=lambda run: run.seed)

    def arms(self) -> list[str]:
        """Arms with a finished run, in the order in which they were run."""
        return list(dict.fromkeys(run.arm for run in self.runs))

    def final(self, arm: str, metric: str) -> Measured | None:
        """Mean and 95 % interval over seeds of the last value of a metric."""
        values = [value for run in self.of(arm) if (value := run.final(metric)) is not None]
        return student_interval(values) if values else None


def collect(folder: Path) -> Figures:
    """The figures of a study's folder.

    Raises:
        DataError: the folder holds no study, or no run is finished.
    """
    settings = read_json_object(folder / SETTINGS_FILE)
    shared = read_json_object(folder / SHARED_FILE)
    found = [read_json_object(path) for path in folder.glob(f"*/seed-*/{RUN_FILE}")]
    if not found:
        raise DataError(f"{folder}: no run is finished yet")
    trials = [read_json_object(path) for path in sorted(folder.glob(f"tuning/*/lr-*/{RUN_FILE}"))]
    batch = settings.get("batch_size")
    runs = [_run({**facts, "batch_size": batch}, folder) for facts in found]
    runs.sort(key=lambda run: (run.seed, run.arm))
    settings = {name: value for name, value in settings.items() if name not in ("data", "out")}
    return Figures(settings, shared, runs, trials)


def _run(facts: dict[str, Any], where: Path) -> Run:
    """A run whose curves can be computed.

    Raises:
        DataError: the facts are others than those of a run.
    """
    try:
        run = Run(facts["arm"], facts["seed"], facts)
        if type(run.arm) is not str or type(run.seed) is not int:
            raise TypeError("expected arm and seed")
        for event in run.events():
            for name in set(event) - {"kind"}:
                float(event[name])
        for name in (*TRAIN_LOSSES, *HIGHER_IS_BETTER):
            run.curve(name)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, ArithmeticError) as error:
        raise DataError(f"{where}: not the figures of a study ({type(error).__name__}: {error})") from None
    return run


def save_figures(figures: Figures, path: Path) -> None:
    """Write the figures as one JSON file."""
    lines = [json.dumps(run.facts, separators=(",", ":")) for run in figures.runs]
    trials = [json.dumps(trial, separators=(",", ":")) for trial in figures.trials]
    with atomic_path(path) as partial:
        partial.write_text(
            "{\n"
            f'"settings": {json.dumps(figures.settings)},\n"shared": {json.dumps(figures.shared)},\n'
            f'"trials": [\n{_joined(trials)}\n],\n"runs": [\n{_joined(lines)}\n]\n}}\n',
            encoding="utf-8",
        )


def read_figures(path: Path) -> Figures:
    """The figures that `save_figures` wrote.

    Raises:
        DataError: the file holds something else.
    """
    values = read_json_object(path)
    try:
        runs = [_run(facts, path) for facts in values["runs"]]
        return Figures(values["settings"], values["shared"], runs, values["trials"])
    except (KeyError, TypeError) as error:
        raise DataError(f"{path}: not the figures of a study ({error})") from None


def time_to_reach(curve: Points, target: float, *, higher: bool) -> float | None:
    """The first time at which a curve, linear between its points, is as good as `target`; None: never."""
    sign = 1.0 if higher else -1.0
    before: tuple[float, float] | None = None
    for x, y in curve:
        if sign * (y - target) >= 0:
            if before is None:
                return x
            return before[0] + (x - before[0]) * (target - before[1]) / (y - before[1])
        before = (x, y)
    return None


def times_faster(run: Run, baseline: Run, metric: str, clock: str = "step") -> float | None:
    """How many times faster a run reaches the final value of a baseline; below 1 where it is slower.

    A run that never reaches it is compared the other way round: the share of its budget in which the baseline reaches
    the run's own final value. None: the metric was not measured.
    """
    higher = metric in HIGHER_IS_BETTER
    curves = run.curve(metric, clock), baseline.curve(metric, clock)
    if not all(curves):
        return None
    needed = time_to_reach(curves[0], curves[1][-1][1], higher=higher)
    if needed is not None:
        return curves[1][-1][0] / needed
    other = time_to_reach(curves[1], curves[0][-1][1], higher=higher)
    assert other is not None, "of two curves one ends at least as well as the other"
    return other / curves[0][-1][0]


@dataclass(frozen=True)
class Ratio:
    """A ratio over seeds: geometric mean with its 95 % interval."""

    mean: float
    """Geometric mean."""
    low: float
    """Lower end of the interval."""
    high: float
    """Upper end of the interval."""
    count: int
    """Number of seeds."""

    def __str__(self) -> str:
        if self.count < 2:
            return f"{self.mean:.2f}"
        low = f"{self.low:.2f}" if self.low >= 0.01 else "< 0.01"
        high = f"{self.high:.2f}" if self.high <= 100 else "> 100"
        return f"{self.mean:.2f} ({low} to {high})"


def ratio_over_seeds(
    runs: Sequence[Run], baselines: Sequence[Run], metric: str, clock: str = "step"
) -> Ratio | None:
    """`times_faster` of runs and baselines of the same seeds; None if no seed has both."""
    by_seed = {run.seed: run for run in baselines}
    ratios = [
        ratio
        for run in runs
        if run.seed in by_seed and (ratio := times_faster(run, by_seed[run.seed], metric, clock)) is not None
    ]
    if not ratios:
        return None
    logs = student_interval([float(np.log(ratio)) for ratio in ratios])
    low, high = logs.mean - logs.interval, logs.mean + logs.interval
    return Ratio(float(np.exp(logs.mean)), float(np.exp(low)), float(np.exp(high)), len(ratios))


def difference_over_seeds(runs: Sequence[Run], baselines: Sequence[Run], metric: str) -> Measured | None:
    """Mean and interval of the difference of final values, run minus baseline, over seeds that both have."""
    by_seed: Mapping[int, Run] = {run.seed: run for run in baselines}
    differences = []
    for run in runs:
        pair = run.final(metric), by_seed[run.seed].final(metric) if run.seed in by_seed else None
        if pair[0] is not None and pair[1] is not None:
            differences.append(pair[0] - pair[1])
    return student_interval(differences) if differences else None


def _joined(lines: Sequence[str]) -> str:
    return ",\n".join(lines)
