"""The command line of training: `bimotion train STAGE --data D --out RUN [--preset tiny] [--steps N ...]`."""

import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import tyro

from bimotion.errors import BimotionError, ConfigError
from bimotion.models.presets import preset as named_sizes
from bimotion.training.configs import VaeTrainConfig
from bimotion.training.loop import LoopResult
from bimotion.training.stages import train_vae

STAGES = ("vae",)
"""The stages, in the order in which they are run."""


def parse_stage(stage: str, args: Sequence[str], prog: str) -> Any:
    """The settings that a command line gives; the preset's where it says nothing.

    Raises:
        ConfigError: an unknown stage or preset, or a setting out of its bounds.
    """
    if stage not in STAGES:
        raise ConfigError(f"there is no stage {stage!r}; expected one of {', '.join(STAGES)}")
    preset = _value_of("--preset", args) or "tiny"
    default = VaeTrainConfig(data=Path(), out=Path(), preset=preset, vae=named_sizes(preset).vae)
    for name in ("data", "out"):  # must be given: no value of theirs is a default
        object.__setattr__(default, name, tyro.MISSING)
    return tyro.cli(
        VaeTrainConfig,
        default=default,
        args=list(args),
        prog=prog,
        config=(tyro.conf.OmitArgPrefixes, tyro.conf.FlagCreatePairsOff),
    )


_RUNNERS: dict[type, Callable[[Any], LoopResult]] = {VaeTrainConfig: train_vae}


def run_stage(config: Any) -> LoopResult:
    """Train what the settings say."""
    return _RUNNERS[type(config)](config)


def main(args: Sequence[str] | None = None, prog: str = "python -m bimotion.training") -> int:
    """Run one stage: 0 done or stopped by --max-minutes, 2 a wrong input, 130 / 143 stopped by a signal."""
    args = list(sys.argv[1:] if args is None else args)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    try:
        if not args or args[0].startswith("-"):
            raise ConfigError(f"which stage? usage: {prog} {{{','.join(STAGES)}}} --data D --out RUN")
        result = run_stage(parse_stage(args[0], args[1:], f"{prog} {args[0]}"))
    except BimotionError as error:
        sys.stderr.write(f"bimotion: {' '.join(str(error).split())}\n")
        return 2
    logging.getLogger(__name__).info("%s at step %d", "done" if result.finished else "stopped", result.step)
    return {"SIGINT": 130, "SIGTERM": 143}.get(result.stopped_by, 0)


def _value_of(option: str, args: Sequence[str]) -> str | None:
    for place, arg in enumerate(args):
        if arg == option and place + 1 < len(args):
            return args[place + 1]
        if arg.startswith(f"{option}="):
            return arg.split("=", 1)[1]
    return None
