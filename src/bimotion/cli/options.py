"""Arguments that several commands share, with one wording each."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

if TYPE_CHECKING:
    from bimotion.motion.clip import Clip

Files = Annotated[Positional[tuple[Path, ...]], arg(metavar="FILE...", help_behavior_hint="(one or more)")]
"""One or more motion files."""

File = Annotated[Positional[Path], arg(metavar="FILE")]
"""One motion file."""

Out = Annotated[Path, arg(metavar="FILE")]
"""The file to write."""

Model = Annotated[
    str | None, arg(metavar="MODEL", help_behavior_hint="(default: the model that comes with bimotion)")
]
"""A model folder or a Hub repository."""

Seed = Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: another one every time)")]
"""What makes a result repeatable."""

Evaluator = Annotated[
    Path | None, arg(metavar="FOLDER", help_behavior_hint="(default: the one that comes with bimotion)")
]
"""An evaluator's folder or run."""

Device = Annotated[str, arg(metavar="DEVICE")]
"""Where the model runs."""

Precision = Literal["fp32", "bf16", "int8"]
"""What the model computes in."""


@dataclass(frozen=True)
class Reading:
    """How motion files are read; what is not given is found out from the file."""

    skeleton: Annotated[Path | None, arg(metavar="ASF", help_behavior_hint="(default: found beside it)")] = (
        None
    )
    """The skeleton of an AMC file."""
    joint_map: Annotated[Path | None, arg(metavar="JSON", help_behavior_hint="(default: by the names)")] = (
        None
    )
    """Which joint of the file is which, for skeletons that bimotion does not know (docs/formats.md)."""
    unit: Annotated[
        Literal["m", "cm", "inch", "mm"] | None, arg(help_behavior_hint="(default: from the body's height)")
    ] = None
    """Unit of the file's lengths."""
    body_model: Annotated[Path | None, arg(metavar="DIR", help_behavior_hint="(AMASS only)")] = None
    """A folder of `smplx` body models."""

    def read(self, path: Path) -> "Clip":
        """The motion in a file.

        Raises:
            MotionFileError: the file cannot be used.
        """
        from bimotion.api import read_clip

        return read_clip(
            path,
            skeleton=self.skeleton,
            joint_map=self.joint_map,
            unit=self.unit,
            body_model=self.body_model,
        )


ReadingOptions = Annotated[Reading, arg(name="")]
"""The options of `Reading`, without a prefix."""
