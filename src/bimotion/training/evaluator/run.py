"""Runs of the evaluator's training."""

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from bimotion.data.store import Item, MotionStore
from bimotion.errors import ConfigError
from bimotion.evaluators.contrastive import EVALUATOR_SIZES, ContrastiveEvaluator
from bimotion.evaluators.folder import ContrastiveParts, read_evaluator
from bimotion.features.layout import FEATURE_DIM
from bimotion.features.normalise import FeatureStats
from bimotion.models.tokens import MotionTokenizer
from bimotion.training.clips import ClipPool
from bimotion.training.configs import EvaluatorTrainConfig, save_or_check_config
from bimotion.training.data_checks import check_same_data, check_splits
from bimotion.training.evaluator.task import EvaluatorTask
from bimotion.training.loop import LoopResult, run_loop
from bimotion.training.loop_config import LoopConfig
from bimotion.training.optimisers import OptimiserConfig
from bimotion.training.vocabulary import movement_words, shrink_vocabulary

logger = logging.getLogger(__name__)


def evaluator_default(preset: str) -> EvaluatorTrainConfig:
    """The settings of a preset.

    Raises:
        ConfigError: there is no such preset.
    """
    if preset not in EVALUATOR_SIZES:
        raise ConfigError(f"preset: expected one of {', '.join(EVALUATOR_SIZES)}, got {preset!r}")
    return EvaluatorTrainConfig(
        data=Path(),
        out=Path(),
        preset=preset,
        network=EVALUATOR_SIZES[preset],
        loop=LoopConfig(steps=4000, batch_size=64),
        optimiser=OptimiserConfig(lr=5e-4),
    )


def train_evaluator(config: EvaluatorTrainConfig) -> LoopResult:
    """Train a contrastive evaluator; `config.out` / "model" is then an evaluator folder.

    Raises:
        ConfigError: settings that do not fit each other, or a run that cannot be resumed with them.
        DataError: the data set is missing or has no training windows with captions.
        ModelError: the language model that provides the vocabulary is missing.
    """
    store = MotionStore.open(config.data)
    items = store.items("train", text=True)
    held = store.items("test" if config.use_test else "val", mirrored=False, text=True)
    longest = max((item.num_frames for item in (*items, *held)), default=0)
    check_splits(store, items, held, needs_text=True)
    if longest > config.network.max_frames:
        raise ConfigError(
            f"{config.data}: has windows of {longest} frames, the evaluator takes {config.network.max_frames}; "
            f"use --max-frames {longest}"
        )
    save_or_check_config(config, config.out, resume=config.resume)
    check_same_data(store, config.out, resume=config.resume)
    torch.manual_seed(config.loop.seed)
    if config.init_from is None:
        network, tokenizer = _new_evaluator(config, items, store.stats)
    else:
        network, tokenizer = _earlier_evaluator(config, config.init_from)
    plain = FeatureStats(mean=np.zeros(FEATURE_DIM), std=np.ones(FEATURE_DIM))
    train, held_out = ClipPool(store, items, plain), ClipPool(store, held, plain)
    count = sum(parameter.numel() for parameter in network.parameters())
    logger.info(
        "evaluator: %d training windows, %d held out, %.1f M parameters, vocabulary of %d",
        len(train),
        len(held_out),
        count / 1e6,
        network.config.vocab_size,
    )
    card = (
        "# bimotion text-motion evaluator\n\nTrained by `bimotion train evaluator` on the data set "
        f"{store.meta.get('fingerprint', 'without a fingerprint')}, split train."
    )
    task = EvaluatorTask(network, tokenizer, train, held_out, config.losses, config.order, card)
    return run_loop(
        task, config.out, config.loop, config.optimiser, config.ema, name="evaluator", resume=config.resume
    )


@torch.no_grad()
def _new_evaluator(
    config: EvaluatorTrainConfig, items: list[Item], stats: FeatureStats
) -> tuple[ContrastiveEvaluator, MotionTokenizer]:
    """Random encoders with the data set's statistics, and a tokenizer of its captions or of pretrained words."""
    captions = [caption for item in items for caption in item.captions]
    sizes = config.network
    vectors = None
    if config.words is not None:
        words = shrink_vocabulary(
            config.words, [*captions, *movement_words()], sizes.vocab_size, sizes.text_width, slots=1
        )
        tokenizer, vectors = words.tokenizer, words.vectors
    else:
        tokenizer = MotionTokenizer.train(captions, sizes.vocab_size, slots=1)
    network = ContrastiveEvaluator(replace(sizes, vocab_size=tokenizer.special.text_vocab_size))
    if vectors is not None:
        network.words.weight.copy_(vectors)
    network.feature_mean.copy_(torch.from_numpy(stats.mean.copy()))
    network.feature_std.copy_(torch.from_numpy(stats.std.copy()))
    return network, tokenizer


def _earlier_evaluator(
    config: EvaluatorTrainConfig, folder: Path
) -> tuple[ContrastiveEvaluator, MotionTokenizer]:
    parts = read_evaluator(folder)
    if not isinstance(parts, ContrastiveParts):
        raise ConfigError(f"--init-from {folder}: not an evaluator that `bimotion train evaluator` trained")
    if config.words is not None:
        raise ConfigError("--words: the words of --init-from are used; give one of the two")
    sizes = parts.network.config
    expected = replace(config.network, vocab_size=sizes.vocab_size, dropout=sizes.dropout)
    if sizes != expected:
        raise ConfigError(f"--init-from {folder}: its sizes ({sizes}) differ from this run's ({expected})")
    network = ContrastiveEvaluator(replace(sizes, dropout=config.network.dropout))
    network.load_state_dict(parts.network.state_dict())
    return network, parts.tokenizer
