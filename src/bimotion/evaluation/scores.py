"""What was measured, by part, by whose motions, and by metric; and what each metric is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from bimotion.errors import DataError
from bimotion.evaluation.intervals import Measured

Better = Literal["higher", "lower", "real", "none"]
"""Which values are good: high ones, low ones, those near the real motions', or neither."""


@dataclass(frozen=True)
class Metric:
    """How a metric is called and read."""

    title: str
    """Its name in tables."""
    better: Better
    """Which values are good."""
    digits: int = 3
    """Digits after the point."""


PARTS = {
    "text_to_motion": "Text to motion",
    "motion_to_text": "Motion to text: does a caption find its motion",
    "captions_raw": "Motion to text: against the captions as written",
    "captions_tokens": "Motion to text: against the captions' tokens",
    "reconstruction": "Reconstruction by latents",
    "prediction": "Prediction: the last four fifths from the first",
    "inbetween": "In-betweening: the middle half from the rest",
    "natural": "Naturalness, measured without a network",
    "asked": "Kept to what was asked",
}
"""Parts of a report and their headings, in order."""

METRICS = {
    "top_1": Metric("R-precision top 1", "higher"),
    "top_2": Metric("top 2", "higher"),
    "top_3": Metric("top 3", "higher"),
    "mm_dist": Metric("MM-Dist", "lower"),
    "fid": Metric("FID", "lower"),
    "diversity": Metric("Diversity", "real"),
    "multimodality": Metric("MultiModality", "none"),
    "bleu_1": Metric("BLEU-1", "higher"),
    "bleu_4": Metric("BLEU-4", "higher"),
    "rouge_l": Metric("ROUGE-L", "higher"),
    "cider_d": Metric("CIDEr", "higher"),
    "bert_score": Metric("BERTScore", "higher"),
    "mpjpe_mm": Metric("MPJPE, mm", "lower", 1),
    "pa_mpjpe_mm": Metric("PA-MPJPE, mm", "lower", 1),
    "acceleration_mm": Metric("acceleration error, mm/frame²", "lower", 1),
    "ade_m": Metric("ADE, m", "lower"),
    "fde_m": Metric("FDE, m", "lower"),
    "skating_ratio": Metric("foot skating, share of steps", "lower"),
    "skating_speed": Metric("standing feet, m/s", "lower"),
    "penetration_mm": Metric("below the floor, mm", "lower", 1),
    "floating_mm": Metric("above the floor, mm", "real", 1),
    "jitter": Metric("jitter, m/s³", "real", 1),
    "bone_drift_mm": Metric("bone drift, mm", "lower", 2),
    "speed": Metric("speed, m/s", "real"),
    "elbow_range_deg": Metric("range of the elbows, °", "real", 1),
    "knee_range_deg": Metric("range of the knees, °", "real", 1),
    "side": Metric("left or right as asked", "higher"),
    "length_error_s": Metric("length error, s", "lower", 2),
    "length_bias_s": Metric("too long by, s", "none", 2),
}
"""Every metric, in the order of columns."""

REAL, SYSTEM = "real", "system"
"""Whose motions a row is about."""

Scores = dict[str, dict[str, dict[str, Measured]]]
"""Part -> row (`real` or `system`) -> metric -> what was measured."""


def summarised(
    repeats: Sequence[Mapping[str, float]], interval: Callable[[Sequence[float]], Measured]
) -> dict[str, Measured]:
    """Mean and interval over repeats of each metric."""
    return {name: interval([repeat[name] for repeat in repeats]) for name in repeats[0]}


def single(values: Mapping[str, float]) -> dict[str, Measured]:
    """Numbers that were measured once."""
    return {name: Measured(value, 0.0, 1) for name, value in values.items()}


def scores_to_json(scores: Scores) -> dict[str, Any]:
    """As results.json holds them."""
    return {
        part: {row: {name: asdict(value) for name, value in metrics.items()} for row, metrics in rows.items()}
        for part, rows in scores.items()
    }


def scores_from_json(values: Mapping[str, Any], where: str) -> Scores:
    """What `scores_to_json` wrote.

    Raises:
        DataError: it is something else.
    """
    try:
        return {
            part: {
                row: {name: Measured(**value) for name, value in metrics.items()}
                for row, metrics in rows.items()
            }
            for part, rows in values.items()
        }
    except (TypeError, AttributeError) as error:
        raise DataError(f"{where}: not the scores of a report ({error})") from None
