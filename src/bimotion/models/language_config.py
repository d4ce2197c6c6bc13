"""The configuration of the whole model, saved as `config.json` in a model folder."""

from dataclasses import dataclass

from bimotion.errors import ConfigError
from bimotion.models.branch import MixtureConfig
from bimotion.models.diffusion import DiffusionConfig
from bimotion.models.head_blocks import HeadConfig
from bimotion.models.length import LengthConfig
from bimotion.models.limits import check_sizes
from bimotion.models.tokens import SpecialIds
from bimotion.models.vae import VaeConfig


@dataclass(frozen=True)
class MotionLanguageConfig:
    """All of a model's sizes; the defaults are the published ones."""

    vae: VaeConfig = VaeConfig()
    """The motion VAE."""
    mixture: MixtureConfig = MixtureConfig()
    """The two-branch transformer."""
    head: HeadConfig = HeadConfig()
    """The diffusion head."""
    diffusion: DiffusionConfig = DiffusionConfig()
    """The noise schedule and the sampler."""
    length: LengthConfig | None = LengthConfig()
    """The length network; None: callers must choose lengths (published)."""
    slots: int = 4
    """Positions of a motion in a sequence."""
    latent_rank: int | None = None
    """Number of latent axes that the language model uses, those with the largest effect on the body; None: all
    latent values (published)."""
    eos: int = 50256
    """Id of the token that ends an answer."""
    length_in_prompt: bool = False
    """Whether prompts state a motion's length where it is known (published: no). Needed for the right speed if latents
    do not contain the length, as with cosines over a clip's own length."""
    interleaved_slots: bool = False
    """Whether the slots of several context motions alternate, as published weights expect."""

    def __post_init__(self) -> None:
        check_sizes(self, "model", "slots")
        latent_values = self.vae.num_latents * self.vae.latent_dim
        if self.latent_rank is not None and not 1 <= self.latent_rank <= latent_values:
            raise ConfigError(f"latent_rank must lie in 1..{latent_values}, got {self.latent_rank}")
        levels = self.vae.code_levels
        if self.vae.codes is not None and (self.slots != levels or self.latent_rank is not None):
            raise ConfigError(
                f"discrete latents need a slot for each level and no latent_rank, got {self.slots} slots for {levels} "
                f"levels, latent_rank {self.latent_rank}"
            )
        if not 0 <= self.eos < self.mixture.text_vocab_size:
            raise ConfigError(
                f"eos must lie below text_vocab_size {self.mixture.text_vocab_size}, got {self.eos}"
            )

    @property
    def latent_shape(self) -> tuple[int, int]:
        """Number of latents of a motion and values in each, as the language model sees them."""
        if self.latent_rank is not None:
            return 1, self.latent_rank
        return self.vae.num_latents, self.vae.latent_dim

    @property
    def special(self) -> SpecialIds:
        """Ids of the special tokens."""
        return SpecialIds(self.mixture.text_vocab_size, self.eos)
