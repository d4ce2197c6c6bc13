"""Initial model of a language stage: an earlier stage's model, or a new one around a trained VAE."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from bimotion.captions.instructions import own_templates
from bimotion.data.batches import item_weights
from bimotion.data.store import Item
from bimotion.errors import ConfigError, ModelError
from bimotion.features.normalise import FeatureStats
from bimotion.models.motion_language import MotionLanguage, MotionLanguageConfig
from bimotion.models.tokens import MotionTokenizer
from bimotion.models.vae import MotionVae
from bimotion.models.weights import load_model
from bimotion.training.clips import ClipPool
from bimotion.training.language.latent_cache import FULL, Latents
from bimotion.training.vae.latent_axes import BALANCE, body_axes, joint_metric
from bimotion.training.vocabulary import shrink_vocabulary

logger = logging.getLogger(__name__)

EMBEDDED = Path(__file__).parents[2] / "embedded"
"""Folder of the bundled model."""


def find_model(folder: Path) -> Path:
    """The model folder at a path: the folder itself, or `model` in a run; `embedded` is the bundled model.

    Raises:
        ModelError: neither is a model folder.
    """
    candidates = [folder, folder / "model"]
    if folder == Path("embedded"):
        candidates.append(EMBEDDED)
    for candidate in candidates:
        if (candidate / "model.safetensors").is_file():
            return candidate
    raise ModelError(f"{folder}: no model folder (model.safetensors is missing, also in {folder.name}/model)")


def training_texts(items: Iterable[Item]) -> Iterator[str]:
    """All training texts: captions and instructions."""
    for item in items:
        if item.text:
            yield from item.captions
    for template in own_templates():
        yield from template.inputs
        yield from template.outputs
    yield from (f"{frames} frames, {frames / 20:.1f} seconds." for frames in range(20, 197))


def new_model(
    config: MotionLanguageConfig, items: Iterable[Item], source: Path | None = None
) -> tuple[MotionLanguage, MotionTokenizer]:
    """A model with random weights, and a tokenizer that fits it.

    Tokenizer and word vectors are cut from the pretrained language model `source`; without one the tokenizer is
    learnt from the items' texts.
    """
    size, words = config.mixture.text_vocab_size, None
    if source is not None:
        words = shrink_vocabulary(source, training_texts(items), size, config.mixture.width, config.slots)
        tokenizer = words.tokenizer
    else:
        tokenizer = MotionTokenizer.train(training_texts(items), size, config.slots)
    special = tokenizer.special
    mixture = replace(config.mixture, text_vocab_size=special.text_vocab_size)
    model = MotionLanguage(replace(config, mixture=mixture, eos=special.eos))
    if words is not None:
        model.mixture.text.embedding.weight.copy_(words.vectors)
    return model, tokenizer


def earlier_model(
    folder: Path, config: MotionLanguageConfig, vae: MotionVae | None
) -> tuple[MotionLanguage, MotionTokenizer]:
    """The model of an earlier stage, with the settings of `config` and optionally another VAE.

    Settings that change no weights (dropout, sampling) may differ. With a VAE of another shape, all parts that read or
    generate latents start from random weights.

    Raises:
        ModelError: the folder holds no model.
        ConfigError: the configured transformer has other sizes than the folder's.
    """
    old, tokenizer = load_model(find_model(folder))
    special = tokenizer.special
    mixture = replace(config.mixture, text_vocab_size=special.text_vocab_size)
    vae_config = old.config.vae if vae is None else vae.config
    model = MotionLanguage(replace(config, vae=vae_config, mixture=mixture, eos=special.eos))
    _copy_parameters(model.mixture, old.mixture, f"{folder}: the transformer")
    same = model.config.latent_shape == old.config.latent_shape
    for name in ("understanding", "head", "codes", "length"):
        new_part, old_part = getattr(model, name), getattr(old, name)
        if same and new_part is not None and old_part is not None:
            _copy_parameters(new_part, old_part, f"{folder}: {name}")
    if not same:
        logger.info(
            "the latents of the VAE differ from those of %s: motion understanding, head and length network start anew",
            folder,
        )
    if vae is None:
        _copy_parameters(model.vae, old.vae, f"{folder}: the VAE")
        for name, value in old.named_buffers(recurse=False):
            getattr(model, name).copy_(value)
    return model, tokenizer


def copy_vae_into(model: MotionLanguage, vae: MotionVae, stats: FeatureStats) -> None:
    """Copy a trained VAE and the statistics of its features into the model."""
    model.vae.load_state_dict(vae.state_dict())
    model.feature_mean.copy_(torch.from_numpy(stats.mean.copy()))
    model.feature_std.copy_(torch.from_numpy(stats.std.copy()))


def copy_statistics(model: MotionLanguage, latents: Latents, pool: ClipPool) -> None:
    """Set the normalisation of latents from those of the windows of `pool`."""
    mean, std = latents.statistics()
    rank = model.config.latent_rank
    if rank is not None:
        full = latents.mu[FULL].float()
        logger.info("computing the %d latent axes with the largest effect on the body", rank)
        weights = item_weights(pool.items, BALANCE)
        axes = body_axes(full.flatten(1), joint_metric(model.vae, pool, full), rank, weights)
        std = axes.scale
        model.latent_axes.copy_(axes.read)
        model.latent_axes_back.copy_(axes.write)
    model.latent_mean.copy_(mean)
    model.latent_std.copy_(std)


def feature_stats(model: MotionLanguage) -> FeatureStats:
    """The statistics by which the model's features are normalised."""
    return FeatureStats(
        mean=model.feature_mean.float().cpu().numpy(), std=model.feature_std.float().cpu().numpy()
    )


def _copy_parameters(new: nn.Module, old: nn.Module, part: str) -> None:
    shapes = {name: tuple(value.shape) for name, value in old.state_dict().items()}
    expected = {name: tuple(value.shape) for name, value in new.state_dict().items()}
    if shapes != expected:
        odd = next(name for name in sorted({*shapes, *expected}) if shapes.get(name) != expected.get(name))
        raise ConfigError(
            f"{part} has another shape ({odd}: {shapes.get(odd)}, expected {expected.get(odd)}); omit the sizes, "
            "they are taken from the folder"
        )
    new.load_state_dict(old.state_dict())
