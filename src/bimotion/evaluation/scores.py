"""Scores by part, row and metric, and the list of metrics."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from bimotion.errors import DataError
from bimotion.evaluation.intervals import Measured
from bimotion.storage.records import value_from_json

Better = Literal["higher", "lower", "real", "none"]
"""Which values are better: higher ones, lower ones, those nearer to the recorded motions', or none."""


@dataclass(frozen=True)
class Metric:
    """Presentation of a metric."""

    title: str
    """Name in tables."""
    better: Better
    """Which values are better."""
    digits: int = 3
    """Decimal places."""


PARTS = {
    "text_to_motion": "Text to motion",
    "motion_to_text": "Motion to text: retrieval by caption",
    "captions_raw": "Motion to text: compared with the captions as written",
    "captions_tokens": "Motion to text: compared with the captions' tokens",
    "reconstruction": "Reconstruction",
    "prediction": "Prediction: the last four fifths from the first",
    "inbetween": "In-betweening: the middle half from the rest",
    "natural": "Motion quality, where the motions stand (no network)",
    "adherence": "Agreement with the caption",
}
"""Parts of a report and their headings, in order."""

OLD_PARTS = {"asked": "adherence"}
"""Names of parts in reports of earlier versions."""

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
    "skating_speed": Metric("speed of standing feet, m/s", "lower"),
    "penetration_mm": Metric("below the floor, mm", "lower", 1),
    "floating_mm": Metric("above the floor, mm", "real", 1),
    "jitter": Metric("jitter, m/s³", "real", 1),
    "bone_drift_mm": Metric("bone drift, mm", "lower", 2),
    "speed": Metric("speed, m/s", "real"),
    "elbow_range_deg": Metric("range of the elbows, °", "real", 1),
    "knee_range_deg": Metric("range of the knees, °", "real", 1),
    "side": Metric("left or right as in the caption", "higher"),
    "length_error_s": Metric("length error, s", "lower", 2),
    "length_bias_s": Metric("length bias, s", "none", 2),
}
"""Every metric, in the order of columns."""

REAL, SYSTEM, PUBLISHED = "real", "system", "published"
"""Rows: the recorded motions, the evaluated system, and HumanML3D's published scores of recorded motions."""

Scores = dict[str, dict[str, dict[str, Measured]]]
"""Part -> row -> metric -> measured value."""


def summarised(
    repeats: Sequence[Mapping[str, float]], interval: Callable[[Sequence[float]], Measured]
) -> dict[str, Measured]:
    """Mean and interval of each metric over the repeats in which it was measured."""
    return {
        name: interval([repeat[name] for repeat in repeats if name in repeat])
        for name in METRICS
        if any(name in repeat for repeat in repeats)
    }


def single(values: Mapping[str, float]) -> dict[str, Measured]:
    """Values that were measured once."""
    return {name: Measured(value, 0.0, 1) for name, value in values.items()}


def scores_to_json(scores: Scores) -> dict[str, Any]:
    """Scores as `results.json` holds them."""
    return {
        part: {row: {name: asdict(value) for name, value in metrics.items()} for row, metrics in rows.items()}
        for part, rows in scores.items()
    }


def scores_from_json(values: Mapping[str, Any], where: str) -> Scores:
    """The scores that `scores_to_json` wrote; old names of parts are replaced.

    Raises:
        DataError: the values are not scores.
    """
    scores: Scores = value_from_json(Scores, values, where, DataError)
    return {OLD_PARTS.get(part, part): rows for part, rows in scores.items()}
