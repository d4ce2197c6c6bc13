"""The claims of the paper, and the comparisons of runs that each rests on."""

from collections.abc import Callable
from dataclasses import dataclass

from bimotion.evaluation.intervals import Measured
from bimotion.evaluation.retrieval import GROUP_SIZE
from bimotion.study.figures import HIGHER_IS_BETTER, Figures, difference_over_seeds, ratio_over_seeds

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
"""Metrics as tables name them."""

CONFIRMED, NOT_CONFIRMED, OPPOSITE = "confirmed", "not confirmed", "opposite"
AT_CHANCE = "undecided: both at chance"


Comparison = Callable[[Figures, str, str, str], "Evidence | None"]
"""An arm against a baseline in one metric; None without runs of both with one seed."""


@dataclass(frozen=True)
class Evidence:
    """One comparison that a claim rests on."""

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
    return Evidence(_signed(found), low, high)


def speed(figures: Figures, arm: str, baseline: str, metric: str, clock: str = "step") -> Evidence | None:
    """How many times faster an arm reaches a baseline's last value; None without runs of both with one seed."""
    ratio = ratio_over_seeds(figures.of(arm), figures.of(baseline), metric, clock)
    if ratio is None:
        return None
    low, high = (ratio.low - 1, ratio.high - 1) if ratio.count > 1 else (-float("inf"), float("inf"))
    return Evidence(f"{ratio} times", low, high)


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
    ("two streams end better: R@3 of captions", "higher", difference, "two-vae", "one-vae", "caption_r3"),
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


def chance(figures: Figures) -> float:
    """R@3 of motions that have nothing to do with their captions."""
    return 3 / min(GROUP_SIZE, max(int(figures.shared["windows"]["validation"]), 3))


def leaves_chance(figures: Figures, arm: str) -> bool:
    """Whether the 95 % interval of an arm's last R@3 lies above chance."""
    found = figures.final(arm, "r3")
    return found is not None and found.mean - found.interval > chance(figures)


def judged(figures: Figures) -> list[tuple[str, str, str, str]]:
    """Each claim, the paper's number, the measured one, and the verdict.

    What generated motions show of two arms is undecided while neither leaves chance.
    """
    rows = []
    for claim, paper, measure, arm, baseline, metric in CLAIMS:
        found = measure(figures, arm, baseline, metric)
        if found is None:
            rows.append((claim, paper, "not measured", "none"))
            continue
        guessing = not any(leaves_chance(figures, each) for each in (arm, baseline))
        verdict = AT_CHANCE if metric in ("r3", "mm_dist") and guessing else found.verdict
        rows.append((claim, paper, found.value, verdict))
    return rows


def _signed(value: Measured) -> str:
    text = f"{value.mean:+.3f}"
    return text if value.repeats < 2 else f"{text} ± {value.interval:.3f}"
