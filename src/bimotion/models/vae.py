"""The motion VAE: a clip's features to a few latents and back.

Shapes: B batch, T frames, F feature columns (263), N latents of a clip, D latent width, L tokens of
`frames_per_token` frames each. Features are normalised; masks are True where valid.

    encode  (B, T, F), lengths (B,)  ->  mu, logvar, each (B, N, D)
    decode  (B, N, D), lengths (B,)  ->  (B, T, F), zeros from each length on
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from bimotion.errors import ConfigError, check_range
from bimotion.models.blocks import DecoderLayer, EncoderLayer, NormPosition, SkipStack
from bimotion.models.codes import Quantiser
from bimotion.models.cosine_path import CosinePath
from bimotion.models.limits import check_sizes
from bimotion.models.linear import Linear


@dataclass(frozen=True)
class VaeConfig:
    """The motion VAE's size; the defaults are the published ones."""

    feature_dim: int = 263
    """Columns of a frame's features."""
    num_latents: int = 1
    """Latents of a clip."""
    latent_width: int | None = None
    """Values in a latent; None: `width`, without a projection."""
    frames_per_token: int = 1
    """Consecutive frames per token of the encoder and the decoder."""
    width: int = 256
    """Width of the layers."""
    ff_width: int = 1024
    """Inner width of the feed-forward layers."""
    heads: int = 4
    """Attention heads."""
    layers: int = 9
    """Layers of the encoder, and of the decoder; odd, as there are skip connections around the middle one."""
    dropout: float = 0.1
    """Share of activations zeroed in training."""
    attention_dropout: float = 0.0
    """Share of attention weights zeroed in training; slow on a CPU unless 0 (published: 0.1)."""
    max_frames: int = 498
    """Frames of the longest clip, the size of the position tables."""
    norm: NormPosition = "post"
    """Whether layers normalise after (post) or before (pre) each sub-layer."""
    cosines: int = 0
    """Cosines over time of the linear path beside the transformer (`CosinePath`); 0: none (published)."""
    pose_axes: int = 48
    """Principal axes of a frame's features on the linear path."""
    codes: int | None = None
    """Codes of a level, where latents are rounded to sums of codes (VQ-VAE); None: continuous latents (published)."""
    code_levels: int = 16
    """Levels of codes."""

    def __post_init__(self) -> None:
        check_sizes(self, "vae", "feature_dim", "num_latents", "latent_width", "frames_per_token", "width")
        check_sizes(self, "vae", "ff_width", "heads", "layers", "max_frames", "pose_axes")
        check_sizes(self, "vae", "codes", "code_levels")
        if self.layers % 2 == 0:
            raise ConfigError(
                f"vae layers must be odd (skip connections around a middle layer), got {self.layers}"
            )
        if self.width % self.heads:
            raise ConfigError(
                f"vae width must be a multiple of heads, got width {self.width} and heads {self.heads}"
            )
        check_range(self, "cosines", 0, label="vae ")
        check_range(self, ("dropout", "attention_dropout"), 0, 1, below=True, label="vae ")
        latent_values, coefficients = self.num_latents * self.latent_dim, self.cosines * self.pose_axes
        if self.cosines and not (1 <= self.pose_axes <= self.feature_dim and latent_values <= coefficients):
            raise ConfigError(
                f"vae pose_axes must lie in 1..{self.feature_dim}, and times cosines be at least the {latent_values} "
                f"latent values, got {self.pose_axes} axes and {self.cosines} cosines"
            )
        if self.norm not in ("post", "pre"):
            raise ConfigError(f"vae norm must be 'post' or 'pre', got {self.norm!r}")

    @property
    def latent_dim(self) -> int:
        """Values in one latent."""
        return self.width if self.latent_width is None else self.latent_width

    @property
    def max_tokens(self) -> int:
        """Frame tokens of the longest clip."""
        return -(-self.max_frames // self.frames_per_token)


class MotionVae(nn.Module):
    """Transformer encoder and decoder with skip connections around `num_latents` latents.

    Source: MLD (Chen et al. 2023), section 3.1, as used by MotionGPT3 (Zhu et al. 2025), section 3.2.
    """

    def __init__(self, config: VaeConfig) -> None:
        super().__init__()
        self.config = config
        width, token_dim = config.width, config.frames_per_token * config.feature_dim
        positions = config.max_tokens + 2 * config.num_latents
        self.embed = Linear(token_dim, width)
        self.distribution_tokens = nn.Parameter(torch.randn(2 * config.num_latents, width))
        self.encoder_positions = nn.Parameter(sinusoids(positions, width))
        self.decoder_positions = nn.Parameter(sinusoids(positions, width))

        def stack(layer: type[EncoderLayer] | type[DecoderLayer]) -> SkipStack:
            dropout, attention_dropout = config.dropout, config.attention_dropout
            layers = [
                layer(
                    width,
                    config.heads,
                    config.ff_width,
                    dropout=dropout,
                    attention_dropout=attention_dropout,
                    norm=config.norm,
                )
                for _ in range(config.layers)
            ]
            return SkipStack(width, layers)

        self.encoder, self.decoder = stack(EncoderLayer), stack(DecoderLayer)
        self.unembed = Linear(width, token_dim)
        projected = config.latent_width is not None
        self.to_latent = Linear(width, config.latent_dim) if projected else nn.Identity()
        self.from_latent = Linear(config.latent_dim, width) if projected else nn.Identity()
        self.quantiser: Quantiser | None = None
        if config.codes is not None:
            self.quantiser = Quantiser(
                config.num_latents, config.latent_dim, config.code_levels, config.codes
            )
        self.path: CosinePath | None = None
        if config.cosines:
            self.path = CosinePath(
                config.feature_dim, config.pose_axes, config.cosines, config.num_latents, config.latent_dim
            )
            self.embed_path = Linear(token_dim, width)
            # The transformer adds to the linear path and starts by adding zero.
            for layer in (self.unembed, self.to_latent):
                for parameter in layer.parameters():
                    nn.init.zeros_(parameter)

    def encode(
        self, features: Float[Tensor, "B T F"], lengths: Int[Tensor, " B"] | None = None
    ) -> tuple[Float[Tensor, "B N D"], Float[Tensor, "B N D"]]:
        """`mu` and `logvar` of each clip's latents; see `rounded` for discrete ones.

        Frames from each length on are ignored. Without `lengths` all frames count and attention needs no mask.
        """
        batch, frames, _ = features.shape
        config = self.config
        if frames > config.max_frames:
            raise ConfigError(
                f"a clip of {frames} frames is longer than the model's {config.max_frames}; cut it"
            )
        tokens = -(-frames // config.frames_per_token)
        mask = None
        if lengths is not None:
            valid = torch.arange(frames, device=features.device) < lengths[:, None]
            features = features.masked_fill(~valid[..., None], 0.0)
            mask = self._token_mask(lengths, tokens, before=2 * config.num_latents)
        x = self.embed(self._tokens(features))
        x = torch.cat((self.distribution_tokens.to(x.dtype).expand(batch, -1, -1), x), dim=1)
        x = self.encoder(x + self.encoder_positions[: x.shape[1]], mask)
        mu, logvar = self.to_latent(x[:, : 2 * config.num_latents]).chunk(2, dim=1)
        if self.path is not None:
            whole = lengths if lengths is not None else torch.full((batch,), frames, device=features.device)
            mu, logvar = mu + self.path.encode(features, whole), logvar + self.path.logvar
        return mu, logvar

    def rounded(self, z: Float[Tensor, "B N D"]) -> Float[Tensor, "B N D"]:
        """Latents rounded to their codes; unchanged if the VAE's latents are continuous."""
        if self.quantiser is None:
            return z
        return self.quantiser.vectors(self.quantiser.codes(z), (z.shape[1], z.shape[2]))

    @torch.no_grad()
    def fit_codes(self, z: Float[Tensor, "I N D"], generator: torch.Generator | None = None) -> None:
        """Set the codes by the latents of many clips, weighted by what they do on the linear path if there is one."""
        assert self.quantiser is not None
        scale = None if self.path is None else self.path.expand.weight.norm(dim=0)
        self.quantiser.fit(z, scale, generator)

    def decode(
        self, z: Float[Tensor, "B N D"], lengths: Int[Tensor, " B"], num_frames: int | None = None
    ) -> Float[Tensor, "B T F"]:
        """Features of clips of the given lengths, zeros from each length on.

        T is `num_frames`, or the greatest length (which reads it from the device).
        """
        config = self.config
        frames = int(lengths.max()) if num_frames is None else num_frames
        if frames > config.max_frames:
            raise ConfigError(
                f"cannot decode {frames} frames; the model's clips have at most {config.max_frames}"
            )
        tokens = -(-frames // config.frames_per_token)
        x = self.decoder_positions[:tokens].to(z.dtype).expand(z.shape[0], -1, -1)
        linear = None if self.path is None else self.path.decode(z, lengths, frames)
        if linear is not None:
            x = x + self.embed_path(self._tokens(linear))
        x = self.decoder(x, self.from_latent(z), self._token_mask(lengths, tokens))
        features: Tensor = self.unembed(x).reshape(z.shape[0], -1, config.feature_dim)[:, :frames]
        if linear is not None:
            features = features + linear
        valid = torch.arange(frames, device=z.device) < lengths[:, None]
        return features.masked_fill(~valid[..., None], 0.0)

    def forward(
        self,
        features: Float[Tensor, "B T F"],
        lengths: Int[Tensor, " B"],
        generator: torch.Generator | None = None,
    ) -> tuple[Float[Tensor, "B T F"], Float[Tensor, "B N D"], Float[Tensor, "B N D"]]:
        """Reconstruction through a sampled latent, `mu` and `logvar`, for training."""
        mu, logvar = self.encode(features, lengths)
        return self.decode(sample_latent(mu, logvar, generator), lengths, features.shape[1]), mu, logvar

    def _tokens(self, features: Float[Tensor, "B T F"]) -> Float[Tensor, "B L P"]:
        """Consecutive frames as tokens; the last token is padded with zeros."""
        size = self.config.frames_per_token
        padded = F.pad(features, (0, 0, 0, -features.shape[1] % size))
        return padded.reshape(features.shape[0], -1, size * features.shape[2])

    def _token_mask(
        self, lengths: Int[Tensor, " B"], tokens: int, before: int = 0
    ) -> Bool[Tensor, "B 1 1 L"]:
        """Which tokens hold at least one valid frame; `before` tokens in front of them are always valid."""
        index = torch.arange(-before, tokens, device=lengths.device)
        return (index * self.config.frames_per_token < lengths[:, None])[:, None, None, :]


def sample_latent(
    mu: Float[Tensor, "*shape"], logvar: Float[Tensor, "*shape"], generator: torch.Generator | None = None
) -> Float[Tensor, "*shape"]:
    """A draw from the normal distribution of mean `mu` and log variance `logvar`, differentiable in both."""
    eps = torch.randn(mu.shape, generator=generator, device=mu.device, dtype=mu.dtype)
    return mu + torch.exp(0.5 * logvar) * eps


def sinusoids(rows: int, width: int) -> Float[Tensor, "rows width"]:
    """Sines and cosines of the row number at geometrically spaced wavelengths from 2 pi to 20,000 pi.

    Initial values of learned position tables: neighbouring frames start with similar rows, which random rows would have
    to learn.
    """
    position = torch.arange(rows, dtype=torch.float32)[:, None]
    rate = torch.exp(torch.arange(0, width, 2, dtype=torch.float32) * (-math.log(10000.0) / width))
    table = torch.stack((torch.sin(position * rate), torch.cos(position * rate)), dim=-1)
    return table.reshape(rows, -1)[:, :width]
