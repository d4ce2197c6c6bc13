"""The page of findings: each claim of the paper with the published and the measured value, curves and a verdict."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from string import Template

from bimotion.evaluation.intervals import Measured
from bimotion.storage.atomic import atomic_path
from bimotion.study.curves import curve_picture
from bimotion.study.figures import HIGHER_IS_BETTER, Figures, difference_over_seeds, ratio_over_seeds

ARM_TITLES = {
    "two": "two branches",
    "one": "single stream, shared weights",
    "experts": "single stream, learned experts",
    "half": "two branches, motion half as wide",
}
"""Names of streams in tables."""

METRIC_TITLES = {
    "train_motion": "training loss, motion",
    "train_text": "training loss, text",
    "t2m_diffusion": "held-out loss, motion",
    "m2t_text": "held-out loss, text",
    "r3": "R@3",
    "mm_dist": "MM-Dist",
    "fid": "FID",
    "bleu_4": "BLEU-4",
    "rouge_l": "ROUGE-L",
    "cider_d": "CIDEr-D",
    "caption_r3": "R@3 of captions",
}
"""Names of metrics in tables."""

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

CONFIRMED, NOT_CONFIRMED, OPPOSITE = "confirmed", "not confirmed", "opposite"


Comparison = Callable[[Figures, str, str, str], "Evidence | None"]
"""An arm against a baseline in one metric; None without runs of both with one seed."""


@dataclass(frozen=True)
class Evidence:
    """One comparison that a claim rests on."""

    what: str
    """What is compared."""
    value: str
    """The measured value with its interval."""
    low: float
    """Lower end of the interval of how much better the claimed side is; 0 is no difference."""
    high: float
    """Upper end."""

    @property
    def verdict(self) -> str:
        """Whether the interval lies on the claimed side, on the other, or contains no difference."""
        if self.low > 0:
            return CONFIRMED
        return OPPOSITE if self.high < 0 else NOT_CONFIRMED


def difference(figures: Figures, arm: str, baseline: str, metric: str) -> Evidence | None:
    """How much better an arm's last value is than a baseline's; None without runs of both with one seed."""
    found = difference_over_seeds(figures.of(arm), figures.of(baseline), metric)
    if found is None:
        return None
    sign = 1.0 if metric in HIGHER_IS_BETTER else -1.0
    ends = sorted((sign * (found.mean - found.interval), sign * (found.mean + found.interval)))
    low, high = ends if found.repeats > 1 else (-float("inf"), float("inf"))
    return Evidence(f"{METRIC_TITLES[metric]}, difference", _signed(found), low, high)


def speed(figures: Figures, arm: str, baseline: str, metric: str, clock: str = "step") -> Evidence | None:
    """How many times faster an arm reaches a baseline's last value; None without runs of both with one seed."""
    ratio = ratio_over_seeds(figures.of(arm), figures.of(baseline), metric, clock)
    if ratio is None:
        return None
    low, high = (ratio.low - 1, ratio.high - 1) if ratio.count > 1 else (-float("inf"), float("inf"))
    return Evidence(METRIC_TITLES[metric], f"{ratio} times", low, high)


CLAIMS: tuple[tuple[str, str, Comparison, str, str, str], ...] = (
    (
        "two streams learn faster: training loss, motion",
        "2 times",
        speed,
        "two-vae",
        "one-vae",
        "train_motion",
    ),
    ("two streams learn faster: training loss, text", "2 times", speed, "two-vae", "one-vae", "train_text"),
    ("two streams learn faster: validation, R@3", "4 times", speed, "two-vae", "one-vae", "r3"),
    ("two streams learn faster: validation, MM-Dist", "4 times", speed, "two-vae", "one-vae", "mm_dist"),
    ("two streams end better: R@3", "higher", difference, "two-vae", "one-vae", "r3"),
    (
        "continuous latents beat VQ tokens, two branches: R@3",
        "VQ stays at 0.5",
        difference,
        "two-vae",
        "two-vq",
        "r3",
    ),
    (
        "continuous latents beat VQ tokens, single stream: R@3",
        "VQ stays at 0.5",
        difference,
        "one-vae",
        "one-vq",
        "r3",
    ),
    ("three stages beat stage III alone: R@3", "higher", difference, "two-vae-123", "two-vae", "r3"),
    ("three stages beat I+III: R@3", "higher", difference, "two-vae-123", "two-vae-13", "r3"),
    ("three stages beat II+III: R@3", "higher", difference, "two-vae-123", "two-vae-23", "r3"),
)
"""Claim, the paper's number, and the comparison that it rests on."""


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


def _claims(figures: Figures) -> list[tuple[str, str, str, str]]:
    """Claim, the paper's number, the measured one, verdict."""
    rows = []
    for claim, paper, measure, arm, baseline, metric in CLAIMS:
        found = measure(figures, arm, baseline, metric)
        measured = "not measured" if found is None else found.value
        rows.append((claim, paper, measured, "none" if found is None else found.verdict))
    return rows


def _facts(figures: Figures) -> dict[str, object]:
    """Single values of the page."""
    settings, size, shared = figures.settings, figures.settings["size"], figures.shared
    return {
        "options": " ".join(
            f"--{name.replace('_', '-')} {settings[name]}" for name in OPTIONS if settings[name]
        ),
        "train_windows": f"{shared['windows']['train']:,}",
        "val_windows": shared["windows"]["validation"],
        **{name: size[name] for name in SIZES},
        **{name: settings[name] for name in ("steps", "tuning_steps", "text_steps")},
        "batch": settings["batch_size"],
        "rates": ", ".join(f"{rate:g}" for rate in settings["learning_rates"]),
        "runs": ", ".join(f"{arm} {len(figures.of(arm))}" for arm in figures.arms()),
        "reference_r3": f"{shared['references']['caption_r3']:.3f}",
        "examples": f"{settings['steps'] * settings['batch_size']:,}",
    }


def _tables(figures: Figures) -> dict[str, str]:
    """Tables of the page."""
    present = {title: f"{stream}-vae" for stream, title in ARM_TITLES.items() if figures.of(f"{stream}-vae")}
    kinds = {arm: arm for arm in figures.arms() if arm.count("-") == 1}
    schedules = {title: arm for title, arm in GROUPS["schedules"].items() if figures.of(arm)}
    return {
        "claims": table(["claim", "paper", "here", "verdict at this scale"], _claims(figures)),
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
    return table(["", "R@3", "MM-Dist", "FID", "joint error in the world, mm"], rows)


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


def _signed(value: Measured) -> str:
    text = f"{value.mean:+.3f}"
    return text if value.repeats < 2 else f"{text} ± {value.interval:.3f}"
