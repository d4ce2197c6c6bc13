"""Arguments that several commands share, each defined once."""

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import Positional, arg

from bimotion.models.choices import Precision, Sampler

if TYPE_CHECKING:
    from bimotion.engines.engine import Engine
    from bimotion.inference.model import MotionLanguageModel

Files = Annotated[Positional[tuple[Path, ...]], arg(metavar="FILE...", help_behavior_hint="(one or more)")]
"""One or more motion files."""

File = Annotated[Positional[Path], arg(metavar="FILE")]
"""One motion file."""

Out = Annotated[Path, arg(metavar="FILE")]
"""The file to write."""

Model = Annotated[
    str | None,
    arg(
        metavar="MODEL",
        help_behavior_hint="(default: the bundled model; hf:OWNER/NAME[@REVISION]: from the Hub)",
    ),
]
"""A model folder, a training run, or a Hub repository."""

Flag = Annotated[bool, arg(help_behavior_hint="")]
"""A switch, off by default."""

Seed = Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: random)")]
"""A seed; the same seed gives the same result."""

Evaluator = Annotated[
    Path | None, arg(metavar="FOLDER", help_behavior_hint="(default: the bundled evaluator)")
]
"""Folder or run of an evaluator."""

Device = Annotated[str, arg(metavar="DEVICE")]
"""Device that the model runs on."""

Guidance = Annotated[float | None, arg(metavar="W", help_behavior_hint="(default: the model's)")]
Steps = Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: the model's)")]
SamplerName = Annotated[Sampler | None, arg(help_behavior_hint="(default: the model's)")]


@dataclass(frozen=True)
class Running:
    """Which model runs, and how; shared by all commands that use one."""

    model: Model = None
    """Model folder, training run or Hub repository."""
    device: Device = "cpu"
    """Device that the model runs on: cpu, cuda, mps."""
    precision: Precision = "fp32"
    """Number format that the model computes in; int8 is for large models on a CPU (docs/performance.md)."""

    def check(self) -> None:
        """Fail early if the model does not exist.

        Raises:
            ModelError: the model does not exist.
        """
        from bimotion.api import model_folder

        model_folder(self.model)

    def load(self) -> "MotionLanguageModel":
        """The model.

        Raises:
            ModelError: it does not exist, is broken, or cannot run with these settings.
        """
        from bimotion.api import load

        return load(self.model, device=self.device, precision=self.precision)


RunningOptions = Annotated[Running, arg(name="")]
"""The options of `Running`, without a prefix."""


EngineName = Annotated[Literal["local", "ray"], arg(help_behavior_hint="(default: local)")]
"""Where work runs."""


@dataclass(frozen=True)
class Machines:
    """Where the work of a job runs; shared by all commands that work on many files or sentences."""

    engine: EngineName = "local"
    """local: processes of this machine. ray: a Ray cluster (docs/scale.md), which the variable RAY_ADDRESS names;
    without it, one on this machine."""
    workers: Annotated[
        int | None, arg(metavar="N", help_behavior_hint="(default: 1; ray: as many as there is room for)")
    ] = None
    """Processes that work at the same time."""

    def start(self, device: str = "cpu") -> "Engine":
        """The engine; each of its processes gets a GPU if `device` is one.

        Raises:
            ConfigError: fewer than one worker, Ray is not installed, or there is no cluster.
        """
        from bimotion.engines.local import LocalEngine

        if self.engine == "local":
            return LocalEngine(1 if self.workers is None else self.workers)
        from bimotion.engines.on_ray import RayEngine, connect

        engine = RayEngine(self.workers, gpus=float(device.startswith("cuda")))
        connect(self.workers)
        return engine


MachineOptions = Annotated[Machines, arg(name="")]
"""The options of `Machines`, without a prefix."""


@dataclass(frozen=True)
class SamplingArguments:
    """How motion is sampled; shared by all commands that generate some."""

    seed: Seed = None
    """Random seed: the same seed gives the same motion."""
    guidance: Guidance = None
    """Guidance scale: how closely the motion follows the prompt; 1 samples without guidance."""
    steps: Steps = None
    """Number of sampling steps: more are slower and slightly better."""
    sampler: SamplerName = None
    """Diffusion sampler."""

    def first_seed(self) -> int:
        """The seed, or a random one that can be printed."""
        return secrets.randbelow(2**31) if self.seed is None else self.seed

    def check(self) -> None:
        """Fail early if a setting is out of range.

        Raises:
            ConfigError: it is.
        """
        from bimotion.inference.settings import Sampling

        Sampling(self.seed, **self.settings())

    def settings(self) -> dict[str, Any]:
        """The settings as arguments of the model's methods, without the seed."""
        return {"guidance_scale": self.guidance, "steps": self.steps, "sampler": self.sampler}


SamplingOptions = Annotated[SamplingArguments, arg(name="")]
"""The options of `SamplingArguments`, without a prefix."""
