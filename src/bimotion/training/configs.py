"""The settings of the stages: all that a run needs, saved in its folder."""

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TypeVar

from bimotion.errors import ConfigError
from bimotion.models.vae import VaeConfig
from bimotion.training.ema import EmaConfig
from bimotion.training.loop_config import FREE_FIELDS, LoopConfig
from bimotion.training.losses import VaeLossConfig
from bimotion.training.optimisers import OptimiserConfig
from bimotion.training.order import OrderConfig
from bimotion.training.records import read_record, record_to_json, write_record

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
    vae: VaeConfig = field(default_factory=VaeConfig)
    """Size of the VAE."""
    losses: VaeLossConfig = field(default_factory=VaeLossConfig)
    """Weights of the losses."""
    order: OrderConfig = field(default_factory=OrderConfig)
    """How clips are drawn."""
    loop: LoopConfig = field(default_factory=LoopConfig)
    """Length of the run."""
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    """How gradients become steps."""
    ema: EmaConfig = field(default_factory=EmaConfig)
    """The averaged weights."""
    init_from: Path | None = None
    """Run or VAE folder whose weights (and feature statistics) are the start, with a new schedule."""
    use_test: bool = False
    """Measure on the test split instead of the validation split: once, at the very end."""
    resume: bool = False
    """Go on with the run in `out`; start it if there is none."""


TrainConfig = TypeVar("TrainConfig")


def settle(config: TrainConfig, out: Path, *, resume: bool) -> None:
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


def field_names(kind: type) -> list[str]:
    """Names of a dataclass's fields."""
    return [entry.name for entry in fields(kind)]
