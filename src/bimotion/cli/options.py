"""Arguments that several commands share, with one wording each."""

from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

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

Device = Annotated[str, arg(metavar="DEVICE")]
"""Where the model runs."""
