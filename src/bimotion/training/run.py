"""Runs of the training stages."""

import logging
import os
from contextlib import nullcontext
from pathlib import Path

import torch

from bimotion.data.batches import item_weights
from bimotion.data.examples import CAPTION_TASKS, ExampleConfig
from bimotion.data.store import Item, MotionStore
from bimotion.errors import ConfigError
from bimotion.models.motion_language import MotionLanguage, MotionLanguageConfig
from bimotion.models.presets import preset
from bimotion.models.tokens import MotionTokenizer
from bimotion.models.vae import MotionVae
from bimotion.models.weights import load_config
from bimotion.storage.locks import locked_folder
from bimotion.training.clips import ClipPool
from bimotion.training.configs import LanguageTrainConfig, VaeTrainConfig, save_or_check_config
from bimotion.training.data_checks import check_same_data, check_splits, fitting_captions
from bimotion.training.language.init_model import (
    copy_statistics,
    copy_vae_into,
    earlier_model,
    feature_stats,
    find_model,
    new_model,
)
from bimotion.training.language.latent_cache import FULL, encode_pieces, latents_of
from bimotion.training.language.prompt_cache import PromptCache
from bimotion.training.language.stages import LANGUAGE_STAGES, PARTS
from bimotion.training.language.task import LanguageSplit, LanguageTask
from bimotion.training.loop import LoopResult, run_loop
from bimotion.training.optimisers import LrScale
from bimotion.training.vae.folder import load_vae
from bimotion.training.vae.task import PATH_WEIGHTS, VaeTask

logger = logging.getLogger(__name__)

COMPLETION_TASKS = {"predict", "inbetween"}
"""Tasks that need the latents of pieces of windows."""


def train_vae(config: VaeTrainConfig) -> LoopResult:
    """Train the motion VAE; `config.out` / "model" is then a VAE folder.

    Raises:
        ConfigError: settings that do not fit each other, or a run that cannot be resumed with them.
        DataError: the data set is missing or has no training windows.
    """
    store = MotionStore.open(config.data)
    train_items = store.items("train")
    held_items = store.items("test" if config.use_test else "val", mirrored=False)
    check_splits(store, train_items, held_items, needs_text=False)
    save_or_check_config(config, config.out, resume=config.resume)
    check_same_data(store, config.out, resume=config.resume)
    torch.manual_seed(config.loop.seed)
    vae, stats = MotionVae(config.vae), store.stats
    if config.init_from is not None:
        start, stats = load_vae(config.init_from)
        if start.config != config.vae:
            raise ConfigError(
                f"{config.init_from}: the VAE has different sizes, {start.config}; expected {config.vae}. "
                "use the same VAE options"
            )
        vae.load_state_dict(start.state_dict())
    train = ClipPool(store, train_items, stats)
    if config.init_from is None and vae.path is not None:
        clip_weights = torch.from_numpy(item_weights(train.items, config.order.balance))
        vae.path.fit([train.clip(index) for index in range(len(train))], PATH_WEIGHTS, clip_weights)
    if config.init_from is None and vae.quantiser is not None:
        vae.fit_codes(encode_pieces(vae, train, [FULL]).mu[FULL].float())
    held_out = ClipPool(store, held_items, stats)
    logger.info(
        "vae: %d training windows, %d held out, %.1f M parameters", len(train), len(held_out), _millions(vae)
    )
    task = VaeTask(vae, train, held_out, config.losses, config.order)
    return run_loop(
        task, config.out, config.loop, config.optimiser, config.ema, name="vae", resume=config.resume
    )


def train_language(config: LanguageTrainConfig) -> LoopResult:
    """Train a language stage; `config.out` / "model" is then a model folder.

    Raises:
        ConfigError: settings that do not fit each other, or a run that cannot be resumed with them.
        DataError: the data set is missing or has no windows for the stage.
        ModelError: the VAE or the earlier stage's model is missing.
    """
    stage, store = LANGUAGE_STAGES[config.stage], MotionStore.open(config.data)
    if not stage.whole_text and config.vae is None and config.init_from is None:
        raise ConfigError(
            f"{config.stage} needs a trained VAE: --vae RUN, or --init-from a model that has one"
        )
    train_items = store.items("train")
    held_items = store.items("test" if config.use_test else "val", mirrored=False)
    tasks = [task for task, _ in config.task_shares()]
    check_splits(store, train_items, held_items, needs_text=all(task in CAPTION_TASKS for task in tasks))
    save_or_check_config(config, config.out, resume=config.resume)
    check_same_data(store, config.out, resume=config.resume)
    torch.manual_seed(config.loop.seed)
    model, tokenizer = _model(config, train_items)
    limit, per_sequence = model.config.mixture.max_positions, 2 if stage.whole_text else 1
    train_items, held_items = (
        fitting_captions(items, tokenizer, limit, tasks, per_sequence=per_sequence)
        for items in (train_items, held_items)
    )
    if stage.whole_text:
        train, held_out = (
            LanguageSplit([item for item in items if item.text], None) for items in (train_items, held_items)
        )
    else:
        train, held_out = _splits(config, store, model, train_items, held_items)
    logger.info(
        "%s: %d training windows, %d held out, %.1f M parameters, vocabulary of %d",
        config.stage,
        len(train.items),
        len(held_out.items),
        _millions(model),
        model.config.mixture.text_vocab_size,
    )
    prompts = _prompt_folder(config)
    with nullcontext() if prompts is None else locked_folder(prompts):
        cache = (
            None
            if prompts is None
            else PromptCache(model.mixture, model.config.special, model.config.slots, prompts)
        )
        task = _task(config, model, tokenizer, train, held_out, cache)
        return run_loop(
            task,
            config.out,
            config.loop,
            config.optimiser,
            config.ema,
            name=config.stage,
            resume=config.resume,
            lr_scales=_lr_scales(config),
        )


def _task(
    config: LanguageTrainConfig,
    model: MotionLanguage,
    tokenizer: MotionTokenizer,
    train: LanguageSplit,
    held_out: LanguageSplit,
    prompts: PromptCache | None,
) -> LanguageTask:
    """The task of the loop."""
    return LanguageTask(
        model,
        tokenizer,
        train,
        held_out,
        trains=config.trains,
        losses=config.losses,
        examples=_example_config(config, model),
        validation=config.validation,
        whole_text=LANGUAGE_STAGES[config.stage].whole_text,
        latent_noise=config.examples.latent_noise,
        freeze_words=config.freeze_words,
        frozen_text_layers=config.frozen_text_layers,
        prompts=prompts,
        card=_card(config),
    )


def _lr_scales(config: LanguageTrainConfig) -> tuple[LrScale, ...]:
    """Factors on the learning rate of the text branch and of the heads."""
    heads = ("understanding", "head", "codes", "length")
    return (
        *(LrScale(f"model.{prefix}", config.text_lr_scale) for prefix in PARTS["text"]),
        *(LrScale(f"model.{head}.", config.head_lr_scale) for head in heads),
    )


def _example_config(config: LanguageTrainConfig, model: MotionLanguage) -> ExampleConfig:
    """Sampling and wording of the stage's examples; prompts state lengths only if the model's do."""
    examples = config.examples
    return ExampleConfig(
        tasks=config.task_shares(),
        plain_share=examples.plain_share,
        timed_share=examples.timed_share if model.config.length_in_prompt else 0.0,
        bare_share=examples.bare_share,
        amount_share=examples.amount_share,
        variants=examples.variants,
        balance=examples.balance,
        mirror_pairs=examples.mirror_pairs,
    )


@torch.no_grad()
def _model(config: LanguageTrainConfig, items: list[Item]) -> tuple[MotionLanguage, MotionTokenizer]:
    """The initial model of the stage, with the chosen VAE."""
    vae_and_stats = None if config.vae is None else load_vae(config.vae)
    vae = None if vae_and_stats is None else vae_and_stats[0]
    # A new VAE brings new latents, which the preset describes; else they are those of the earlier stage.
    earlier = config.init_from if config.vae is None else None
    named = preset(config.preset) if earlier is None else load_config(find_model(earlier))
    named_vae = named.vae if vae is None else vae.config
    codes = named_vae.codes
    sizes = MotionLanguageConfig(
        vae=named_vae,
        mixture=config.mixture,
        head=config.head,
        diffusion=config.diffusion,
        length=config.length,
        slots=named.slots if codes is None else named_vae.code_levels,
        latent_rank=named.latent_rank if codes is None else None,
        length_in_prompt=named.length_in_prompt,
        eos=0,
    )
    if config.init_from is not None:
        if config.words is not None:
            raise ConfigError(
                "the first stage chooses the vocabulary: --words cannot be combined with --init-from"
            )
        model, tokenizer = earlier_model(config.init_from, sizes, vae)
    else:
        if "text" not in config.trains:
            logger.warning("the text branch is frozen at random weights: train the `text` stage first")
        model, tokenizer = new_model(sizes, items, config.words)
    if vae_and_stats is not None:
        copy_vae_into(model, *vae_and_stats)
    return model, tokenizer


@torch.no_grad()
def _splits(
    config: LanguageTrainConfig,
    store: MotionStore,
    model: MotionLanguage,
    train_items: list[Item],
    held_items: list[Item],
) -> tuple[LanguageSplit, LanguageSplit]:
    """Both splits with the frozen VAE's latents, which also determine the normalisation of latents."""
    completion = bool(COMPLETION_TASKS & {task for task, _ in config.task_shares()})
    splits, pools = [], []
    model.vae.eval()
    for name, items in (("train", train_items), ("test" if config.use_test else "val", held_items)):
        pool = ClipPool(store, items, feature_stats(model))
        file = Path("latents") / f"{name}.safetensors"
        elsewhere = [] if config.init_from is None else [config.init_from / file]
        latents = latents_of(model.vae, pool, config.out / file, completion=completion, elsewhere=elsewhere)
        pools.append(pool)
        # The features of training windows are not needed again; held-out ones are used for comparison.
        splits.append(LanguageSplit(items, latents, None if name == "train" else pool))
    if config.vae is not None:
        assert splits[0].latents is not None
        copy_statistics(model, splits[0].latents, pools[0])
    return splits[0], splits[1]


def _prompt_folder(config: LanguageTrainConfig) -> Path | None:
    """Folder of a frozen text branch's keys and values; None where text is trained.

    Each process has its own, so that no two write to one file.
    """
    if "text" in config.trains or LANGUAGE_STAGES[config.stage].whole_text:
        return None
    folder = config.out / "prompts" if config.prompt_cache is None else config.prompt_cache
    return folder / f"process-{os.environ.get('RANK', '0')}"


def _card(config: LanguageTrainConfig) -> str:
    about = f"A checkpoint of the training stage {config.stage}, with averaged weights."
    return f"# bimotion, preset {config.preset}\n\n{about}"


def _millions(module: torch.nn.Module) -> float:
    return sum(parameter.numel() for parameter in module.parameters()) / 1e6
