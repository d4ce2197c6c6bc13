"""Keys and values of earlier positions, for the step-by-step computation of the two-branch transformer.

Shapes: B sequences, L positions of a prompt, S positions so far, G key-value heads, K head width.
"""

import copy

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from bimotion.models.branch import MixtureConfig
from bimotion.models.kernels import CallGraph


class KeyValueCache:
    """Keys and values of all positions so far, with room for more; sequences may differ in length."""

    def __init__(
        self, config: MixtureConfig, size: int, room: int, device: torch.device, dtype: torch.dtype
    ) -> None:
        shape = (config.layers, 2, size, config.groups, room, config.head_width)
        self.store = torch.zeros(shape, device=device, dtype=dtype)
        self.filled = torch.zeros(size, dtype=torch.long, device=device)
        self.longest = 0
        self.equal_lengths = True
        self.step = CallGraph()
        self.motion_step = CallGraph()

    def prefill(self, layer: int, k: Float[Tensor, "B G L K"], v: Float[Tensor, "B G L K"]) -> None:
        """Store the prompt's keys and values."""
        self.store[layer, 0, :, :, : k.shape[2]] = k
        self.store[layer, 1, :, :, : v.shape[2]] = v

    def append(
        self, layer: int, k: Float[Tensor, "B G 1 K"], v: Float[Tensor, "B G 1 K"]
    ) -> tuple[Float[Tensor, "B G S K"], Float[Tensor, "B G S K"]]:
        """Store one more position of each sequence and return all of them."""
        keys, values = self.store[layer].unbind(0)
        if self.equal_lengths:
            keys[:, :, self.longest] = k[:, :, 0]
            values[:, :, self.longest] = v[:, :, 0]
        else:
            rows = torch.arange(k.shape[0], device=k.device)
            keys[rows, :, self.filled] = k[:, :, 0]
            values[rows, :, self.filled] = v[:, :, 0]
        return keys[:, :, : self.longest + 1], values[:, :, : self.longest + 1]

    def mask(self) -> Bool[Tensor, "B 1 1 S"] | None:
        """Positions that the next token attends to, itself included; None: all."""
        if self.equal_lengths:
            return None
        positions = torch.arange(self.longest + 1, device=self.filled.device)
        return (positions <= self.filled[:, None])[:, None, None]

    def front(self, count: int) -> "KeyValueCache":
        """A cache of the first `count` sequences, which shares this one's memory."""
        front = copy.copy(self)
        front.store, front.filled = self.store[:, :, :count], self.filled[:count]
        front.equal_lengths, front.step, front.motion_step = False, CallGraph(), CallGraph()
        return front

    def advance(self, count: int = 1) -> None:
        """Advance by positions that were appended in every layer; a negative `count` drops the last ones."""
        self.filled += count
        self.longest += count
