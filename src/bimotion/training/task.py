"""What a stage gives the loop: a task, its batches, and which part of them a process works on."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

import torch
from torch import nn


@dataclass(frozen=True)
class Shard:
    """Which part of every batch a process has: rows `rank`, `rank + world`, ... of all processes' batch."""

    rank: int = 0
    """Number of the process."""
    world: int = 1
    """Number of processes."""


@runtime_checkable
class Batch(Protocol):
    """What a step learns from."""

    def to(self, device: torch.device) -> "Batch":
        """The same on another device."""


AnyBatch = TypeVar("AnyBatch", bound=Batch)
AnyBatch_co = TypeVar("AnyBatch_co", bound=Batch, covariant=True)


@runtime_checkable
class BatchStream(Protocol[AnyBatch_co]):
    """Batches without end, in an order that depends only on its seed and its place."""

    def next(self) -> AnyBatch_co:
        """The next batch of this process."""

    def state(self) -> dict[str, Any]:
        """The place in the order, as JSON."""

    def restore(self, state: dict[str, Any]) -> None:
        """Go to the place that `state` gave."""


@runtime_checkable
class Task(Protocol[AnyBatch_co]):
    """What a stage trains: the loop knows nothing else of it."""

    @property
    def module(self) -> nn.Module:
        """`module(batch, noise)` gives a dictionary of mean losses of which `loss` is minimised.

        `noise` is a CPU generator that stands at the same place in every process; noise that is drawn for the
        batch of all processes and then cut makes the result independent of their number.
        """

    def batches(self, batch_size: int, seed: int, shard: Shard) -> BatchStream[AnyBatch_co]:
        """The training batches of one process."""

    def validate(self) -> dict[str, float]:
        """Numbers on the validation split, of the module as it is (it holds the averaged weights)."""

    def sample(self, folder: Path) -> None:
        """Write sample motions of the module as it is into a folder that does not exist yet."""

    def export(self, folder: Path, step: int) -> None:
        """Write the module as it is as a model folder, replacing the one that is there."""
