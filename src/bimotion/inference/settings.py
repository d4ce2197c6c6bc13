"""How a motion is sampled."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from bimotion.inference.arguments import check_choice, check_integer, check_number
from bimotion.models.choices import Sampler

MAX_SEED = 2**63 - 1
"""Largest seed."""

CANDIDATE_STRIDE = 0x9E3779B1
"""Distance of the seeds of an entry's candidates: odd, because torch's generator on a CPU reads the lower 32 bits of a
seed only, and large, so that candidates do not meet those of other entries."""

MAX_STEPS = 1_000_000
"""Bound of `steps` for every schedule; a model's own is checked when it samples."""


@dataclass(frozen=True)
class Sampling:
    """How a motion is sampled; a setting that is None has the value of the model's configuration.

    Raises:
        ConfigError: a setting of another type or out of range.
    """

    seed: int | None = None
    """Makes the result repeatable; None draws another one every time."""
    guidance_scale: float | None = None
    """Classifier-free guidance; 1 is none."""
    steps: int | None = None
    """Noise levels visited."""
    sampler: Sampler | None = None
    """Diffusion sampler."""
    seeds: tuple[int, ...] | None = None
    """A seed for each entry of a list; `seed` is then None."""

    def __post_init__(self) -> None:
        if self.seed is not None:
            object.__setattr__(self, "seed", check_integer(self.seed, "seed", 0, MAX_SEED))
        if self.seeds is not None:
            seeds = (
                check_integer(each, f"seed[{index}]", 0, MAX_SEED) for index, each in enumerate(self.seeds)
            )
            object.__setattr__(self, "seeds", tuple(seeds))
        if self.guidance_scale is not None:
            scale = check_number(self.guidance_scale, "guidance_scale", 0, 100)
            object.__setattr__(self, "guidance_scale", scale)
        if self.steps is not None:
            object.__setattr__(self, "steps", check_integer(self.steps, "steps", 1, MAX_STEPS))
        if self.sampler is not None:
            check_choice(self.sampler, "sampler", Sampler)

    def for_piece(self, piece: int) -> "Sampling":
        """The settings of piece `piece` (from 0) of a motion that is generated in several: its seed is seed + piece."""
        return self if self.seed is None else replace(self, seed=(self.seed + piece) % (MAX_SEED + 1))

    def generator(self, index: int, candidate: int = 0) -> torch.Generator:
        """The source of noise of entry `index` of a list: that of a single one with seed + index.

        Further candidates of an entry have seeds far from those of other entries.
        """
        generator = torch.Generator()
        seed = self.seed if self.seeds is None else self.seeds[index] - index
        if seed is None:
            generator.seed()
        else:
            generator.manual_seed((seed + index + candidate * CANDIDATE_STRIDE) % (MAX_SEED + 1))
        return generator

    def numpy_generator(self, index: int, part: int = 0) -> np.random.Generator:
        """The source of the random choices of entry `index` that are no noise of the diffusion, or of a part of it."""
        seed = self.seed if self.seeds is None else self.seeds[index] - index
        return np.random.default_rng(None if seed is None else [(seed + index) % 2**63, part])
