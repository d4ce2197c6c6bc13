"""The named protocols: every choice on which a score depends.

Scores of different protocols are never put side by side.
"""

from dataclasses import asdict, dataclass
from typing import Any

from bimotion.errors import ConfigError


@dataclass(frozen=True)
class Protocol:
    """What is done to texts, motions and draws before a number is called a score."""

    name: str
    """How reports and papers call it."""
    published_evaluator: bool
    """Only the published evaluator may judge; its movement GRU reads the padding of batches of 32."""
    crops: bool
    """Motions are cut to a multiple of 4 frames, a third of them 4 shorter, from a random frame on."""
    random_captions: bool
    """A caption of each motion is drawn in each repeat; else each repeat takes the next one."""
    drops_remainder: bool
    """Motions that fill no group of 32 take no part in R-precision and MM-Dist."""
    alike_captions: bool
    """A motion of which the same caption is true is a right answer too."""
    self_pairs: bool
    """A pair of Diversity or MultiModality may be a motion and itself."""
    normal_interval: bool
    """Intervals are 1.96 sigma / sqrt(n) with sigma divided by n; else Student's."""
    flat_displacement: bool
    """ADE and FDE take the norm of all joints at once; else the mean over joints."""
    max_references: int | None
    """Captions of a motion that a generated one is compared with: the first so many, fewer are repeated; None: all."""
    nmt_scores: bool
    """BLEU without smoothing and with the shortest reference, ROUGE-L as the median of resampled means."""
    plain_captions: bool
    """Against token references, generated captions are reduced to plain words as well."""
    multimodality_texts: int
    """Texts of which several motions are made in a repeat."""
    multimodality_motions: int
    """Motions of each of them."""
    multimodality_pairs: int
    """Pairs drawn among the motions of a text."""
    diversity_pairs: int = 300
    """Pairs of motions for Diversity."""
    repeats: int = 20
    """Repeats that a full evaluation makes; each draws, and generates, anew."""

    def to_json(self) -> dict[str, Any]:
        """Every choice, for a report."""
        return asdict(self)


HUMANML3D_2022 = Protocol(
    name="humanml3d-2022",
    published_evaluator=True,
    crops=True,
    random_captions=True,
    drops_remainder=True,
    alike_captions=False,
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
"""As Guo et al. 2022 and what followed them computes its numbers, faults included: comparable with papers."""

BIMOTION_1 = Protocol(
    name="bimotion-1",
    published_evaluator=False,
    crops=False,
    random_captions=False,
    drops_remainder=False,
    alike_captions=True,
    self_pairs=False,
    normal_interval=False,
    flat_displacement=False,
    max_references=None,
    nmt_scores=False,
    plain_captions=True,
    multimodality_texts=32,
    multimodality_motions=8,
    multimodality_pairs=28,
)
"""Ours: whole motions, padding that no network reads, every item counted once, right answers that are right."""

PROTOCOLS = {protocol.name: protocol for protocol in (BIMOTION_1, HUMANML3D_2022)}


def protocol_named(name: str) -> Protocol:
    """The protocol of a name.

    Raises:
        ConfigError: there is none.
    """
    if name not in PROTOCOLS:
        raise ConfigError(f"protocol: expected one of {', '.join(PROTOCOLS)}, got {name!r}")
    return PROTOCOLS[name]
