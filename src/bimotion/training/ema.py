"""Exponential moving average of the weights."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bimotion.errors import check_range


@dataclass(frozen=True)
class EmaConfig:
    """Averaging of the weights that are validated and saved as the model."""

    ema_decay: float = 0.999
    """Decay of the average per step; lower at the start, see `Ema`."""
    ema_every: int = 5
    """Steps between two updates; the decay is adjusted accordingly."""

    def __post_init__(self) -> None:
        check_range(self, "ema_decay", 0, 1, below=True)
        check_range(self, "ema_every", 1)


class Ema:
    """Exponential moving average of a module's trained parameters.

    After step s (from 1) that `ema_every` divides: `average += (1 - d) (parameters - average)`, where
    d = min(ema_decay, (1 + s) / (10 + s)) ** ema_every: a short run is not held at its first weights.
    """

    def __init__(self, module: nn.Module, config: EmaConfig) -> None:
        self.config = config
        self.names = [name for name, p in module.named_parameters() if p.requires_grad]
        self.parameters = [p for p in module.parameters() if p.requires_grad]
        self.average = [p.detach().clone() for p in self.parameters]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Update the average after step number `step` (from 1)."""
        if step % self.config.ema_every == 0:
            decay = min(self.config.ema_decay, (1 + step) / (10 + step)) ** self.config.ema_every
            torch._foreach_lerp_(self.average, [p.detach() for p in self.parameters], 1 - decay)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Context in which the module has the averaged weights."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def _swap(self) -> None:
        for parameter, average in zip(self.parameters, self.average, strict=True):
            parameter.data, average.data = average.data, parameter.data

    def state(self) -> dict[str, Tensor]:
        """The average by parameter name."""
        return dict(zip(self.names, self.average, strict=True))

    @torch.no_grad()
    def restore(self, state: dict[str, Tensor]) -> None:
        """Restore the average that `state` returned."""
        for name, average in zip(self.names, self.average, strict=True):
            average.copy_(state[name])
