"""Targets of the adherence measures, and the table of a report."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bimotion.evaluation.adherence.doubt import WarningTargets


@dataclass(frozen=True)
class Targets:
    """Targets of the adherence measures; shares are 0 to 1."""

    contrasts: float = 0.80
    """Least share of contrasts that differ as their sentences do."""
    requests: float = 0.75
    """Least share of requests that are fulfilled."""
    order: float = 0.85
    """Least share of two actions in a row in the right order."""
    side: float = 0.95
    """Least share of sides as named, each of hands, legs, turns and steps."""
    natural_times: float = 1.5
    """Most that skating and jitter of a content may be of the recorded motions'."""
    idle_times: float = 1.5
    """Most that jitter and speed of a limb with nothing to do may be of the recorded one's."""
    floor_offset: float = 0.015
    """Most that the lowest joint over a motion may be off the floor, median of a content, metres."""
    vae_root_mm: float = 30.0
    """Most mean error of reconstructed test windows relative to the root."""
    vae_world_mm: float = 30.0
    """Most median error of reconstructed test windows in the world."""
    true_captions: float = 0.90
    """Least share of captions of test windows that claim nothing that the measured facts contradict."""
    least_motions: int = 12
    """Contents with fewer motions, generated or recorded, are shown but not compared with the targets."""
    ends: float = 0.90
    """Least share of motions that come to rest or end in a full step."""


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    name: str
    value: float | None
    target: float
    at_least: bool
    recorded: float | None
    unit: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the value meets the target; None where nothing was measured."""
        if self.value is None:
            return None
        return self.value >= self.target if self.at_least else self.value <= self.target

    def to_json(self) -> dict[str, Any]:
        """The row as an object."""
        names = ("name", "value", "target", "at_least", "recorded", "unit", "met")
        return {name: getattr(self, name) for name in names}


def rows(results: Mapping[str, Any], targets: Targets | None = None) -> list[Row]:
    """The targets beside the measured values and those of recordings."""
    targets = targets or Targets()
    recorded = results.get("recorded", {})

    def share(part: str) -> float | None:
        value: float | None = recorded.get(part, {}).get("share")
        return value

    found = [
        Row("contrasts", results["contrasts"]["share"], targets.contrasts, True, share("contrasts")),
        Row("requests", results["requests"]["share"], targets.requests, True, share("requests")),
        Row(
            "two actions, right order",
            results["two_actions"]["share"],
            targets.order,
            True,
            share("two_actions"),
        ),
    ]
    by_side = recorded.get("sides", {}).get("by", {})
    for kind, count in results["sides"]["by"].items():
        found.append(
            Row(
                f"left or right: {kind}",
                count["share"],
                targets.side,
                True,
                by_side.get(kind, {}).get("share"),
            )
        )
    if natural := results.get("natural"):
        found += _natural_rows(natural, targets)
    if test_set := results.get("test_set"):
        errors, captions = test_set["reconstruction"], test_set["captions"]["share"]
        found += [
            Row(
                "VAE: error relative to the root, mean",
                errors["root_mm"],
                targets.vae_root_mm,
                False,
                None,
                "mm",
            ),
            Row(
                "VAE: error in the world, median",
                errors["world_mm_median"],
                targets.vae_world_mm,
                False,
                None,
                "mm",
            ),
            Row("captions without a false claim", captions, targets.true_captions, True, None),
        ]
    if doubt := results.get("doubt"):
        wrong, right = WarningTargets().warns_wrong, WarningTargets().warns_right
        found += [
            Row("warns about wrong requests", doubt["warns_wrong"], wrong, True, None),
            Row("warns about right requests", doubt["warns_right"], right, False, None),
        ]
    return found


def _natural_rows(natural: Mapping[str, Any], targets: Targets) -> list[Row]:
    contents = [
        row
        for row in natural["contents"].values()
        if min(row["motions"], row["recorded_motions"]) >= targets.least_motions
    ]
    idle = natural["idle"]
    worst = {
        name: max((row[name] for row in contents), default=None) for name in ("skating_times", "jitter_times")
    }
    offset = max((row["floor_offset"] for row in contents), default=None)
    real = max((row["floor_offset_recorded"] for row in contents), default=None)
    return [
        Row(
            "skating, worst content, times recorded",
            worst["skating_times"],
            targets.natural_times,
            False,
            1.0,
        ),
        Row(
            "jitter, worst content, times recorded", worst["jitter_times"], targets.natural_times, False, 1.0
        ),
        Row(
            "jitter of idle arms, times recorded",
            idle["jitter_times"] if idle else None,
            targets.idle_times,
            False,
            1.0,
        ),
        Row(
            "speed of idle arms, times recorded",
            idle["speed_times"] if idle else None,
            targets.idle_times,
            False,
            1.0,
        ),
        Row("lowest joint off the floor, worst content", offset, targets.floor_offset, False, real, "m"),
        Row(
            "comes to rest or ends in a full step",
            natural["ends"],
            targets.ends,
            True,
            natural["ends_recorded"],
        ),
    ]


def markdown(results: Mapping[str, Any], targets: Targets | None = None) -> str:
    """The report: the targets, contrasts by property, requests by kind, and naturalness by content."""
    verdict = {True: "yes", False: "**no**", None: "-"}
    lines = ["| measured | value | target | met | recordings |", "| --- | ---: | ---: | --- | ---: |"]
    for row in rows(results, targets):
        sign = ">=" if row.at_least else "<="
        lines.append(
            f"| {row.name} | {_number(row.value, row.unit)} | {sign} {_number(row.target, row.unit)} | "
            f"{verdict[row.met]} | {_number(row.recorded, row.unit)} |"
        )
    shuffled = results.get("requests_shuffled", {}).get("share")
    if shuffled is not None:
        lines += ["", f"Requests right by chance (motions exchanged among the requests): {shuffled:.2f}"]
    for part, title in (("contrasts", "contrasts by"), ("requests", "requests by")):
        if results[part]["by"]:
            by = results[part]["by"]
            lines += ["", f"| {title} | " + " | ".join(by) + " |", "| --- |" + " ---: |" * len(by)]
            lines.append(
                "| right | " + " | ".join(f"{each['right']}/{each['of']}" for each in by.values()) + " |"
            )
    if natural := results.get("natural"):
        lines += ["", *_contents(natural["contents"])]
    return "\n".join(lines)


def _contents(contents: Mapping[str, Mapping[str, Any]]) -> list[str]:
    lines = [
        "| content | motions | skating, times recorded | jitter, times recorded | lowest joint, cm | recorded, cm |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    return lines + [
        f"| {name} | {row['motions']} | {row['skating_times']:.2f} | {row['jitter_times']:.2f} | "
        f"{100 * row['floor_offset']:.1f} | {100 * row['floor_offset_recorded']:.1f} |"
        for name, row in contents.items()
    ]


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    digits = {"m": 3, "mm": 1}.get(unit, 2)
    return f"{value:.{digits}f} {unit}".strip()


def activity_table(scores: Mapping[str, Any]) -> str:
    """What the activity classifier accepts and rejects of test recordings, as Markdown."""
    lines = [
        "| activity | accepts | recordings | rejects others | others |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    return "\n".join(
        lines
        + [
            f"| {name} | {_number(row['accepts'] if row['windows'] else None, '')} | {row['windows']} | "
            f"{row['rejects']:.2f} | {row['others']} |"
            for name, row in scores.items()
        ]
    )
