"""Length prediction from a motion's condition and latents.

Shapes: B motions, S slots, C condition width, X values in a motion's latents, K bins of lengths.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from bimotion.errors import ConfigError, check_range
from bimotion.models.limits import check_sizes
from bimotion.models.linear import Linear


@dataclass(frozen=True)
class LengthConfig:
    """The length network's size and range."""

    width: int = 256
    """Width of its hidden layers."""
    min_frames: int = 20
    """Shortest length."""
    max_frames: int = 196
    """Longest length."""
    bin_frames: int = 4
    """Frames between two neighbouring bins."""
    dropout: float = 0.1
    """Share of activations zeroed in training."""

    def __post_init__(self) -> None:
        check_sizes(self, "length", "max_frames", "width", "bin_frames")
        if not 1 <= self.min_frames < self.max_frames:
            raise ConfigError(
                f"0 < min_frames < max_frames must hold, got {self.min_frames} and {self.max_frames}"
            )
        check_range(self, "dropout", 0, 1, below=True, label="length ")

    @property
    def bins(self) -> int:
        """Number of bins; the first is `min_frames`, the last at least `max_frames`."""
        return -(-(self.max_frames - self.min_frames) // self.bin_frames) + 1


class LengthPredictor(nn.Module):
    """An MLP from a motion's pooled condition and latents to a distribution over lengths."""

    def __init__(self, config: LengthConfig, condition_width: int, x_width: int) -> None:
        super().__init__()
        self.config = config
        self.norm = nn.LayerNorm(condition_width)
        self.embed_condition = Linear(condition_width, config.width)
        self.embed_latent = Linear(x_width, config.width)
        self.hidden = Linear(config.width, config.width)
        self.out = Linear(config.width, config.bins)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, z: Float[Tensor, "B S C"], x0: Float[Tensor, "B 1 X"]) -> Float[Tensor, "B K"]:
        """Unnormalised log probabilities of the bins."""
        h = F.silu(self.embed_condition(self.norm(z.mean(1))) + self.embed_latent(x0[:, 0]))
        scores: Tensor = self.out(self.dropout(F.silu(self.hidden(self.dropout(h)))))
        return scores

    def loss(
        self, z: Float[Tensor, "B S C"], x0: Float[Tensor, "B 1 X"], num_frames: Int[Tensor, " B"]
    ) -> Float[Tensor, ""]:
        """Cross entropy; each true length is split between its two neighbouring bins."""
        config = self.config
        frames = num_frames.clamp(config.min_frames, config.max_frames)
        position = (frames - config.min_frames).float() / config.bin_frames
        bins = torch.arange(config.bins, device=z.device)
        target = (1 - (position[:, None] - bins).abs()).clamp(min=0)
        loss: Tensor = -(target * self(z, x0).float().log_softmax(-1)).sum(-1).mean()
        return loss

    def predict(self, z: Float[Tensor, "B S C"], x0: Float[Tensor, "B 1 X"]) -> Int[Tensor, " B"]:
        """The distribution's median length in frames."""
        config = self.config
        below = self(z, x0).float().softmax(-1).cumsum(-1)
        index = (below < 0.5).sum(-1)
        frames: Tensor = (config.min_frames + index * config.bin_frames).clamp(max=config.max_frames)
        return frames
