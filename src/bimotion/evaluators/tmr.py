"""TMR: two transformer encoders with one embedding space for captions and motions.

Source: Petrovich et al. 2023, "TMR: Text-to-Motion Retrieval Using Contrastive 3D Human Motion Synthesis". Only the
parts needed for embeddings are here, without the motion decoder and the variances.

Shapes: B sequences, L positions, F features of a position, W width.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from bimotion.errors import ConfigError
from bimotion.models.vae import sinusoids

TOKENS = 2
"""Learned tokens before each sequence, from which the mean and variance of the embedding are read."""


@dataclass(frozen=True)
class TmrConfig:
    """TMR's sizes; the defaults are the published ones."""

    motion_features: int = 263
    """Features of a frame."""
    text_features: int = 768
    """Width of the language model's states."""
    width: int = 256
    """Width of the encoders and of the embeddings."""
    ff_width: int = 1024
    """Inner width of a layer."""
    layers: int = 6
    """Layers of an encoder."""
    heads: int = 4
    """Attention heads."""
    text_model: str = "distilbert-base-uncased"
    """The language model whose last states are read: a folder or a Hub repository."""

    def __post_init__(self) -> None:
        if min(self.motion_features, self.text_features, self.width, self.ff_width, self.layers) < 1:
            raise ConfigError("the sizes of TMR must be at least 1")
        if self.heads < 1 or self.width % self.heads:
            raise ConfigError(f"TMR's width {self.width} must be a multiple of its {self.heads} heads")


class TmrEncoder(nn.Module):
    """A transformer over the learned tokens and a sequence."""

    def __init__(self, features: int, config: TmrConfig) -> None:
        super().__init__()
        self.projection = nn.Linear(features, config.width)
        self.tokens = nn.Parameter(torch.zeros(TOKENS, config.width))
        layer = nn.TransformerEncoderLayer(
            config.width, config.heads, config.ff_width, dropout=0.0, activation="gelu", batch_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, config.layers, enable_nested_tensor=False)

    def forward(self, x: Float[Tensor, "B L F"], lengths: Int[Tensor, " B"]) -> Float[Tensor, "B W"]:
        """The mean of each sequence's embedding; positions beyond a length are masked."""
        y = torch.cat((self.tokens.expand(len(x), -1, -1), self.projection(x)), dim=1)
        beyond = torch.arange(y.shape[1], device=x.device) >= TOKENS + lengths[:, None]
        states: Tensor = self.encoder(
            y + sinusoids(y.shape[1], y.shape[2]).to(y), src_key_padding_mask=beyond
        )
        return states[:, 0]


class Tmr(nn.Module):
    """The two encoders."""

    def __init__(self, config: TmrConfig) -> None:
        super().__init__()
        self.config = config
        self.text_encoder = TmrEncoder(config.text_features, config)
        self.motion_encoder = TmrEncoder(config.motion_features, config)

    def embed_text(self, states: Float[Tensor, "B L F"], lengths: Int[Tensor, " B"]) -> Float[Tensor, "B W"]:
        """Embeddings, of length 1, of captions by a language model's last states."""
        return F.normalize(self.text_encoder(states, lengths), dim=-1)

    def embed_motion(
        self, features: Float[Tensor, "B L F"], lengths: Int[Tensor, " B"]
    ) -> Float[Tensor, "B W"]:
        """Embeddings, of length 1, of normalised features."""
        return F.normalize(self.motion_encoder(features, lengths), dim=-1)
