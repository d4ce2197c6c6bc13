"""The page of findings: each claim of the paper with the published and the measured value, curves and a verdict."""

from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from string import Template

from bimotion.evaluation.intervals import Measured
from bimotion.storage.atomic import atomic_path
from bimotion.study.arms import LATENTS, STREAMS
from bimotion.study.claims import CLAIMS, METRIC_TITLES, Evidence, chance, judged, leaves_chance, speed
from bimotion.study.curves import curve_picture
from bimotion.study.figures import Figures

ARM_TITLES = {
    "two": "two branches",
    "one": "single stream, shared weights",
    "experts": "single stream, learned experts",
    "half": "two branches, motion half as wide",
}
"""Names of streams in tables."""

SPEED_METRICS = ("train_motion", "train_text", "t2m_diffusion", "m2t_text", "r3", "mm_dist")
QUALITY_METRICS = (
    "r3",
    "mm_dist",
    "fid",
    "t2m_diffusion",
    "m2t_text",
    "bleu_4",
    "rouge_l",
    "cider_d",
    "caption_r3",
)
PICTURES = (("r3", "R@3 on validation captions"), ("m2t_text", "held-out text loss"))

SIZES = ("layers", "width", "heads", "vocabulary", "latents", "latent_width", "codes", "code_levels")
OPTIONS = (
    "width",
    "layers",
    "seeds",
    "steps",
    "batch_size",
    "tuning_steps",
    "tokenizer_steps",
    "text_steps",
    "validations",
    "windows",
    "validation_windows",
)
INTERFERENCE = ("interference", "interference_text", "interference_motion")

GROUPS = {
    "streams": {title: f"{stream}-vae" for stream, title in ARM_TITLES.items()},
    "latents": {
        f"{stream}, {kind}": f"{stream}-{kind}" for stream in ("two", "one") for kind in ("vae", "vq")
    },
    "schedules": {
        "I+II+III": "two-vae-123",
        "I+III": "two-vae-13",
        "II+III": "two-vae-23",
        "III": "two-vae",
    },
}
"""The pictures, and in each the arms by label."""


def write_findings(figures: Figures, page: Path, pictures: Path) -> None:
    """Write the page and its pictures; the pictures' folder stands beside the page or below it."""
    pictures.mkdir(parents=True, exist_ok=True)
    links: dict[str, str] = {}
    for group, arms in _groups(figures).items():
        for metric, title in PICTURES:
            curves = {label: [run.curve(metric) for run in figures.of(arm)] for label, arm in arms.items()}
            if not curves:
                continue
            name = f"findings-{group}-{metric}.svg"
            with atomic_path(pictures / name) as partial:
                partial.write_text(curve_picture(curves, title, "step"), encoding="utf-8")
            links.setdefault(group, "")
            relative = (pictures / name).resolve().relative_to(page.parent.resolve())
            links[group] += f"![{title} of {', '.join(curves)}]({relative.as_posix()})\n"
    template = Template(resources.files("bimotion.study").joinpath("static/findings.md").read_text("utf-8"))
    values: dict[str, object] = {**_facts(figures), **_tables(figures)}
    text = template.substitute(values, **{f"{group}_pictures": links.get(group, "") for group in GROUPS})
    with atomic_path(page) as partial:
        partial.write_text(text, encoding="utf-8")


def _groups(figures: Figures) -> dict[str, dict[str, str]]:
    """The arms of each picture, by label, as far as there are runs of them."""
    present = set(figures.arms())
    return {
        group: {label: arm for label, arm in arms.items() if arm in present} for group, arms in GROUPS.items()
    }


def _facts(figures: Figures) -> dict[str, object]:
    """Single values of the page."""
    settings, size, shared = figures.settings, figures.settings["size"], figures.shared
    return {
        "commands": "\n".join(_commands(figures)),
        "chance": f"{chance(figures):.3f}",
        "learnt": _learnt(figures),
        "train_windows": f"{shared['windows']['train']:,}",
        "val_windows": shared["windows"]["validation"],
        **{name: size[name] for name in SIZES},
        **{name: settings[name] for name in ("steps", "tuning_steps", "text_steps")},
        "batch": settings["batch_size"],
        "rates": ", ".join(f"{rate:g}" for rate in settings["learning_rates"]),
        "runs": ", ".join(f"{arm} {len(figures.of(arm))}" for arm in figures.arms()),
        "reference_r3": f"{shared['references']['caption_r3']:.3f}",
        **_limits(figures),
        "examples": f"{settings['steps'] * settings['batch_size']:,}",
    }


LANGUAGE_MODEL_WEIGHTS = 28.3e6
"""Weights of the layers of the bundled model's text branch: 8 layers of SmolLM2-135M."""


def _limits(figures: Figures) -> dict[str, object]:
    """Values of the section on limits."""
    arms = figures.arms()
    rates = [figures.of(arm)[0].facts["lr"] for arm in arms]
    # a text branch is as large as the motion branch of `two` and as the layers of `one`
    weights = next(
        (run.facts["parameters"]["active"] for run in figures.runs if run.arm.startswith(("two-", "one-"))),
        figures.runs[0].facts["parameters"]["active"],
    )
    claimed = {arm for *_, arm, baseline, _ in CLAIMS for arm in (arm, baseline)}
    absent = sorted(claimed - set(arms))
    few = [arm for arm in arms if len(figures.of(arm)) < figures.settings["seeds"]]
    missing = [f"Not run: {', '.join(absent)}."] if absent else []
    missing += [f"With fewer seeds than {figures.settings['seeds']}: {', '.join(few)}."] if few else []
    return {
        "lowest": sum(rate == min(figures.settings["learning_rates"]) for rate in rates),
        "arms_count": len(arms),
        "text_weights": f"{weights / 1e6:.2g} million",
        "times_smaller": f"{LANGUAGE_MODEL_WEIGHTS / weights:.0f}",
        "steps_of_it": f"{figures.settings['steps'] * weights / LANGUAGE_MODEL_WEIGHTS:.1f}",
        "missing": " ".join(missing) or "All arms were run with all seeds.",
    }


def _commands(figures: Figures) -> list[str]:
    """The commands that make the runs."""
    values = {**figures.settings["size"], **figures.settings}
    options = " ".join(f"--{name.replace('_', '-')} {values[name]}" for name in OPTIONS if values[name])
    streams: dict[str, str] = {
        kind: " ".join(stream for stream in STREAMS if figures.of(f"{stream}-{kind}")) for kind in LATENTS
    }
    if len({*streams.values()}) == 1:
        streams = {" ".join(streams): streams[LATENTS[0]]}
    return [
        f"bimotion study --data data/cmu --out runs/study --stream {names} --latents {kind} \\\n  {options}"
        for kind, names in streams.items()
        if names
    ]


def _learnt(figures: Figures) -> str:
    """Which arms generate motions that follow their captions at all."""
    known = [arm for arm in figures.arms() if leaves_chance(figures, arm)]
    which = f"lies above chance in {', '.join(known)}" if known else "lies above chance in no arm"
    rest = (
        ""
        if known
        else " Motions do not follow their captions yet at this budget, so R@3, MM-Dist and FID decide nothing about "
        "the paper's claims; what remains are the losses, the costs and the gradients."
    )
    return f"With 95 % confidence the last R@3 {which}.{rest}"


def _tables(figures: Figures) -> dict[str, str]:
    """Tables of the page."""
    present = {title: f"{stream}-vae" for stream, title in ARM_TITLES.items() if figures.of(f"{stream}-vae")}
    kinds = {arm: arm for arm in figures.arms() if arm.count("-") == 1}
    schedules = {title: arm for title, arm in GROUPS["schedules"].items() if figures.of(arm)}
    return {
        "claims": table(["claim", "paper", "here", "verdict at this scale"], judged(figures)),
        "ceiling": _ceiling(figures),
        "costs": _cost_table(figures),
        "speeds": table(
            ["", *(METRIC_TITLES[metric] for metric in SPEED_METRICS)],
            [
                [title, *(_cell(speed(figures, arm, "one-vae", metric)) for metric in SPEED_METRICS)]
                for title, arm in present.items()
                if arm != "one-vae"
            ],
        ),
        "streams": _final_table(figures, present),
        "interference": table(
            ["", "all layers", "text branch", "motion branch"],
            [
                [title, *(_measured(figures.final(arm, name)) for name in INTERFERENCE)]
                for title, arm in present.items()
            ],
        ),
        "latents_table": _final_table(figures, kinds),
        "schedules": _final_table(figures, schedules),
    }


def _ceiling(figures: Figures) -> str:
    shared, names = figures.shared, ("r3", "mm_dist", "fid")
    rows = [["recordings", *(f"{shared['recorded'][name]:.3f}" for name in names), ""]]
    for kind in ("vae", "vq"):
        scores = shared.get(f"reconstruction_{kind}")
        if scores is None:
            continue
        cells = (f"{scores[name]:.3f}" for name in names)
        rows.append([f"reconstructions, {kind}", *cells, f"{scores['world_mm']:.0f}"])
    rows.append(["chance", f"{chance(figures):.3f}", "", "", ""])
    windows = shared["windows"]["validation"]
    return table(["", "R@3", "MM-Dist", "FID", f"joint error in the world, mm ({windows} windows)"], rows)


def _cost_table(figures: Figures) -> str:
    rows = []
    for arm in figures.arms():
        run = figures.of(arm)[0]
        counts = run.facts["parameters"]
        last = [event for event in run.events() if event["kind"] == "validation"][-1]
        cost = run.facts["stages"][-1]["log"]
        measured = [event for event in cost if event["kind"] == "validation"][-1]
        rows.append(
            [
                arm,
                *(f"{counts[name] / 1e3:.0f} k" for name in ("layers", "active", "heads")),
                f"{measured['flops_per_example'] / 1e9:.4f}",
                f"{last['cpu_seconds'] / last['step']:.3f}",
                f"{run.facts['lr']:g}",
                f"{run.facts['sampling']:g}",
            ]
        )
    return table(
        ["arm", "layers", "active", "heads", "GFLOP", "CPU s", "learning rate", "guidance or temperature"],
        rows,
    )


def _final_table(figures: Figures, arms: dict[str, str]) -> str:
    rows = [
        [title, *(_measured(figures.final(arm, metric)) for metric in QUALITY_METRICS)]
        for title, arm in arms.items()
    ]
    return table(["", *(METRIC_TITLES[metric] for metric in QUALITY_METRICS)], rows)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table whose columns but the first are aligned to the right."""
    lines = [f"| {' | '.join(head)} |", f"| --- |{' ---: |' * (len(head) - 1)}"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(lines)


def _cell(evidence: Evidence | None) -> str:
    return "" if evidence is None else evidence.value.removesuffix(" times")


def _measured(value: Measured | None) -> str:
    return "" if value is None else str(value)
