"""The settings of the stages: all that a run needs, saved in its folder."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar, get_args

from tyro.conf import OmitArgPrefixes, Suppress

from bimotion.captions.instructions import TaskClass
from bimotion.errors import ConfigError
from bimotion.evaluators.contrastive import ContrastiveConfig
from bimotion.models.branch import MixtureConfig
from bimotion.models.diffusion import DiffusionConfig
from bimotion.models.head import HeadConfig
from bimotion.models.length import LengthConfig
from bimotion.models.vae import VaeConfig
from bimotion.storage.records import read_record, record_to_json, write_record
from bimotion.training.ema import EmaConfig
from bimotion.training.evaluator.loss import ContrastiveLossConfig
from bimotion.training.language.metrics import ValidationConfig
from bimotion.training.language.objective import LanguageLossConfig
from bimotion.training.language.stages import LANGUAGE_STAGES, LanguageStageName, Part
from bimotion.training.loop_config import FREE_FIELDS, LoopConfig
from bimotion.training.optimisers import OptimiserConfig
from bimotion.training.order import OrderConfig
from bimotion.training.vae.losses import VaeLossConfig

CONFIG_FILE = "train.json"
"""The settings of a run, in its folder."""


@dataclass(frozen=True)
class VaeTrainConfig:
    """Training of the motion VAE."""

    data: Path
    """Folder of the prepared data set."""
    out: Path
    """Folder of the run."""
    preset: str = "tiny"
    """Named sizes of the networks; the options of the VAE change them."""
    vae: OmitArgPrefixes[VaeConfig] = field(default_factory=VaeConfig)
    """Size of the VAE."""
    losses: OmitArgPrefixes[VaeLossConfig] = field(default_factory=VaeLossConfig)
    """Weights of the losses."""
    order: OmitArgPrefixes[OrderConfig] = field(default_factory=OrderConfig)
    """How clips are drawn."""
    loop: OmitArgPrefixes[LoopConfig] = field(default_factory=LoopConfig)
    """Length of the run."""
    optimiser: OmitArgPrefixes[OptimiserConfig] = field(default_factory=OptimiserConfig)
    """How gradients become steps."""
    ema: OmitArgPrefixes[EmaConfig] = field(default_factory=EmaConfig)
    """The averaged weights."""
    init_from: Path | None = None
    """Run or VAE folder whose weights (and feature statistics) are the start, with a new schedule."""
    use_test: bool = False
    """Measure on the test split instead of the validation split: once, at the very end."""
    resume: bool = False
    """Go on with the run in `out`; start it if there is none."""


@dataclass(frozen=True)
class LanguageDataConfig:
    """Which examples a language stage draws, and how they are worded."""

    plain_share: float = 0.5
    """Share of examples asked in the plain wording."""
    timed_share: float = 0.5
    """Share of those that say how long the motion is; none where the model's requests never do."""
    bare_share: float = 0.25
    """Share of text-to-motion examples whose question is the caption alone."""
    paraphrase_share: float = 0.5
    """Share of text-to-motion captions in other words than the grammar's."""
    balance: float = 0.5
    """A content group of n windows counts n ** (1 - balance): 0 draws windows alike, 1 groups alike."""
    latent_noise: float = 0.0
    """Asked latents are the VAE's means plus this share of its deviation."""


@dataclass(frozen=True)
class LanguageTrainConfig:
    """Training of a language stage."""

    stage: Suppress[LanguageStageName]
    """Which stage."""
    data: Path
    """Folder of the prepared data set."""
    out: Path
    """Folder of the run."""
    preset: str = "tiny"
    """Named sizes of the networks."""
    vae: Path | None = None
    """Run or folder of the trained VAE; not needed where `init_from` has it."""
    init_from: Path | None = None
    """Run or model folder of an earlier stage."""
    trains: tuple[Part, ...] = ("motion",)
    """What learns: the text branch, the motion branch with its heads, or both."""
    words: Path | None = None
    """Pretrained language model (GGUF file or folder) that the first stage takes its words and their vectors from."""
    freeze_words: bool = False
    """Leave the word vectors as they are, so that words that training never sees keep their place among them."""
    tasks: tuple[str, ...] = ()
    """Tasks with their shares instead of the stage's, as in `t2m=0.6 m2t=0.4`."""
    losses: OmitArgPrefixes[LanguageLossConfig] = field(default_factory=LanguageLossConfig)
    """Weights of the losses."""
    examples: OmitArgPrefixes[LanguageDataConfig] = field(default_factory=LanguageDataConfig)
    """Which examples are drawn."""
    mixture: MixtureConfig = field(default_factory=MixtureConfig)
    """The two-branch transformer."""
    head: HeadConfig = field(default_factory=HeadConfig)
    """The diffusion head."""
    diffusion: DiffusionConfig = field(default_factory=DiffusionConfig)
    """The noise schedule and the sampler."""
    length: LengthConfig = field(default_factory=LengthConfig)
    """The length network."""
    loop: OmitArgPrefixes[LoopConfig] = field(default_factory=LoopConfig)
    """Length of the run."""
    optimiser: OmitArgPrefixes[OptimiserConfig] = field(default_factory=OptimiserConfig)
    """How gradients become steps."""
    text_lr_scale: float = 1.0
    """Factor on the learning rate for the text branch."""
    head_lr_scale: float = 1.0
    """Factor on the learning rate for the understanding, diffusion and length heads."""
    ema: OmitArgPrefixes[EmaConfig] = field(default_factory=EmaConfig)
    """The averaged weights."""
    validation: OmitArgPrefixes[ValidationConfig] = field(default_factory=ValidationConfig)
    """How much is measured."""
    use_test: bool = False
    """Measure on the test split instead of the validation split: once, at the very end."""
    resume: bool = False
    """Go on with the run in `out`; start it if there is none."""

    def task_shares(self) -> tuple[tuple[TaskClass, float], ...]:
        """The tasks with their shares.

        Raises:
            ConfigError: an unknown task, or a share that is no number above 0.
        """
        if not self.tasks:
            return LANGUAGE_STAGES[self.stage].tasks
        shares: list[tuple[TaskClass, float]] = []
        for entry in self.tasks:
            name, _, share = entry.partition("=")
            try:
                task = next(task for task in get_args(TaskClass) if task == name)
                shares.append((task, float(share or 1)))
            except (StopIteration, ValueError):
                known = ", ".join(get_args(TaskClass))
                raise ConfigError(
                    f"tasks: expected NAME=SHARE with a NAME of {known}, got {entry!r}"
                ) from None
        return tuple(shares)


@dataclass(frozen=True)
class EvaluatorTrainConfig:
    """Training of the contrastive text-motion evaluator."""

    data: Path
    """Folder of the prepared data set."""
    out: Path
    """Folder of the run."""
    preset: str = "tiny"
    """Named sizes of the networks; the options of the networks change them."""
    network: OmitArgPrefixes[ContrastiveConfig] = field(default_factory=ContrastiveConfig)
    """Sizes of the encoders."""
    losses: OmitArgPrefixes[ContrastiveLossConfig] = field(default_factory=ContrastiveLossConfig)
    """What counts as a wrong pair."""
    words: Path | None = None
    """Pretrained language model (GGUF file or folder) that the words and their vectors are taken from."""
    order: OmitArgPrefixes[OrderConfig] = field(default_factory=OrderConfig)
    """How clips are drawn."""
    loop: OmitArgPrefixes[LoopConfig] = field(default_factory=LoopConfig)
    """Length of the run."""
    optimiser: OmitArgPrefixes[OptimiserConfig] = field(default_factory=OptimiserConfig)
    """How gradients become steps."""
    ema: OmitArgPrefixes[EmaConfig] = field(default_factory=EmaConfig)
    """The averaged weights."""
    use_test: bool = False
    """Measure on the test split instead of the validation split: once, at the very end."""
    resume: bool = False
    """Go on with the run in `out`; start it if there is none."""


TrainConfig = TypeVar("TrainConfig")


def save_or_check_config(config: TrainConfig, out: Path, *, resume: bool) -> None:
    """Keep the settings in the run folder; a resumed run must have the same, but for what is free to change.

    Raises:
        ConfigError: the run in the folder has other settings.
    """
    path = out / CONFIG_FILE
    if resume and path.exists():
        before = _flat(record_to_json(read_record(type(config), path)))
        now = _flat(record_to_json(config))
        free = FREE_FIELDS | {"resume", "data", "out", "init_from"}
        other = [name for name in now if now[name] != before.get(name) and name.split(".")[-1] not in free]
        if other:
            said = ", ".join(f"{name} was {before.get(name)!r}, now {now[name]!r}" for name in other)
            raise ConfigError(
                f"{out}: cannot be resumed with other settings ({said}); use the same command line, or start "
                "a new run with --init-from"
            )
    out.mkdir(parents=True, exist_ok=True)
    write_record(config, path)


def _flat(value: object, prefix: str = "") -> dict[str, object]:
    if not isinstance(value, dict):
        return {prefix: value}
    flat: dict[str, object] = {}
    for name, entry in value.items():
        flat |= _flat(entry, f"{prefix}.{name}" if prefix else name)
    return flat
