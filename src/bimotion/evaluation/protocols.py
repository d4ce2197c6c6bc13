"""Evaluation protocols: all settings that a score depends on.

Scores of different protocols are never compared.
"""

from dataclasses import asdict, dataclass
from typing import Any

from bimotion.evaluation.intervals import Measured


@dataclass(frozen=True)
class Protocol:
    """How texts, motions and random draws are treated before a number is reported."""

    name: str
    """Name in reports and papers."""
    published_evaluator: bool
    """Only the published evaluator is allowed; its motion GRU reads the padding of batches of 32."""
    crops: bool
    """Motions are cropped to a multiple of 4 frames, a third of them 4 shorter, from a random frame."""
    random_captions: bool
    """Each repeat draws a caption of each motion; otherwise each repeat takes the next one."""
    drops_remainder: bool
    """Motions that fill no group of 32 are excluded from R-precision and MM-Dist."""
    equivalent_captions: bool
    """Every motion that has the same caption is a correct answer to it."""
    self_pairs: bool
    """Pairs for Diversity and MultiModality may hold the same motion twice."""
    normal_interval: bool
    """Intervals are 1.96 sigma / sqrt(n) with the population sigma; otherwise Student's."""
    flat_displacement: bool
    """ADE and FDE take the norm over all joints at once; otherwise the mean over joints."""
    max_references: int | None
    """Reference captions of a motion: the first N, repeated if there are fewer; None: all."""
    nmt_scores: bool
    """BLEU without smoothing and with the shortest reference; ROUGE-L as the median of resampled means."""
    plain_captions: bool
    """Generated captions are reduced to plain words before comparison with token references."""
    multimodality_texts: int
    """Texts per repeat for MultiModality."""
    multimodality_motions: int
    """Motions generated per text for MultiModality."""
    multimodality_pairs: int
    """Pairs drawn among the motions of a text."""
    diversity_pairs: int = 300
    """Pairs of motions for Diversity."""
    repeats: int = 20
    """Repeats of a full evaluation; each draws, and generates, anew."""
    real_fid_repeats: int | None = None
    """Repeats in which the recorded motions are embedded a second time for their own FID; None: all."""

    def to_json(self) -> dict[str, Any]:
        """Every choice, for a report."""
        return asdict(self)


HUMANML3D_2022 = Protocol(
    name="humanml3d-2022",
    published_evaluator=True,
    crops=True,
    random_captions=True,
    drops_remainder=True,
    equivalent_captions=False,
    self_pairs=True,
    normal_interval=True,
    flat_displacement=True,
    max_references=3,
    nmt_scores=True,
    plain_captions=False,
    multimodality_texts=100,
    multimodality_motions=30,
    multimodality_pairs=10,
)
"""As computed by Guo et al. 2022 and later papers, known faults included: comparable with published numbers."""

BIMOTION_1 = Protocol(
    name="bimotion-1",
    published_evaluator=False,
    crops=False,
    random_captions=False,
    drops_remainder=False,
    equivalent_captions=True,
    self_pairs=False,
    normal_interval=False,
    flat_displacement=False,
    max_references=None,
    nmt_scores=False,
    plain_captions=True,
    multimodality_texts=32,
    multimodality_motions=8,
    multimodality_pairs=28,
    real_fid_repeats=3,
)
"""Our protocol: whole motions, no padding effects, every window counted once, equivalent captions accepted."""

PROTOCOLS = {protocol.name: protocol for protocol in (BIMOTION_1, HUMANML3D_2022)}

HUMANML3D_GROUND_TRUTH = {
    "top_1": Measured(0.511, 0.003, 20),
    "top_2": Measured(0.703, 0.003, 20),
    "top_3": Measured(0.797, 0.002, 20),
    "mm_dist": Measured(2.974, 0.008, 20),
    "fid": Measured(0.002, 0.000, 20),
    "diversity": Measured(9.503, 0.065, 20),
}
"""Published scores of the recorded motions of HumanML3D's test split.

Source: Guo et al. 2022, table 1, row "Real motions".
"""
