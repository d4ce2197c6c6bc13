"""What all arms share: windows, motion VAEs, a text branch trained on the captions, latents.

Each part is computed once and kept in the study's folder.
"""

import logging
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from bimotion.captions.instructions import TaskClass
from bimotion.data.examples import ExampleConfig
from bimotion.data.store import Item, MotionStore
from bimotion.evaluation.evaluation_set import EvaluationSet
from bimotion.evaluation.protocols import BIMOTION_1
from bimotion.evaluators.embedding import Embedder, read_embedder
from bimotion.models.branch import Stream
from bimotion.models.motion_language import MotionLanguage
from bimotion.models.tokens import MotionTokenizer
from bimotion.models.vae import MotionVae
from bimotion.models.weights import load_model
from bimotion.storage.json_files import read_json_object
from bimotion.storage.records import write_record
from bimotion.study.arms import Arm, LatentKind
from bimotion.study.config import StudyConfig
from bimotion.training.clips import ClipPool
from bimotion.training.data_checks import fitting_captions
from bimotion.training.ema import EmaConfig
from bimotion.training.language.init_model import copy_statistics, copy_vae_into, new_model
from bimotion.training.language.latent_cache import FULL, encode_pieces, latents_of
from bimotion.training.language.metrics import ValidationConfig
from bimotion.training.language.objective import LanguageLossConfig
from bimotion.training.language.task import LanguageSplit, LanguageTask
from bimotion.training.loop import run_loop
from bimotion.training.loop_config import LoopConfig
from bimotion.training.optimisers import OptimiserConfig
from bimotion.training.order import OrderConfig
from bimotion.training.task import AnyBatch, Task
from bimotion.training.vae.folder import load_vae
from bimotion.training.vae.losses import VaeLossConfig
from bimotion.training.vae.metrics import reconstruction_metrics
from bimotion.training.vae.task import PATH_WEIGHTS, VaeTask

logger = logging.getLogger(__name__)

EMA = EmaConfig(ema_decay=0.98)
"""Averaging of weights over about 50 steps."""

TEXT_LR, TOKENIZER_LR = 2e-3, 1e-3
"""Learning rates of what all arms share."""


def optimiser(lr: float) -> OptimiserConfig:
    """AdamW with a constant learning rate: each point of a curve is what a run of that length reaches."""
    return OptimiserConfig(lr=lr, warmup_steps=10, final_lr_ratio=1.0)


def loop(steps: int, batch_size: int, seed: int, validate_every: int = 0) -> LoopConfig:
    """Length and logging of a run."""
    return LoopConfig(
        steps=steps,
        batch_size=batch_size,
        seed=seed,
        precision="fp32",
        log_every=10,
        validate_every=validate_every,
        checkpoint_every=0,
        checkpoint_minutes=2.0,
        keep=1,
        tensorboard=False,
        progress=False,
    )


def train(task: Task[AnyBatch], folder: Path, steps: LoopConfig, lr: float, name: str) -> None:
    """Train to the last step, from the newest checkpoint on.

    Raises:
        StudyStopped: a signal ended the run before.
    """
    result = run_loop(task, folder, steps, optimiser(lr), EMA, name=name, resume=True)
    if not result.finished:
        raise StudyStopped(result.stopped_by)


class StudyStopped(Exception):
    """A signal stopped the training; its name is the message. The study goes on there when it is started again."""


@dataclass(frozen=True)
class Splits:
    """Windows with the latents of one kind."""

    train: LanguageSplit
    """Training windows."""
    held_out: LanguageSplit
    """Validation windows, in the order of the evaluation set."""


class Material:
    """What the runs of a study start from; each part is computed when it is first needed."""

    def __init__(self, config: StudyConfig) -> None:
        self.config = config
        self.store = MotionStore.open(config.data)
        self.evaluation_set = EvaluationSet(
            self.store, BIMOTION_1, split="val", count=config.validation_windows
        )
        self._vaes: dict[LatentKind, MotionVae] = {}
        self._splits: dict[LatentKind, Splits] = {}

    @cached_property
    def embedder(self) -> Embedder:
        """The bundled evaluator."""
        return read_embedder()

    @cached_property
    def train_items(self) -> list[Item]:
        """The training windows, with those captions that every arm's sequences have room for."""
        items = self.store.items("train", mirrored=False, text=True)
        chosen = np.random.default_rng(0).permutation(len(items))[: self.config.windows]
        return [items[row] for row in np.sort(chosen)]

    def fitting(self, items: list[Item], tokenizer: MotionTokenizer, limit: int) -> list[Item]:
        """The windows without captions that are too long for the models."""
        return fitting_captions(items, tokenizer, limit, ["t2m", "m2t"])

    @cached_property
    def pools(self) -> tuple[ClipPool, ClipPool]:
        """The features of the training and of the validation windows."""
        stats = self.store.stats
        return (
            ClipPool(self.store, self.train_items, stats),
            ClipPool(self.store, self.evaluation_set.items, stats),
        )

    def vae(self, kind: LatentKind) -> MotionVae:
        """The motion VAE with continuous or discrete latents; both start from the same closed-form fit."""
        if kind not in self._vaes:
            folder = self.config.out / "tokenizers" / kind
            if not self.has_vae(kind):
                self._train_vae(kind, folder)
            self._vaes[kind] = load_vae(folder)[0].eval()
        return self._vaes[kind]

    def has_vae(self, kind: LatentKind) -> bool:
        """Whether the VAE of a kind is trained."""
        return (self.config.out / "tokenizers" / kind / "reconstruction.json").is_file()

    def reconstruction(self, kind: LatentKind) -> dict[str, float]:
        """Joint errors of the reconstructed validation windows."""
        self.vae(kind)
        return read_json_object(self.config.out / "tokenizers" / kind / "reconstruction.json")

    def splits(self, kind: LatentKind) -> Splits:
        """Training and validation windows with their latents."""
        if kind not in self._splits:
            vae = self.vae(kind)
            splits = []
            for name, pool in zip(("train", "val"), self.pools, strict=True):
                path = self.config.out / "tokenizers" / kind / f"latents-{name}.safetensors"
                latents = latents_of(vae, pool, path, completion=False)
                splits.append(LanguageSplit(pool.items, latents))
            self._splits[kind] = Splits(*splits)
        return self._splits[kind]

    def new_arm(self, arm: Arm, seed: int) -> tuple[MotionLanguage, MotionTokenizer]:
        """An arm's model before its first stage: the text branch that all share, all else random by the seed."""
        start, tokenizer = self.text_model(arm.model_stream)
        special = tokenizer.special
        config = self.config.size.model(arm, special.text_vocab_size, special.eos)
        torch.manual_seed(seed)
        model = MotionLanguage(config)
        model.mixture.text.load_state_dict(start.mixture.text.state_dict())
        copy_vae_into(model, self.vae(arm.latents), self.store.stats)
        latents = self.splits(arm.latents).train.latents
        assert latents is not None
        with torch.no_grad():
            copy_statistics(model, latents, self.pools[0])
        return model, MotionTokenizer(tokenizer.tokenizer, config.slots)

    def text_model(self, stream: Stream) -> tuple[MotionLanguage, MotionTokenizer]:
        """A model whose text layers have learnt the captions: dense ones, or with experts."""
        kind: Stream = "experts" if stream == "experts" else "one"
        folder = self.config.out / "text" / kind
        if not (folder / "model" / "config.json").is_file() or not (folder / "done").is_file():
            self._train_text(Arm("experts" if kind == "experts" else "one", "vae"), folder)
        return load_model(folder / "model")

    def _train_vae(self, kind: LatentKind, folder: Path) -> None:
        config = self.config
        shown, held_out = self.pools
        torch.manual_seed(0)
        vae = MotionVae(config.size.vae(kind))
        assert vae.path is not None
        vae.path.fit([shown.clip(index) for index in range(len(shown))], PATH_WEIGHTS)
        if vae.quantiser is not None:
            latents = encode_pieces(vae, shown, [FULL]).mu[FULL].float()
            vae.fit_codes(latents, torch.Generator().manual_seed(0))
        task = VaeTask(
            vae,
            shown,
            ClipPool(self.store, self.evaluation_set.items[::8], self.store.stats),
            VaeLossConfig(),
            OrderConfig(),
        )
        steps = loop(config.tokenizer_steps, config.batch_size, 0)
        train(task, folder, steps, TOKENIZER_LR, kind)
        measured = reconstruction_metrics(load_vae(folder)[0].eval(), held_out)
        write_record({k: v for k, v in measured.items() if "/" not in k}, folder / "reconstruction.json")

    def _train_text(self, arm: Arm, folder: Path) -> None:
        config, size = self.config, self.config.size
        torch.manual_seed(0)
        sizes = replace(size.model(arm, size.vocabulary, 0), vae=size.vae("vae"))
        with torch.no_grad():
            model, tokenizer = new_model(sizes, self.train_items)
        task = LanguageTask(
            model,
            tokenizer,
            LanguageSplit(self.train_items, None),
            LanguageSplit(self.evaluation_set.items, None),
            trains=("text",),
            losses=LanguageLossConfig(1.0, 0.0, 0.0),
            examples=examples((("t2m", 1.0),)),
            validation=ValidationConfig(64, 0),
            whole_text=True,
        )
        steps = loop(config.text_steps, config.batch_size, 0)
        train(task, folder, steps, TEXT_LR, f"text, {arm.stream}")
        (folder / "done").touch()


def examples(tasks: tuple[tuple[TaskClass, float], ...]) -> ExampleConfig:
    """Examples in one wording, with the length of the motion in every prompt."""
    return ExampleConfig(tasks=tasks, plain_share=1.0, timed_share=1.0, bare_share=0.0)
