"""How a motion is sampled."""

from dataclasses import dataclass

import torch

from bimotion.errors import ConfigError
from bimotion.models.diffusion import Sampler


@dataclass(frozen=True)
class Sampling:
    """How a motion is sampled; what is None is as the model's configuration says."""

    seed: int | None = None
    """What makes the result repeatable; None takes another one every time."""
    guidance_scale: float | None = None
    """How far to go beyond the conditioned noise; 1 is plain sampling."""
    steps: int | None = None
    """Noise levels visited."""
    sampler: Sampler | None = None
    """How the noise is taken away."""

    def __post_init__(self) -> None:
        if self.guidance_scale is not None and not 0 <= self.guidance_scale <= 100:
            raise ConfigError(f"guidance_scale: expected 0 to 100, got {self.guidance_scale:g}")
        if self.seed is not None and not 0 <= self.seed < 2**63:
            raise ConfigError(f"seed: expected 0 or more, below 2**63, got {self.seed}")

    def generator(self, number: int) -> torch.Generator:
        """The source of noise of entry `number` of a list: that of a single one with seed + number."""
        generator = torch.Generator()
        if self.seed is None:
            generator.seed()
        else:
            generator.manual_seed((self.seed + number) % 2**63)
        return generator
