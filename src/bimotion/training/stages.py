"""The stages of training, first to last: what each trains, on which tasks, with which losses."""

import logging

import torch

from bimotion.data.store import MotionStore
from bimotion.errors import ConfigError
from bimotion.models.vae import MotionVae
from bimotion.training.clips import ClipPool
from bimotion.training.configs import VaeTrainConfig, settle
from bimotion.training.loop import LoopResult, run_loop
from bimotion.training.vae_folder import load_vae
from bimotion.training.vae_task import VaeTask

logger = logging.getLogger(__name__)


def train_vae(config: VaeTrainConfig) -> LoopResult:
    """Train the motion VAE; `config.out` / "model" is then a VAE folder.

    Raises:
        ConfigError: settings that do not fit each other, or a run that cannot be resumed with them.
        DataError: the data set is missing or has no training windows.
    """
    store = MotionStore.open(config.data)
    settle(config, config.out, resume=config.resume)
    torch.manual_seed(config.loop.seed)
    vae, stats = MotionVae(config.vae), store.stats
    if config.init_from is not None:
        start, stats = load_vae(config.init_from)
        if start.config != config.vae:
            raise ConfigError(
                f"{config.init_from}: has another shape, {start.config}; asked for was {config.vae}. "
                "Give the same options of the VAE"
            )
        vae.load_state_dict(start.state_dict())
    train = ClipPool(store, store.items("train"), stats)
    held_out = ClipPool(store, store.items("test" if config.use_test else "val", mirrored=False), stats)
    logger.info(
        "vae: %d training windows, %d held out, %.1f M parameters",
        len(train),
        len(held_out),
        sum(p.numel() for p in vae.parameters()) / 1e6,
    )
    task = VaeTask(vae, train, held_out, config.losses, config.order)
    return run_loop(
        task, config.out, config.loop, config.optimiser, config.ema, name="vae", resume=config.resume
    )
