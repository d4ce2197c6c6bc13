"""The command line of training: `bimotion train STAGE --data D --out RUN [--preset tiny] [--steps N ...]`."""

import errno
import logging
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

import tyro
from safetensors import SafetensorError

from bimotion.errors import BimotionError, ConfigError, DataError
from bimotion.models.motion_language import MotionLanguageConfig
from bimotion.models.presets import preset as named_sizes
from bimotion.models.weights import load_config
from bimotion.storage.locks import locked_folder
from bimotion.training.configs import EvaluatorTrainConfig, LanguageTrainConfig, VaeTrainConfig
from bimotion.training.evaluator.run import evaluator_default, train_evaluator
from bimotion.training.language.init_model import find_model
from bimotion.training.language.objective import LanguageLossConfig
from bimotion.training.language.stages import LANGUAGE_STAGES, LanguageStageName
from bimotion.training.loop import LoopResult
from bimotion.training.optimisers import OptimiserConfig
from bimotion.training.run import train_language, train_vae
from bimotion.training.segments.run import SegmentTrainConfig, train_segments

STAGES = ("vae", *LANGUAGE_STAGES, "segments", "evaluator")
"""The stages in order; the evaluator is independent of the others."""

SMALL = ("micro", "tiny", "small")
"""Presets that can be trained from scratch."""

StageConfig = VaeTrainConfig | LanguageTrainConfig | SegmentTrainConfig | EvaluatorTrainConfig
"""The settings of any stage."""


def parse_stage(stage: str, args: Sequence[str], prog: str) -> StageConfig:
    """The settings of a command line; defaults come from the preset and the stage.

    Raises:
        ConfigError: an unknown stage or preset, or a setting out of its bounds.
        ModelError: `--init-from` names no model.
    """
    preset = _value_of("--preset", args) or "tiny"
    default: StageConfig
    if stage == "vae":
        default = VaeTrainConfig(data=Path(), out=Path(), preset=preset, vae=named_sizes(preset).vae)
    elif stage == "evaluator":
        default = evaluator_default(preset)
    elif stage == "segments":
        default = SegmentTrainConfig(data=Path(), out=Path())
    elif stage in LANGUAGE_STAGES:
        default = _language_default(stage, preset, _value_of("--init-from", args))  # type: ignore[arg-type]
    else:
        raise ConfigError(f"unknown stage {stage!r}; expected one of {', '.join(STAGES)}")
    for name in ("data", "out"):  # required options: these values are never used
        object.__setattr__(default, name, tyro.MISSING)
    return tyro.cli(
        type(default), default=default, args=list(args), prog=prog, config=(tyro.conf.FlagCreatePairsOff,)
    )


def run_stage(config: StageConfig) -> LoopResult:
    """Run the training that the settings describe.

    Raises:
        LockedError: another process trains in the same folder.
        DataError: the disk is full.
    """
    is_first = os.environ.get("RANK", "0") == "0"  # the processes of one run share its folder
    with locked_folder(config.out) if is_first else nullcontext(), _naming_a_full_disk(config.out):
        return _run(config)


@contextmanager
def _naming_a_full_disk(out: Path) -> Iterator[None]:
    """A full disk is reported in one line; complete files stay."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        is_full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
        if not is_full and "No space left" not in str(error):
            raise
        raise DataError(
            f"{out}: no space left on the disk; the last checkpoint is complete: free some space and run the same "
            "command with --resume"
        ) from error


def _run(config: StageConfig) -> LoopResult:
    if isinstance(config, EvaluatorTrainConfig):
        return train_evaluator(config)
    if isinstance(config, SegmentTrainConfig):
        return train_segments(config)
    return train_vae(config) if isinstance(config, VaeTrainConfig) else train_language(config)


def main(args: Sequence[str] | None = None, prog: str = "python -m bimotion.training") -> int:
    """Run one stage: 0 done or stopped by --max-minutes, 2 a wrong input, 130 / 143 stopped by a signal."""
    args = list(sys.argv[1:] if args is None else args)
    with _ending_by_signal():
        return _main(args, prog)


def _main(args: list[str], prog: str) -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    try:
        if not args or args[0].startswith("-"):
            raise ConfigError(f"expected a stage; usage: {prog} {{{','.join(STAGES)}}} --data D --out RUN")
        result = run_stage(parse_stage(args[0], args[1:], f"{prog} {args[0]}"))
    except BimotionError as error:
        sys.stderr.write(f"bimotion: {' '.join(str(error).split())}\n")
        return 2
    logging.getLogger(__name__).info("%s at step %d", "done" if result.finished else "stopped", result.step)
    return {"SIGINT": 130, "SIGTERM": 143}.get(result.stopped_by, 0)


@contextmanager
def _ending_by_signal() -> Iterator[None]:
    """Outside the loop, which handles signals itself, a signal ends the process without a traceback or unfinished
    files.
    """
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        yield
    except KeyboardInterrupt:
        sys.stderr.write("bimotion: interrupted\n")
        sys.exit(130)
    finally:
        signal.signal(signal.SIGTERM, before)


def _language_default(stage: LanguageStageName, preset: str, init_from: str | None) -> LanguageTrainConfig:
    """The settings of a language stage; sizes and sampling are those of the model that it starts from."""
    kind = LANGUAGE_STAGES[stage]
    sizes: MotionLanguageConfig = named_sizes(preset)
    if init_from is not None:
        sizes = load_config(find_model(Path(init_from)))
    if sizes.length is None:
        raise ConfigError(f"{init_from}: training cannot continue from a model without a length network")
    return LanguageTrainConfig(
        stage=stage,
        data=Path(),
        out=Path(),
        preset=preset,
        trains=kind.trains,
        losses=LanguageLossConfig(kind.text_weight, kind.diffusion_weight, kind.length_weight),
        mixture=sizes.mixture,
        head=sizes.head,
        diffusion=sizes.diffusion,
        length=sizes.length,
        optimiser=OptimiserConfig(lr=kind.small_lr if preset in SMALL else kind.lr),
        text_lr_scale=kind.text_lr_scale,
        head_lr_scale=kind.head_lr_scale,
    )


def _value_of(option: str, args: Sequence[str]) -> str | None:
    for index, arg in enumerate(args):
        if arg == option and index + 1 < len(args):
            return args[index + 1]
        if arg.startswith(f"{option}="):
            return arg.split("=", 1)[1]
    return None
