"""Interface between stages and the loop: a task, its batches, and the part of them that a process works on."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

import torch
from torch import nn


@dataclass(frozen=True)
class Shard:
    """The part of every batch that a process has: rows `rank`, `rank + world`, ... of all processes' batch."""

    rank: int = 0
    """Number of the process."""
    world: int = 1
    """Number of processes."""


@runtime_checkable
class Batch(Protocol):
    """The data of one step."""

    def to(self, device: torch.device) -> "Batch":
        """The same on another device."""


AnyBatch = TypeVar("AnyBatch", bound=Batch)
AnyBatch_co = TypeVar("AnyBatch_co", bound=Batch, covariant=True)


@runtime_checkable
class BatchStream(Protocol[AnyBatch_co]):
    """Endless batches, in an order that depends only on its seed and position."""

    def next(self) -> AnyBatch_co:
        """The next batch of this process."""

    def state(self) -> dict[str, Any]:
        """The position in the order, as JSON."""

    def restore(self, state: dict[str, Any]) -> None:
        """Go to the position that `state` returned."""


@runtime_checkable
class Task(Protocol[AnyBatch_co]):
    """A stage's training, as the loop sees it."""

    @property
    def module(self) -> nn.Module:
        """`module(batch, noise)` returns a dictionary of mean losses of which `loss` is minimised.

        `noise` is a CPU generator in the same state in every process; noise that is drawn for the
        batch of all processes and then cut makes the result independent of their number.
        """

    def batches(self, batch_size: int, seed: int, shard: Shard) -> BatchStream[AnyBatch_co]:
        """The training batches of one process."""

    def validate(self) -> dict[str, float]:
        """Metrics on the validation split of the module in its current state (with averaged weights)."""

    def sample(self, folder: Path) -> None:
        """Write sample motions of the module in its current state into a folder that does not exist yet."""

    def export(self, folder: Path, step: int) -> None:
        """Write the module in its current state as a model folder, replacing an existing one."""
