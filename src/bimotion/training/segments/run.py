"""Runs of the segment stage."""

import logging
import os
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tyro.conf import OmitArgPrefixes

from bimotion.data.batches import item_weights
from bimotion.data.store import Item, MotionStore
from bimotion.errors import ConfigError, DataError, check_range
from bimotion.inference import prompts
from bimotion.models.length import LengthConfig
from bimotion.models.motion_language import MotionLanguage
from bimotion.models.segment_coder import SegmentCoder, SegmentConfig
from bimotion.models.segment_language import SegmentLanguage, SegmentLanguageConfig, is_probe_of, text_probe
from bimotion.models.segment_weights import load_segments
from bimotion.models.tokens import MotionTokenizer
from bimotion.models.weights import load_model
from bimotion.storage.locks import locked_folder
from bimotion.training.configs import save_or_check_config
from bimotion.training.data_checks import check_same_data, check_splits
from bimotion.training.ema import EmaConfig
from bimotion.training.language.init_model import feature_stats, find_model
from bimotion.training.language.prompt_cache import PromptCache
from bimotion.training.loop import LoopResult, run_loop
from bimotion.training.loop_config import LoopConfig
from bimotion.training.optimisers import LrScale, OptimiserConfig
from bimotion.training.segments.objective import PromptIds, SegmentLossConfig
from bimotion.training.segments.takes import Take, read_takes
from bimotion.training.segments.task import SegmentTask
from bimotion.training.vae.losses import VaeLossConfig

logger = logging.getLogger(__name__)

COLUMN_WEIGHTS = VaeLossConfig(
    root_weight=6.0, position_weight=2.5, rotation_weight=0.2, velocity_weight=0.4, contact_weight=0.5
).column_weights()
"""Weights of the feature columns in the fit of the coder: a motion is rebuilt from the root and the positions."""

FIT_STRIDE = 36
"""Frames between the segments that the coder is fitted to."""

MAX_PHRASE_TOKENS = 60
"""Longer captions are cut to so many tokens."""


@dataclass(frozen=True)
class SegmentTrainConfig:
    """Training of the segment model around the frozen text branch of another model."""

    data: Path
    """Folder of the prepared data set."""
    out: Path
    """Folder of the run."""
    text_from: Path = Path("embedded")
    """Run or model folder whose text branch is read; its motion branch and head are the initial ones."""
    init_from: Path | None = None
    """Folder of a segment model to start from; None: a new one."""
    segment: SegmentConfig = field(default_factory=SegmentConfig)
    """Sizes of the segments."""
    context: int = 4
    """Most segments before one that it depends on."""
    dropout: float = 0.05
    """Share of activations zeroed in training."""
    balance: float = 0.4
    """A content group of n windows counts n ** (1 - balance)."""
    losses: OmitArgPrefixes[SegmentLossConfig] = field(default_factory=SegmentLossConfig)
    """What is withheld in training, and weights of losses."""
    prompt_cache: Path | None = None
    """Folder for the keys and values of phrases; None: RUN/prompts."""
    head_lr_scale: float = 1.0
    """Factor on the learning rate for what starts from random weights."""
    loop: OmitArgPrefixes[LoopConfig] = field(default_factory=LoopConfig)
    """Length of the run, logging and checkpoints."""
    optimiser: OmitArgPrefixes[OptimiserConfig] = field(default_factory=OptimiserConfig)
    """Optimiser and learning-rate schedule."""
    ema: OmitArgPrefixes[EmaConfig] = field(default_factory=EmaConfig)
    """Averaging of the weights."""
    use_test: bool = False
    """Measure on the test split instead of the validation split; for the final measurement only."""
    resume: bool = False
    """Continue the run in `out`, or start it if there is none."""

    def __post_init__(self) -> None:
        check_range(self, ("dropout", "balance"), 0, 1)


def train_segments(config: SegmentTrainConfig) -> LoopResult:
    """Train the segment model; `config.out` / "model" is then its folder.

    Raises:
        ConfigError: settings that do not fit each other, or a run that cannot be resumed with them.
        DataError: the data set is missing or its takes are too short.
        ModelError: the model that provides the text branch is missing.
    """
    store = MotionStore.open(config.data)
    items = store.items("train", text=True)
    held_items = store.items("test" if config.use_test else "val", mirrored=False, text=True)
    check_splits(store, items, held_items, needs_text=True)
    save_or_check_config(config, config.out, resume=config.resume)
    check_same_data(store, config.out, resume=config.resume)
    torch.manual_seed(config.loop.seed)
    base, tokenizer = load_model(find_model(config.text_from))
    stats, window = feature_stats(base), config.segment.window
    train = read_takes(store, items, stats, window)
    held_out = read_takes(store, held_items, stats, window)
    if not train or not held_out:
        raise DataError(f"{config.data}: no recording has {window} frames")
    model = earlier_segments(config, base) if config.init_from else new_segments(config, base, train)
    logger.info(
        "segments: %d takes, %d held out, %.1f M parameters",
        len(train),
        len(held_out),
        sum(parameter.numel() for parameter in model.parameters()) / 1e6,
    )
    folder = config.out / "prompts" if config.prompt_cache is None else config.prompt_cache
    folder = folder / f"process-{os.environ.get('RANK', '0')}"
    with locked_folder(folder):
        cache = PromptCache(base.mixture, base.config.special, base.config.slots, folder)
        task = SegmentTask(
            model,
            config.losses,
            (train, take_weights(train, items, config.balance)),
            held_out,
            PromptIds(lambda text: prompt_ids(tokenizer, text)),
            cache,
        )
        names = ("understanding", "time", "head.embed", "head.unembed", "head.direct", "length")
        return run_loop(
            task,
            config.out,
            config.loop,
            config.optimiser,
            config.ema,
            name="segments",
            resume=config.resume,
            lr_scales=tuple(LrScale(f"model.{name}", config.head_lr_scale) for name in names),
        )


def prompt_ids(tokenizer: MotionTokenizer, text: str) -> tuple[int, ...]:
    """Token ids of a phrase, as far as segments read it."""
    ids = prompts.motion_of_text(tokenizer, text, MAX_PHRASE_TOKENS).ids
    return ids[: ids.index(tokenizer.special.out_slot)]


def earlier_segments(config: SegmentTrainConfig, base: MotionLanguage) -> SegmentLanguage:
    """The segment model of `init_from`, a model folder or a run.

    Raises:
        ConfigError: it has other segments or another context than this run, or belongs to another model.
    """
    assert config.init_from is not None
    model = load_segments(find_model(config.init_from))
    if (model.config.segment, model.config.context) != (config.segment, config.context):
        raise ConfigError(f"--init-from {config.init_from}: its segments or context differ from this run's")
    same_statistics = model.feature_mean.equal(base.feature_mean) and model.feature_std.equal(
        base.feature_std
    )
    if not (same_statistics and is_probe_of(text_probe(base), model.config.text_probe)):
        raise ConfigError(
            f"--init-from {config.init_from}: it was trained beside another model than --text-from"
        )
    return model


@torch.no_grad()
def new_segments(config: SegmentTrainConfig, base: MotionLanguage, takes: list[Take]) -> SegmentLanguage:
    """A segment model with a fitted coder, whose branch and head start from those of `base` where they fit."""
    sizes = base.config
    model = SegmentLanguage(
        SegmentLanguageConfig(
            mixture=replace(sizes.mixture, dropout=config.dropout),
            segment=config.segment,
            head=replace(sizes.head, dropout=config.dropout),
            diffusion=replace(sizes.diffusion, drop_condition=0.0),
            length=replace(sizes.length or LengthConfig(), min_frames=4),
            slots=sizes.slots,
            context=config.context,
            text_probe=text_probe(base),
        )
    )
    model.feature_mean.copy_(base.feature_mean)
    model.feature_std.copy_(base.feature_std)
    model.motion.load_state_dict(base.mixture.motion.state_dict())
    if base.head is not None:
        old = base.head.state_dict()
        fitting = {
            name: old[name] if name in old and old[name].shape == value.shape else value
            for name, value in model.head.state_dict().items()
        }
        model.head.load_state_dict(fitting)
    fit_coder(model.coder, takes)
    return model


def fit_coder(coder: SegmentCoder, takes: list[Take]) -> None:
    """Fit the coder to segments of some takes, and to pairs of them that follow each other."""
    window, frames = coder.config.window, coder.config.frames
    segments: list[Tensor] = []
    before: list[Tensor] = []
    after: list[Tensor] = []
    for number, take in enumerate(takes):
        last = len(take.features) - window
        for first in range(number % FIT_STRIDE if last >= FIT_STRIDE else 0, last + 1, FIT_STRIDE):
            segments.append(take.features[first : first + window].float())
            if number % 2 == 0 and first + frames <= last:
                before.append(take.features[first : first + window].float())
                after.append(take.features[first + frames : first + frames + window].float())
    before, after = before or segments, after or segments
    coder.fit(segments, (torch.stack(before), torch.stack(after)), COLUMN_WEIGHTS)


def take_weights(takes: list[Take], items: list[Item], balance: float) -> np.ndarray:
    """How often each take is drawn: by its length and how rare its content is."""
    windows = dict(zip((item.id for item in items), item_weights(items, balance), strict=True))
    sums: Counter[str] = Counter()
    for item in items:
        sums[item.take] += windows[item.id]
    counts = Counter(take.name for take in takes)
    return np.array([sums[take.name] / counts[take.name] for take in takes])
