"""What a model has to reach, and the tables of a report, from what `measure` found."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bimotion.captions.contents import CONTENT_GROUPS

Results = Mapping[str, Any]


@dataclass(frozen=True)
class Bar:
    """One number that a model is held to."""

    name: str
    """What is measured."""
    key: str
    """Which part of the results it needs."""
    value: Callable[[Any], float | None]
    """The number, from that part; None where there was nothing to measure."""
    least: float | None = None
    """It must not be below this."""
    most: float | None = None
    """It must be below this."""
    unit: str = "%"
    """Its unit; shares are printed in per cent."""
    beside: Callable[[Any], float | None] | None = None
    """The same of recorded motions, or of the captions written for them."""

    def holds(self, value: float | None) -> bool | None:
        """Whether the number is good enough; None where there is no number."""
        if value is None:
            return None
        return (self.least is None or value >= self.least) and (self.most is None or value < self.most)

    def shown(self, value: float | None) -> str:
        """The number as a report prints it."""
        if value is None:
            return "-"
        if self.unit == "%":
            return f"{value:.1%}"
        digits = 1 if self.unit in ("mm", "MB") else 2
        return f"{value:.{digits}f} {self.unit}".strip()

    @property
    def wanted(self) -> str:
        """The bar as a report prints it."""
        return f">= {self.shown(self.least)}" if self.least is not None else f"< {self.shown(self.most)}"


def _share(counts: Mapping[str, int]) -> float | None:
    return counts["right"] / counts["of"] if counts["of"] else None


BARS = (
    Bar("VAE: mean root-relative error", "reconstruction", lambda r: r["vae"]["root_mm"], most=42, unit="mm"),
    Bar(
        "VAE: median world error", "reconstruction", lambda r: r["vae"]["world_mm_median"], most=45, unit="mm"
    ),
    *(
        Bar(
            f"VAE: {content}, root-relative",
            "reconstruction",
            lambda r, name=f"root_mm/{content}": r["vae"].get(name),
            most=60,
            unit="mm",
        )
        for content in ("walk", "turn")
    ),
    Bar(
        "text to motion: content",
        "text_to_motion",
        lambda r: r["content"]["right"],
        least=0.90,
        beside=lambda r: r["content_of_recorded"]["right"],
    ),
    Bar(
        "text to motion: left or right",
        "text_to_motion",
        lambda r: _share(r["side"]["left_or_right"]),
        least=0.95,
        beside=lambda r: _share(r["side_of_recorded"]["left_or_right"]),
    ),
    Bar(
        "motion to text: content",
        "motion_to_text",
        lambda r: r["content"]["right"],
        least=0.85,
        beside=lambda r: r["content_of_written"]["right"],
    ),
    Bar(
        "motion to text: left or right",
        "motion_to_text",
        lambda r: _share(r["side"]["left_or_right"]),
        least=0.90,
        beside=lambda r: _share(r["side_of_written"]["left_or_right"]),
    ),
    Bar("prompts outside the grammar: content", "prompts", lambda r: r["right"], least=0.75),
    Bar("prompts by another hand: content", "prompts_blind", lambda r: r["right"], least=0.75),
    *(
        Bar(
            f"{name}, generated / recorded",
            "text_to_motion",
            lambda r, key=key: r["quality"]["ratio"][key],
            most=1.5,
            unit="",
        )
        for name, key in (("foot skating", "skating_ratio"), ("jitter", "jitter"))
    ),
    Bar("size of the model folder", "size_mb", lambda r: r, most=48, unit="MB"),
    Bar("one motion", "speed", lambda r: r["generation_s"], most=0.3, unit="s"),
    Bar("`bimotion generate`, start-up included", "speed", lambda r: r["command_s"], most=4, unit="s"),
    Bar("`bimotion generate`, peak memory", "speed", lambda r: r["command_peak_mb"], most=700, unit="MB"),
)
"""Every bar, in the order of a report."""


LEGEND = (
    "made, recorded: motions of which the classifier names the content; side made: those that show the asked left or "
    "right; said: captions that name content and side; prompts: by the first of their contents; skating and jitter: "
    "generated against recorded"
)


def held(results: Results) -> list[dict[str, Any]]:
    """Each bar whose part was measured: name, value, bar, and whether it holds."""
    rows = []
    for bar in BARS:
        if bar.key in results:
            part = results[bar.key]
            value = bar.value(part)
            row = {"name": bar.name, "value": value, "shown": bar.shown(value), "bar": bar.wanted}
            beside = bar.shown(bar.beside(part)) if bar.beside else ""
            rows.append({**row, "recorded": beside, "holds": bar.holds(value)})
    return rows


def markdown(results: Results) -> str:
    """The report as Markdown: the bars, what stands beside them, and a line per content."""
    verdict = {True: "yes", False: "**no**", None: "-"}
    lines = ["| measured | value | bar | holds | recorded or written |", "| --- | ---: | ---: | --- | ---: |"]
    lines += [
        f"| {row['name']} | {row['shown']} | {row['bar']} | {verdict[row['holds']]} | {row['recorded']} |"
        for row in held(results)
    ]
    lines += ["", *_by_content(results), "", LEGEND, "", *_beside(results)]
    return "\n".join(lines)


def _by_content(results: Results) -> list[str]:
    columns: list[tuple[str, Callable[[str], str]]] = []
    if vae := results.get("reconstruction", {}).get("vae"):
        columns += [
            (f"VAE {name} mm", lambda of, name=name: _number(vae.get(f"{name}_mm/{of}")))
            for name in ("root", "world")
        ]
    if made := results.get("text_to_motion"):
        columns += [
            ("made", lambda of: _count(made["content"]["per_content"].get(of))),
            ("recorded", lambda of: _count(made["content_of_recorded"]["per_content"].get(of))),
            ("side made", lambda of: _count(made["side"]["per_content"].get(of))),
            ("skating", lambda of: _ratio(made["quality_by_content"].get(of), "skating_ratio")),
            ("jitter", lambda of: _ratio(made["quality_by_content"].get(of), "jitter")),
        ]
    if said := results.get("motion_to_text"):
        columns += [
            ("said", lambda of: _count(said["content"]["per_content"].get(of))),
            ("side said", lambda of: _count(said["side"]["per_content"].get(of))),
        ]
    for key, name in (("prompts", "prompts"), ("prompts_blind", "by another")):
        if asked := results.get(key):
            columns.append((name, lambda of, asked=asked: _count(asked["per_content"].get(of))))
    rows = [(of, [cell(of) for _, cell in columns]) for of in CONTENT_GROUPS]
    lines = [
        f"| content | {' | '.join(name for name, _ in columns)} |",
        f"| --- |{' ---: |' * len(columns)}",
    ]
    return lines + [f"| {of} | {' | '.join(cells)} |" for of, cells in rows if any(cells)] if columns else []


def _beside(results: Results) -> list[str]:
    lines = []
    if both := results.get("reconstruction"):
        lines += [
            "- Reconstruction, root-relative mean and median, world mean and median (mm): VAE alone "
            f"{_errors(both['vae'])}; by the model's latents {_errors(both['model'])}",
            f"- Reconstructed: content {both['content']['right']:.1%}, named otherwise: {_wrong(both['content'])}; "
            f"skating {_ratio(both['quality'], 'skating_ratio') or '-'} and jitter "
            f"{_ratio(both['quality'], 'jitter') or '-'} of the recorded",
        ]
    if made := results.get("text_to_motion"):
        content, recorded = made["content"], made["content_of_recorded"]
        lines += [
            f"- Made of captions: {content['count']} motions; fights, dances and raised hands taken as one "
            f"{content['right_merged']:.1%} (recorded {recorded['right_merged']:.1%}), mean over contents "
            f"{content['mean_over_contents']:.1%} (recorded {recorded['mean_over_contents']:.1%})",
            f"- Named otherwise: {_wrong(content)}",
            f"- Sides: {_sides(made['side'])}; recorded {_sides(made['side_of_recorded'])}",
            f"- Generated: {_quality(made['quality']['generated'])}",
            f"- Recorded: {_quality(made['quality']['recorded'])}",
            "- Length: mean error {mean_error_s:.2f} s, median {median_error_s:.2f} s, too long by "
            "{too_long_s:+.2f} s; always the median length {guess_error_s:.2f} s".format(**made["length"]),
            f"- In batches: {made['seconds_each']:.3f} s a motion",
        ]
    if said := results.get("motion_to_text"):
        content = said["content"]
        lines += [
            f"- Captions: {content['count']}, {said['different']} different; taken as one "
            f"{content['right_merged']:.1%}, mean over contents {content['mean_over_contents']:.1%}; "
            f"{_count(said['true'])} claim nothing that measured facts contradict, "
            f"{_count(said['ended'])} are one sentence",
            f"- Read otherwise: {_wrong(content)}",
            f"- Sides said: {_sides(said['side'])}",
        ]
    for key, name in (("prompts", "Prompts"), ("prompts_blind", "Prompts by another hand")):
        if not (asked := results.get(key)):
            continue
        groups = ", ".join(f"{name} {_count(counts)}" for name, counts in asked["groups"].items())
        lines.append(
            f"- {name}: {groups}; taken as one {asked['right_merged']:.1%}; sides {_sides(asked['side'])}"
        )
    if took := results.get("speed"):
        lines.append(f"- Speed with {took['threads']} threads; load of the machine {took['load']}")
    return lines


def _count(counts: Mapping[str, int] | None) -> str:
    return f"{counts['right']}/{counts['of']}" if counts and counts["of"] else ""


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"


def _ratio(quality: Mapping[str, Any] | None, name: str) -> str:
    value = quality["ratio"][name] if quality else None
    return "" if value is None else f"{value:.2f}"


def _errors(metrics: Mapping[str, float]) -> str:
    names = ("root_mm", "root_mm_median", "world_mm", "world_mm_median")
    return ", ".join(f"{metrics[name]:.1f}" for name in names)


def _wrong(scores: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {count}" for name, count in scores["wrong"].items()) or "none"


def _sides(side: Mapping[str, Any]) -> str:
    one = f"left or right {_count(side['left_or_right']) or '0/0'} ({side['opposite']} opposite)"
    return f"{one}, both {_count(side['both']) or '0/0'}"


def _quality(measured: Mapping[str, float]) -> str:
    return (
        f"skating in {measured['skating_ratio']:.1%} of steps, standing feet at {measured['skating_speed']:.2f} m/s, "
        f"jitter {measured['jitter']:.1f} m/s^3, {100 * measured['penetration']:.1f} cm below and "
        f"{100 * measured['floating']:.1f} cm above the floor, root at {measured['speed']:.2f} m/s"
    )
