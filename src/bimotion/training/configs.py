"""Settings of the training stages, saved in the run folder."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar, get_args

from tyro.conf import OmitArgPrefixes, Suppress

from bimotion.captions.instructions import TaskClass
from bimotion.errors import ConfigError, check_range
from bimotion.evaluators.contrastive import ContrastiveConfig
from bimotion.models.branch import MixtureConfig
from bimotion.models.diffusion import DiffusionConfig
from bimotion.models.head_blocks import HeadConfig
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
"""File of the settings in a run folder."""


@dataclass(frozen=True)
class VaeTrainConfig:
    """Training of the motion VAE."""

    data: Path
    """Folder of the prepared data set."""
    out: Path
    """Folder of the run."""
    preset: str = "tiny"
    """Preset of network sizes; VAE options override it."""
    vae: OmitArgPrefixes[VaeConfig] = field(default_factory=VaeConfig)
    """Size of the VAE."""
    losses: OmitArgPrefixes[VaeLossConfig] = field(default_factory=VaeLossConfig)
    """Weights of the losses."""
    order: OmitArgPrefixes[OrderConfig] = field(default_factory=OrderConfig)
    """Sampling of clips."""
    loop: OmitArgPrefixes[LoopConfig] = field(default_factory=LoopConfig)
    """Length of the run, logging and checkpoints."""
    optimiser: OmitArgPrefixes[OptimiserConfig] = field(default_factory=OptimiserConfig)
    """Optimiser and learning-rate schedule."""
    ema: OmitArgPrefixes[EmaConfig] = field(default_factory=EmaConfig)
    """Averaging of the weights."""
    init_from: Path | None = None
    """Run or VAE folder to start from (weights and feature statistics), with a new schedule."""
    use_test: bool = False
    """Measure on the test split instead of the validation split; for the final measurement only."""
    resume: bool = False
    """Continue the run in `out`, or start it if there is none."""


@dataclass(frozen=True)
class LanguageDataConfig:
    """Sampling and wording of a language stage's examples."""

    plain_share: float = 0.5
    """Share of prompts in the plain wording of the task."""
    timed_share: float = 0.5
    """Share of plain prompts that state the motion's length; 0 if the model's prompts never do."""
    bare_share: float = 0.25
    """Share of text-to-motion prompts that are the caption alone."""
    amount_share: float = 0.0
    """Share of text-to-motion captions that get measured amounts added."""
    variants: int | None = None
    """Number of different examples per window, which bounds the prompt cache; None: unlimited."""
    balance: float = 0.5
    """A content group of n windows counts n ** (1 - balance): 0 draws windows equally, 1 groups equally."""
    mirror_pairs: bool = False
    """Draw each window together with its mirror image, with the same wording and noise, so that only left and right
    differ."""
    latent_noise: float = 0.0
    """Noise on target latents, as a share of the VAE's posterior deviation."""


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
    """Preset of network sizes."""
    vae: Path | None = None
    """Run or folder of the trained VAE; not needed if `init_from` contains one."""
    init_from: Path | None = None
    """Run or model folder of an earlier stage; `embedded` is the model in the package."""
    trains: tuple[Part, ...] = ("motion",)
    """Parts to train: the text branch, the motion branch with its heads, or both."""
    words: Path | None = None
    """Pretrained language model (GGUF file or folder) that provides vocabulary and word vectors of the first stage."""
    freeze_words: bool = False
    """Freeze the word vectors, so that words absent from training keep their meaning relative to others."""
    frozen_text_layers: int = 0
    """Number of layers of the text branch, from the first, that stay frozen where the text branch is trained."""
    prompt_cache: Path | None = None
    """Folder for the keys and values of prompts under a frozen text branch; None: RUN/prompts."""
    tasks: tuple[str, ...] = ()
    """Tasks and their shares, as in `t2m=0.6 m2t=0.4`; overrides the stage's."""
    losses: OmitArgPrefixes[LanguageLossConfig] = field(default_factory=LanguageLossConfig)
    """Weights of the losses."""
    examples: OmitArgPrefixes[LanguageDataConfig] = field(default_factory=LanguageDataConfig)
    """Sampling of examples."""
    mixture: MixtureConfig = field(default_factory=MixtureConfig)
    """The two-branch transformer."""
    head: HeadConfig = field(default_factory=HeadConfig)
    """The diffusion head."""
    diffusion: DiffusionConfig = field(default_factory=DiffusionConfig)
    """The noise schedule and the sampler."""
    length: LengthConfig = field(default_factory=LengthConfig)
    """The length network."""
    loop: OmitArgPrefixes[LoopConfig] = field(default_factory=LoopConfig)
    """Length of the run, logging and checkpoints."""
    optimiser: OmitArgPrefixes[OptimiserConfig] = field(default_factory=OptimiserConfig)
    """Optimiser and learning-rate schedule."""
    text_lr_scale: float = 1.0
    """Factor on the learning rate for the text branch."""
    head_lr_scale: float = 1.0
    """Factor on the learning rate for the understanding, diffusion and length heads."""
    ema: OmitArgPrefixes[EmaConfig] = field(default_factory=EmaConfig)
    """Averaging of the weights."""
    validation: OmitArgPrefixes[ValidationConfig] = field(default_factory=ValidationConfig)
    """Extent of validation."""
    use_test: bool = False
    """Measure on the test split instead of the validation split; for the final measurement only."""
    resume: bool = False
    """Continue the run in `out`, or start it if there is none."""

    def __post_init__(self) -> None:
        check_range(self, "frozen_text_layers", 0, self.mixture.layers)

    def task_shares(self) -> tuple[tuple[TaskClass, float], ...]:
        """The tasks with their shares.

        Raises:
            ConfigError: an unknown task, or a share that is not a number above 0.
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
    """Preset of network sizes; network options override it."""
    network: OmitArgPrefixes[ContrastiveConfig] = field(default_factory=ContrastiveConfig)
    """Sizes of the encoders."""
    losses: OmitArgPrefixes[ContrastiveLossConfig] = field(default_factory=ContrastiveLossConfig)
    """Contrastive loss."""
    words: Path | None = None
    """Pretrained language model (GGUF file or folder) that provides vocabulary and word vectors."""
    init_from: Path | None = None
    """Evaluator folder, or run, whose weights, words and statistics training starts from; sizes must be the same."""
    order: OmitArgPrefixes[OrderConfig] = field(default_factory=OrderConfig)
    """Sampling of clips."""
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


TrainConfig = TypeVar("TrainConfig")


def save_or_check_config(config: TrainConfig, out: Path, *, resume: bool) -> None:
    """Save the settings in the run folder; a resumed run must have the same except for those in `FREE_FIELDS`.

    Raises:
        ConfigError: the run in the folder has other settings.
    """
    path = out / CONFIG_FILE
    if resume and path.exists():
        saved = _flat(record_to_json(read_record(type(config), path)))
        current = _flat(record_to_json(config))
        free = FREE_FIELDS | {"resume", "data", "out", "init_from", "prompt_cache"}
        other = [
            name for name in current if current[name] != saved.get(name) and name.split(".")[-1] not in free
        ]
        if other:
            changes = ", ".join(f"{name} was {saved.get(name)!r}, now {current[name]!r}" for name in other)
            raise ConfigError(
                f"{out}: cannot be resumed with other settings ({changes}); use the same command line, or start "
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
