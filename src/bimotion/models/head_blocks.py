"""Parts of the diffusion head: its size, pooling of the slots, embedding of the noise level, residual blocks.

Shapes: B latents, S slots, C condition width (that of the mixture), X values in a latent (all latents of a clip as one
flat vector), W width of the head, R rows (of steps, of latents, or of both), G modulation rows (at most R; the last one
is repeated), P parts of a modulation.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from bimotion.errors import ConfigError, check_range
from bimotion.models.blocks import EncoderLayer
from bimotion.models.kernels import Norm, broadcast_last
from bimotion.models.limits import check_sizes
from bimotion.models.linear import Linear


@dataclass(frozen=True)
class HeadConfig:
    """The diffusion head's size; the defaults are the published ones."""

    width: int = 1024
    """Width of the residual blocks."""
    blocks: int = 3
    """Residual blocks."""
    heads: int = 4
    """Attention heads of the layer that pools the slots."""
    ff_width: int | None = None
    """Inner width of that layer; None: four times its width."""
    frequencies: int = 256
    """Sines and cosines that embed the noise level."""
    dropout: float = 0.1
    """Share of the pooling layer's activations zeroed in training."""
    zero_init: bool = True
    """Initialise gates and output with zeros, so that each block starts as the identity (published: no)."""
    direct: bool = False
    """Add a gain times `xt` and a shift, both functions of noise level and condition, to the output. For normally
    distributed latents this is the optimal prediction, so that the blocks learn only the remainder (published: no)."""

    def __post_init__(self) -> None:
        check_sizes(self, "head", "width", "blocks", "heads", "ff_width", "frequencies")
        check_range(self, "dropout", 0, 1, below=True, label="head ")
        if self.frequencies % 2:
            raise ConfigError(f"head frequencies must be even (sines and cosines), got {self.frequencies}")


class Modulation(NamedTuple):
    """Modulations of the blocks, which depend on step and condition but not on `xt`.

    With fewer rows than latents, as for the unconditional half of a batch, the last row is repeated.
    """

    parts: Float[Tensor, "P G W"]
    """For each block gain and shift of its norm and its gate, then gain and shift before the output."""
    direct: Float[Tensor, "G 2*X"] | None
    """Gain and shift of the direct path."""

    def direct_output(self, xt: Float[Tensor, "R X"]) -> Float[Tensor, "R X"] | None:
        """Output of the direct path."""
        if self.direct is None:
            return None
        gain, shift = broadcast_last(self.direct, len(xt)).chunk(2, dim=-1)
        return torch.addcmul(shift, gain, xt)


class ConditionPool(nn.Module):
    """Pools the hidden states at the slots into one vector: a learned query attends to them and to itself."""

    def __init__(self, config: HeadConfig, condition_width: int, slots: int) -> None:
        super().__init__()
        self.query = nn.Parameter(torch.randn(1, condition_width) * 0.02)
        self.positions = nn.Parameter(torch.randn(slots + 1, condition_width) * 0.02)
        ff_width = 4 * condition_width if config.ff_width is None else config.ff_width
        self.layer = EncoderLayer(condition_width, config.heads, ff_width, dropout=config.dropout)
        self.project = Linear(condition_width, config.width)

    def forward(self, z: Float[Tensor, "B S C"]) -> Float[Tensor, "B W"]:
        """The pooled condition."""
        tokens = torch.cat((self.query.to(z.dtype).expand(z.shape[0], 1, -1), z), dim=1)
        pooled = self.layer(tokens + self.positions[: tokens.shape[1]], None, queries=1)
        c: Tensor = self.project(pooled[:, 0])
        return c


class TimeEmbedding(nn.Module):
    """Embedding of the noise level."""

    def __init__(self, config: HeadConfig) -> None:
        super().__init__()
        self.frequencies = config.frequencies
        self.up = Linear(config.frequencies, config.width)
        self.down = Linear(config.width, config.width)

    def forward(self, t: Int[Tensor, " R"]) -> Float[Tensor, "R W"]:
        """Embedded noise levels."""
        half = self.frequencies // 2
        rate = torch.exp(-math.log(10000) * torch.arange(half, dtype=torch.float32, device=t.device) / half)
        angle = t[:, None].float() * rate
        waves = torch.cat((angle.cos(), angle.sin()), dim=-1).to(self.up.weight.dtype)
        embedded: Tensor = self.down(F.silu(self.up(waves)))
        return embedded


class AdaptiveBlock(nn.Module):
    """A residual block with adaptive norm and gate (adaLN)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.up = Linear(width, width)
        self.down = Linear(width, width)
        self.modulate = Linear(width, 3 * width)

    def modulation(self, y: Float[Tensor, "R W"]) -> tuple[Tensor, Tensor, Tensor]:
        """Gain and shift of the norm, and the gate, from the embedded step and condition."""
        shift, scale, gate = self.modulate(y).chunk(3, dim=-1)
        scale = scale + 1
        return self.norm.weight * scale, torch.addcmul(shift, self.norm.bias, scale), gate

    def forward(
        self,
        x: Float[Tensor, "R W"],
        gain: Float[Tensor, "G W"],
        shift: Float[Tensor, "G W"],
        gate: Float[Tensor, "G W"],
    ) -> Float[Tensor, "R W"]:
        """The block's output; see `modulation`."""
        norm = Norm("layer", gain, shift, self.norm.eps)
        y: Tensor = self.down(self.up(x, norm=norm, activation="silu"), gate=gate, add=x)
        return y
