"""A small evaluator: a text encoder and a motion encoder whose embeddings of a caption and its motion are close.

A motion's embedding has the direction of a mean over its parts, so a moment inside it can be compared with a phrase.

Shapes: B batch, P moments, T frames, F feature columns (263), L text tokens, M motion tokens, W width of a layer, D
embedding width. Masks are True where valid.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from bimotion.errors import ConfigError, check_range
from bimotion.features.layout import FEATURE_DIM
from bimotion.models.blocks import EncoderLayer
from bimotion.models.linear import Linear


@dataclass(frozen=True)
class ContrastiveConfig:
    """Sizes of the two encoders."""

    vocab_size: int = 2304
    """Text tokens."""
    max_tokens: int = 48
    """Longest caption, in tokens; longer ones are cut."""
    text_width: int = 192
    """Width of the text encoder."""
    text_layers: int = 3
    """Layers of the text encoder."""
    motion_width: int = 256
    """Width of the motion encoder."""
    motion_layers: int = 4
    """Layers of the motion encoder."""
    frames_per_token: int = 4
    """Frames that make a motion token."""
    max_frames: int = 200
    """Longest motion."""
    heads: int = 4
    """Attention heads of both encoders."""
    ff_ratio: int = 3
    """Hidden width of the feed-forward layers, in widths."""
    width: int = 128
    """Values in an embedding."""
    dropout: float = 0.1
    """Share of activations zeroed in training."""

    def __post_init__(self) -> None:
        check_range(self, set(vars(self)) - {"dropout"}, 1, label="evaluator ")
        check_range(self, "dropout", 0, 1, below=True, label="evaluator ")
        if self.text_width % self.heads or self.motion_width % self.heads:
            raise ConfigError(
                f"heads ({self.heads}) must divide text_width ({self.text_width}) and motion_width "
                f"({self.motion_width})"
            )


EVALUATOR_SIZES: dict[str, ContrastiveConfig] = {
    "micro": ContrastiveConfig(
        vocab_size=320,
        text_width=32,
        text_layers=1,
        motion_width=32,
        motion_layers=1,
        heads=2,
        ff_ratio=2,
        width=16,
        dropout=0.0,
    ),
    "tiny": ContrastiveConfig(),
}
"""micro: for tests; tiny: for use, at most 12 MB in 16 bit."""


class ContrastiveEvaluator(nn.Module):
    """Embeddings of captions and motions, of length sqrt(D), so that their values have a mean square of 1.

    Source: after TMR (Petrovich et al. 2023): two transformer encoders, one space, InfoNCE.
    """

    feature_mean: Tensor
    feature_std: Tensor

    def __init__(self, config: ContrastiveConfig) -> None:
        super().__init__()
        self.config = config
        self.words = nn.Embedding(config.vocab_size, config.text_width)
        nn.init.normal_(self.words.weight, std=0.05)
        self.text = _Encoder(config.text_width, config.text_layers, config.max_tokens, config)
        motion_tokens = -(-config.max_frames // config.frames_per_token)
        self.frames = Linear(config.frames_per_token * FEATURE_DIM, config.motion_width)
        self.motion = _Encoder(config.motion_width, config.motion_layers, motion_tokens, config)
        self.register_buffer("feature_mean", torch.zeros(FEATURE_DIM))
        self.register_buffer("feature_std", torch.ones(FEATURE_DIM))

    def embed_text(self, ids: Int[Tensor, "B L"], mask: Bool[Tensor, "B L"]) -> Float[Tensor, "B D"]:
        """Embeddings of captions' tokens; positions where `mask` is False are ignored."""
        return _embedding(_mean(self.text(self.words(ids), mask), mask))

    def embed_motion(
        self, features: Float[Tensor, "B T F"], lengths: Int[Tensor, " B"]
    ) -> Float[Tensor, "B D"]:
        """Embeddings of features that are not normalised; frames beyond each length are ignored."""
        return self.motion_parts(features, lengths).whole()

    def motion_parts(self, features: Float[Tensor, "B T F"], lengths: Int[Tensor, " B"]) -> "MotionParts":
        """The same in parts of `frames_per_token` frames, of which any moment of a motion can be put together."""
        config = self.config
        frame_indices = torch.arange(features.shape[1], device=features.device)
        x = (features - self.feature_mean) / self.feature_std
        x = torch.where((frame_indices < lengths[:, None])[..., None], x, torch.zeros((), device=x.device))
        x = F.pad(x, (0, 0, 0, -features.shape[1] % config.frames_per_token))
        x = self.frames(x.reshape(len(x), -1, config.frames_per_token * x.shape[2]))
        mask = torch.arange(x.shape[1], device=x.device) * config.frames_per_token < lengths[:, None]
        return MotionParts(self.motion(x, mask), mask)


@dataclass(frozen=True)
class MotionParts:
    """Motions in parts of a few frames each."""

    values: Float[Tensor, "B M D"]
    """One vector for each part; the mean of those of a moment points in the direction of its embedding."""
    mask: Bool[Tensor, "B M"]
    """Which parts have frames of the motion."""

    def whole(self) -> Float[Tensor, "B D"]:
        """Embeddings of the whole motions."""
        return _embedding(_mean(self.values, self.mask))

    def moments(
        self, rows: Int[Tensor, "*P"], first: Int[Tensor, "*P"], stop: Int[Tensor, "*P"]
    ) -> Float[Tensor, "*P D"]:
        """Embeddings of the parts `first` to `stop` (exclusive) of the motions `rows`."""
        sums = F.pad((self.values * self.mask[..., None]).cumsum(1), (0, 0, 1, 0))
        return _embedding(sums[rows, stop] - sums[rows, first])


class _Encoder(nn.Module):
    """A transformer encoder of which the mean output points in the direction of an embedding."""

    def __init__(self, width: int, layers: int, max_length: int, config: ContrastiveConfig) -> None:
        super().__init__()
        self.positions = nn.Parameter(torch.randn(max_length, width) * 0.02)
        self.layers = nn.ModuleList(
            EncoderLayer(width, config.heads, config.ff_ratio * width, dropout=config.dropout, norm="pre")
            for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width)
        self.out = Linear(width, config.width)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Float[Tensor, "B L W"], mask: Bool[Tensor, "B L"]) -> Float[Tensor, "B L D"]:
        x = self.dropout(x + self.positions[: x.shape[1]])
        for layer in self.layers:
            x = layer(x, mask[:, None, None])
        outputs: Tensor = self.out(self.norm(x)).float()
        return outputs


def _mean(x: Float[Tensor, "B L D"], mask: Bool[Tensor, "B L"]) -> Float[Tensor, "B D"]:
    valid = mask[..., None].to(x.dtype)
    return (x * valid).sum(1) / valid.sum(1).clamp(min=1)


def _embedding(x: Float[Tensor, "*B D"]) -> Float[Tensor, "*B D"]:
    return F.normalize(x, dim=-1) * math.sqrt(x.shape[-1])
