"""How long a run trains, on what, and how often it looks up."""

from dataclasses import dataclass
from typing import Literal

from bimotion.errors import ConfigError


@dataclass(frozen=True)
class LoopConfig:
    """How long a run trains, on what, and how often it looks up."""

    steps: int = 20000
    """Optimiser steps in all; the learning rate's schedule ends there."""
    batch_size: int = 32
    """Clips of a step, per process."""
    seed: int = 0
    """Decides weights, order of the batches and noise."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """bf16: matrix products in 16 bit (autocast); weights, losses and optimiser stay in 32. auto: bf16 where the
    device computes it in hardware, else fp32; a CPU without it is 300 times slower in bf16 than in fp32."""
    device: str = "auto"
    """`cpu`, `cuda`, or `auto`: the best there is."""
    compile: bool = False
    """Compile the module with torch.compile (needs a C++ compiler; pays on long runs)."""
    log_every: int = 50
    """Steps that one line of the log averages over."""
    validate_every: int = 1000
    """Steps between two validations; after each the averaged weights become `RUN/model`; 0: at the end."""
    sample_every: int = 5000
    """Steps between two sets of sample motions in `RUN/samples`; 0: only at the end."""
    checkpoint_every: int = 1000
    """Steps between two checkpoints; 0: by time and at the end only."""
    checkpoint_minutes: float = 5.0
    """Minutes between two checkpoints, besides; 0: by steps only."""
    keep: int = 2
    """Checkpoints that are kept."""
    max_minutes: float = 0.0
    """Stop with a checkpoint after so many minutes; 0: never. `--resume` goes on."""
    tensorboard: bool = True
    """Also write TensorBoard files."""
    progress: bool = True
    """Show a progress bar where standard error is a terminal."""

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "log_every", "keep"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in (
            "validate_every",
            "sample_every",
            "checkpoint_every",
            "checkpoint_minutes",
            "max_minutes",
        ):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name} must not be below 0, got {getattr(self, name)}")


FREE_FIELDS = frozenset(
    {
        "log_every", "validate_every", "sample_every", "checkpoint_every", "checkpoint_minutes", "keep",
        "max_minutes", "tensorboard", "progress",
    }
)  # fmt: skip
"""Settings that a resumed run may change: they do not touch what is learned."""
