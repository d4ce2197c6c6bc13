"""Named sizes of the whole model."""

from dataclasses import replace

from bimotion.errors import ConfigError
from bimotion.models.branch import MixtureConfig
from bimotion.models.diffusion import DiffusionConfig
from bimotion.models.head_blocks import HeadConfig
from bimotion.models.length import LengthConfig
from bimotion.models.motion_language import MotionLanguageConfig
from bimotion.models.vae import VaeConfig

PRESETS: dict[str, MotionLanguageConfig] = {
    "micro": MotionLanguageConfig(
        vae=VaeConfig(
            num_latents=2,
            latent_width=8,
            frames_per_token=4,
            width=32,
            ff_width=48,
            heads=2,
            layers=3,
            dropout=0.0,
            max_frames=200,
        ),
        mixture=MixtureConfig(
            text_vocab_size=320, width=32, layers=2, heads=2, ff_width=48, max_positions=128, dropout=0.0
        ),
        head=HeadConfig(width=32, blocks=2, heads=2, ff_width=48, frequencies=16, dropout=0.0, direct=True),
        diffusion=DiffusionConfig(sampler="dpmpp", sample_steps=10),
        length=LengthConfig(width=16, dropout=0.0),
        length_in_prompt=True,
        eos=0,
    ),
    "tiny": MotionLanguageConfig(
        vae=VaeConfig(
            num_latents=4,
            latent_width=64,
            frames_per_token=4,
            width=256,
            ff_width=1024,
            heads=4,
            layers=3,
            dropout=0.0,
            max_frames=200,
            cosines=32,
            pose_axes=48,
        ),
        mixture=MixtureConfig(
            text_vocab_size=8192,
            width=256,
            layers=5,
            heads=4,
            ff_width=1024,
            motion_ff_width=512,
            max_positions=192,
            dropout=0.1,
        ),
        head=HeadConfig(width=384, blocks=3, heads=4, ff_width=512, direct=True),
        diffusion=DiffusionConfig(
            prediction="v", repeats=8, sampler="dpmpp", sample_steps=20, guidance_scale=2.0
        ),
        length=LengthConfig(width=128),
        latent_rank=192,
        length_in_prompt=True,
        eos=0,
    ),
    "small": MotionLanguageConfig(
        vae=VaeConfig(
            num_latents=4,
            latent_width=128,
            frames_per_token=4,
            width=128,
            ff_width=256,
            heads=4,
            layers=1,
            dropout=0.0,
            max_frames=200,
            cosines=48,
            pose_axes=64,
        ),
        mixture=MixtureConfig(
            family="llama",
            text_vocab_size=12288,
            width=576,
            layers=8,
            heads=9,
            kv_heads=3,
            ff_width=1536,
            motion_width=192,
            motion_ff_width=512,
            max_positions=512,
            rope_theta=100000.0,
            dropout=0.0,
        ),
        head=HeadConfig(width=384, blocks=3, heads=4, ff_width=512, direct=True),
        diffusion=DiffusionConfig(
            prediction="v",
            repeats=4,
            sampler="dpmpp",
            sample_steps=20,
            guidance_scale=3.0,
            guidance_rescale=0.7,
        ),
        length=LengthConfig(width=128),
        latent_rank=320,
        length_in_prompt=True,
        eos=0,
    ),
    "gpt2": MotionLanguageConfig(),
    "smollm2": MotionLanguageConfig(
        mixture=MixtureConfig(
            family="llama",
            text_vocab_size=49154,
            width=576,
            layers=30,
            heads=9,
            kv_heads=3,
            ff_width=1536,
            max_positions=2048,
            rope_theta=100000.0,
            dropout=0.0,
        ),
        eos=0,
    ),
}
"""Each preset's configuration."""


def preset(name: str, text_vocab_size: int | None = None, eos: int | None = None) -> MotionLanguageConfig:
    """A preset's configuration, adapted to a tokenizer's size and end token if given.

    Raises:
        ConfigError: there is no such preset.
    """
    if name not in PRESETS:
        raise ConfigError(f"no preset {name!r}; expected one of {', '.join(PRESETS)}")
    config = PRESETS[name]
    size = config.mixture.text_vocab_size if text_vocab_size is None else text_vocab_size
    end = config.eos if eos is None else eos
    return replace(config, mixture=replace(config.mixture, text_vocab_size=size), eos=end)
