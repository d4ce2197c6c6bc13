"""Length of a run, device, precision, and intervals of logging, validation and checkpoints."""

from dataclasses import dataclass
from typing import Literal

from bimotion.errors import check_range


@dataclass(frozen=True)
class LoopConfig:
    """Length of a run, device, precision, and intervals of logging, validation and checkpoints."""

    steps: int = 20000
    """Number of optimiser steps and end of the learning-rate schedule."""
    batch_size: int = 32
    """Clips per step and process."""
    seed: int = 0
    """Seed of initial weights, batch order and noise."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """bf16: matrix products in bfloat16 (autocast), weights, losses and optimiser in float32. auto: bf16 if the device
    supports it in hardware, else fp32; a CPU without support is up to 300 times slower in bf16."""
    device: str = "auto"
    """`cpu`, `cuda`, or `auto`: cuda if available."""
    compile: bool = False
    """Use torch.compile (needs a C++ compiler; worthwhile for long runs)."""
    log_every: int = 50
    """Steps averaged in one line of the log."""
    validate_every: int = 1000
    """Steps between two validations; after each the averaged weights become `RUN/model`; 0: at the end."""
    sample_every: int = 5000
    """Steps between two sets of sample motions in `RUN/samples`; 0: only at the end."""
    checkpoint_every: int = 1000
    """Steps between two checkpoints; 0: by time and at the end only."""
    checkpoint_minutes: float = 5.0
    """Minutes between two checkpoints, in addition; 0: by steps only."""
    keep: int = 2
    """Number of checkpoints to keep."""
    max_minutes: float = 0.0
    """Stop with a checkpoint after this many minutes; 0: no limit. `--resume` continues."""
    tensorboard: bool = True
    """Also write TensorBoard files."""
    progress: bool = True
    """Show a progress bar if standard error is a terminal."""

    def __post_init__(self) -> None:
        check_range(self, ("steps", "batch_size", "log_every", "keep"), 1)
        check_range(self, ("validate_every", "sample_every", "checkpoint_every", "checkpoint_minutes"), 0)
        check_range(self, "max_minutes", 0)


FREE_FIELDS = frozenset(
    {
        "log_every", "validate_every", "sample_every", "checkpoint_every", "checkpoint_minutes", "keep",
        "max_minutes", "tensorboard", "progress",
    }
)  # fmt: skip
"""Settings that a resumed run may change: they do not affect the result."""
