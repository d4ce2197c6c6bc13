"""Settings of the study, saved in its folder: sizes of the networks, budget, learning rates that are tried."""

from dataclasses import dataclass, field
from pathlib import Path

from bimotion.errors import check_range
from bimotion.models.branch import MixtureConfig
from bimotion.models.diffusion import DiffusionConfig
from bimotion.models.head_blocks import HeadConfig
from bimotion.models.motion_language import MotionLanguageConfig
from bimotion.models.vae import VaeConfig
from bimotion.study.arms import Arm, LatentKind


@dataclass(frozen=True)
class StudySize:
    """Sizes of the networks, equal in all arms."""

    width: int = 96
    """Width of the transformer. Feed-forward layers are 8/3 as wide: they hold two thirds of a layer's weights."""
    layers: int = 3
    """Layers of the transformer."""
    heads: int = 4
    """Attention heads."""
    vocabulary: int = 1024
    """Text tokens."""
    head_width: int = 128
    """Width of the diffusion head."""
    latents: int = 16
    """Latents of a motion."""
    latent_width: int = 8
    """Values of a latent."""
    codes: int = 256
    """Codes of a level, where latents are discrete."""
    code_levels: int = 16
    """Levels of codes, which are the tokens of a motion."""

    def vae(self, kind: LatentKind) -> VaeConfig:
        """The motion VAE with continuous latents, or the same with codes."""
        return VaeConfig(
            num_latents=self.latents,
            latent_width=self.latent_width,
            frames_per_token=4,
            width=64,
            ff_width=128,
            heads=4,
            layers=1,
            dropout=0.0,
            max_frames=200,
            cosines=24,
            pose_axes=32,
            codes=self.codes if kind == "vq" else None,
            code_levels=self.code_levels,
        )

    def model(self, arm: Arm, text_vocab_size: int, eos: int) -> MotionLanguageConfig:
        """The whole model of an arm."""
        ff_width = 8 * self.width // 3
        half = arm.stream == "half"
        mixture = MixtureConfig(
            family="llama",
            stream=arm.model_stream,
            text_vocab_size=text_vocab_size,
            width=self.width,
            layers=self.layers,
            heads=self.heads,
            ff_width=ff_width,
            motion_width=self.width // 2 if half else None,
            motion_ff_width=ff_width // 2 if half else None,
            max_positions=160,
            dropout=0.0,
        )
        return MotionLanguageConfig(
            vae=self.vae(arm.latents),
            mixture=mixture,
            head=HeadConfig(
                width=self.head_width, blocks=2, heads=4, ff_width=self.head_width, dropout=0.0, direct=True
            ),
            diffusion=DiffusionConfig(prediction="v", sampler="dpmpp", sample_steps=10, guidance_scale=2.0),
            length=None,
            slots=self.code_levels if arm.latents == "vq" else 4,
            eos=eos,
            length_in_prompt=True,
        )


@dataclass(frozen=True)
class StudyConfig:
    """All settings of a study; a folder that holds another study's runs is refused."""

    data: Path
    """Folder of the prepared data set."""
    out: Path
    """Folder of the runs."""
    size: StudySize = field(default_factory=StudySize)
    """Sizes of the networks."""
    seeds: int = 3
    """Seeds of each arm."""
    steps: int = 240
    """Optimiser steps of each run, all stages together."""
    batch_size: int = 32
    """Examples of a step."""
    tuning_steps: int = 60
    """Steps of a trial of a learning rate."""
    learning_rates: tuple[float, ...] = (1e-3, 2e-3, 4e-3)
    """Learning rates that each arm is tried with; the one with the lowest held-out loss is taken."""
    tokenizer_steps: int = 120
    """Steps of the motion VAE and of the VQ-VAE."""
    text_steps: int = 120
    """Steps of the text-only stage that all arms start from."""
    validations: int = 4
    """Measurements of each run, evenly distributed."""
    windows: int = 4096
    """Training windows, drawn from those of the data set; mirrored copies are not used."""
    validation_windows: int | None = None
    """Validation windows; None: all with captions."""

    def __post_init__(self) -> None:
        counts = ("seeds", "steps", "batch_size", "tuning_steps", "tokenizer_steps", "text_steps")
        check_range(self, (*counts, "validations", "windows"), 1)
        check_range(self, "validation_windows", 32)

    @property
    def validate_every(self) -> int:
        """Steps between two measurements."""
        return max(1, self.steps // self.validations)
