"""One branch of the two-branch transformer: its own embedding, norms, projections and feed-forward layers.

Shapes: N tokens of this branch (of the whole batch, padding left out), B sequences, L and M positions, D width, H
heads, G key-value heads, K head width. Differences between families of language models are chosen here, by
`MixtureConfig`, and nowhere else.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from bimotion.errors import ConfigError, check_range
from bimotion.models.blocks import attend
from bimotion.models.experts import ExpertFeedForward
from bimotion.models.kernels import Norm
from bimotion.models.limits import check_sizes
from bimotion.models.linear import Linear
from bimotion.models.tokens import NUM_MOTION_TOKENS

Family = Literal["gpt2", "llama"]
"""gpt2: LayerNorm, learned positions, GELU, biases; llama: RMSNorm, rotary positions, gated SiLU, no biases."""

Stream = Literal["two", "one", "experts"]
"""two: text and motion have weights of their own (published); one: they share all weights, as in LLaVA, where motion
enters through a projection; experts: they share all weights, and a learned router picks each token's feed-forward
layers, as in Mixtral."""


@dataclass(frozen=True)
class MixtureConfig:
    """The two-branch transformer's size and family; the defaults are the published ones."""

    family: Family = "gpt2"
    """Kind of layers of both branches."""
    stream: Stream = "two"
    """Which weights text and motion share."""
    experts: int = 5
    """Feed-forward layers that a token's are picked from (stream `experts`)."""
    top_k: int = 2
    """Experts of each token; each is `ff_width / top_k` wide, so that a token costs as much as without experts."""
    text_vocab_size: int = 50259
    """Rows of the text embedding, which is also the output matrix."""
    width: int = 768
    """Width of the text branch, and of the motion branch unless `motion_width` is given."""
    layers: int = 12
    """Layers of both branches."""
    heads: int = 12
    """Query heads."""
    kv_heads: int | None = None
    """Key and value heads; None: as many as query heads."""
    ff_width: int = 3072
    """Inner width of the text branch's feed-forward layers."""
    motion_width: int | None = None
    """Width of the motion branch; None: as the text branch's. The heads, which both branches share, keep the text
    branch's size: joint attention needs equal heads, not equal widths."""
    motion_ff_width: int | None = None
    """Inner width of the motion branch's feed-forward layers; None: as the text branch's."""
    max_positions: int = 1024
    """Longest sequence."""
    norm_eps: float = 1e-5
    """Epsilon of the norms."""
    rope_theta: float = 10000.0
    """Base of the rotary wavelengths (llama)."""
    dropout: float = 0.1
    """Share of activations zeroed in training, in both branches."""
    attention_dropout: float = 0.0
    """Share of attention weights zeroed in training; slow on a CPU unless 0 (published: 0.1)."""

    def __post_init__(self) -> None:
        if self.family not in ("gpt2", "llama"):
            raise ConfigError(f"mixture family must be 'gpt2' or 'llama', got {self.family!r}")
        check_sizes(self, "mixture", "text_vocab_size", "width", "layers", "heads", "kv_heads", "ff_width")
        check_sizes(self, "mixture", "motion_width", "motion_ff_width", "max_positions", "experts")
        self._check_stream()
        check_range(self, ("norm_eps", "rope_theta"), 0, math.inf, above=True, below=True, label="mixture ")
        check_range(self, ("dropout", "attention_dropout"), 0, 1, below=True, label="mixture ")
        if self.width % self.heads:
            raise ConfigError(
                f"mixture width must be a multiple of heads, got width {self.width}, heads {self.heads}"
            )
        if self.heads % self.groups:
            raise ConfigError(
                f"mixture heads must be a multiple of kv_heads, got {self.heads} and {self.kv_heads}"
            )
        if self.family == "gpt2" and self.motion_dim != self.width:
            raise ConfigError(
                "a motion branch of another width needs rotary positions (family 'llama'): learned positions are "
                f"as wide as the text branch, {self.width}, not {self.motion_width}"
            )
        if self.family == "llama" and self.head_width % 2:
            raise ConfigError(f"rotary positions need an even head width, got {self.head_width}")

    def _check_stream(self) -> None:
        if self.stream not in ("two", "one", "experts"):
            raise ConfigError(f"mixture stream must be 'two', 'one' or 'experts', got {self.stream!r}")
        check_range(self, "top_k", 1, self.experts, label="mixture ")
        if self.stream == "experts" and self.ff_width % self.top_k:
            raise ConfigError(
                f"mixture ff_width must be a multiple of top_k, got {self.ff_width} and {self.top_k}"
            )
        if self.stream != "two" and (self.motion_width, self.motion_ff_width) != (None, None):
            raise ConfigError(
                f"stream {self.stream!r} has no motion branch: omit motion_width and motion_ff_width"
            )

    @property
    def groups(self) -> int:
        """Key and value heads."""
        return self.heads if self.kv_heads is None else self.kv_heads

    @property
    def motion_dim(self) -> int:
        """Width of the motion branch."""
        return self.width if self.motion_width is None else self.motion_width

    @property
    def head_width(self) -> int:
        """Width of one head."""
        return self.width // self.heads

    @property
    def qkv_width(self) -> int:
        """Width of a token's queries, keys and values together."""
        return (self.heads + 2 * self.groups) * self.head_width


class GatedFeedForward(nn.Module):
    """SiLU of a gate times a value, projected back (llama)."""

    def __init__(self, width: int, ff_width: int) -> None:
        super().__init__()
        self.gate = Linear(width, ff_width, bias=False)
        self.up = Linear(width, ff_width, bias=False)
        self.down = Linear(ff_width, width, bias=False)

    def forward(self, x: Float[Tensor, "*batch D"], norm: Norm, dropout: float) -> Float[Tensor, "*batch D"]:
        """The residual output: `x` plus the layers of the normalised `x`."""
        gate = self.gate(x, norm=norm, activation="silu")
        y: Tensor = self.down(self.up(x, norm=norm, gate=gate), dropout=dropout, add=x)
        return y


class GeluFeedForward(nn.Module):
    """Two linear layers with the tanh form of GELU between them (gpt2)."""

    def __init__(self, width: int, ff_width: int) -> None:
        super().__init__()
        self.up = Linear(width, ff_width)
        self.down = Linear(ff_width, width)

    def forward(self, x: Float[Tensor, "*batch D"], norm: Norm, dropout: float) -> Float[Tensor, "*batch D"]:
        """The residual output: `x` plus the layers of the normalised `x`."""
        y: Tensor = self.down(self.up(x, norm=norm, activation="gelu"), dropout=dropout, add=x)
        return y


class BranchLayer(nn.Module):
    """One branch's half of a layer; the attention between `pre_attention` and `post_attention` is joint."""

    def __init__(self, config: MixtureConfig, width: int, ff_width: int) -> None:
        super().__init__()
        bias = config.family == "gpt2"
        self.norm_attention = make_norm(config, width)
        self.qkv = Linear(width, config.qkv_width, bias=bias)
        self.out = Linear(config.width, width, bias=bias)
        self.norm_feed_forward = make_norm(config, width)
        kind = GeluFeedForward if config.family == "gpt2" else GatedFeedForward
        self.feed_forward: nn.Module
        if config.stream == "experts":
            experts = [kind(width, ff_width // config.top_k) for _ in range(config.experts)]
            self.feed_forward = ExpertFeedForward(width, experts, config.top_k)
        else:
            self.feed_forward = kind(width, ff_width)
        self.dropout = config.dropout

    def pre_attention(self, x: Float[Tensor, "*batch D"]) -> Float[Tensor, "*batch QKV"]:
        """Queries, keys and values, concatenated."""
        qkv: Tensor = self.qkv(x, norm=Norm.of(self.norm_attention))
        return qkv

    def post_attention(
        self, x: Float[Tensor, "*batch D"], attended: Float[Tensor, "*batch HK"]
    ) -> Float[Tensor, "*batch D"]:
        """The layer's output from its input and the attention output."""
        x = self.out(attended, dropout=self.dropout, add=x)
        y: Tensor = self.feed_forward(x, Norm.of(self.norm_feed_forward), self.dropout)
        return y


class Branch(nn.Module):
    """Embedding, layers and last norm of one kind of tokens; without layers only the embedding."""

    def __init__(self, config: MixtureConfig, rows: int, width: int, ff_width: int, layers: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(rows, width)
        self.layers = nn.ModuleList(BranchLayer(config, width, ff_width) for _ in range(layers))
        self.norm = make_norm(config, width) if layers else nn.Identity()
        self.dropout = nn.Dropout(config.dropout)
        nn.init.normal_(self.embedding.weight, std=0.02)
        for name, parameter in self.layers.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(parameter)
            elif name.endswith(("down.weight", "out.weight")):
                nn.init.normal_(parameter, std=0.02 / (2 * config.layers) ** 0.5)
            elif parameter.ndim == 2:
                nn.init.normal_(parameter, std=0.02)

    @property
    def frozen(self) -> bool:
        """Whether no parameter learns."""
        return not any(parameter.requires_grad for parameter in self.parameters())


def make_norm(config: MixtureConfig, width: int) -> nn.Module:
    """The family's norm over a width."""
    norm = nn.LayerNorm if config.family == "gpt2" else nn.RMSNorm
    return norm(width, eps=config.norm_eps)


def make_branches(config: MixtureConfig) -> tuple[Branch, Branch]:
    """The text branch and the motion branch."""
    text = Branch(config, config.text_vocab_size, config.width, config.ff_width, config.layers)
    return text, make_motion_branch(config)


def make_motion_branch(config: MixtureConfig) -> Branch:
    """The motion branch, which in a single stream has no layers of its own."""
    ff_width = config.ff_width if config.motion_ff_width is None else config.motion_ff_width
    own_layers = config.layers if config.stream == "two" else 0
    return Branch(config, NUM_MOTION_TOKENS, config.motion_dim, ff_width, own_layers)


class Rotary(nn.Module):
    """Rotary position embedding: rotates pairs of query and key components by position (llama).

    Source: RoFormer (Su et al. 2021); the pairs are the two halves of a head, as in LLaMA's published
    weights.
    """

    cosine: Tensor
    sine: Tensor

    def __init__(self, head_width: int, max_positions: int, theta: float) -> None:
        super().__init__()
        rate = theta ** (-torch.arange(0, head_width, 2, dtype=torch.float32) / head_width)
        angle = torch.arange(max_positions, dtype=torch.float32)[:, None] * rate
        self.register_buffer("cosine", torch.cat((angle, angle), dim=-1).cos(), persistent=False)
        self.register_buffer("sine", torch.cat((angle, angle), dim=-1).sin(), persistent=False)

    def forward(
        self, x: Float[Tensor, "B heads L K"], positions: Int[Tensor, "#B L"]
    ) -> Float[Tensor, "B heads L K"]:
        """`x` rotated by the angle of each position."""
        cosine, sine = self.cosine[positions][:, None].to(x.dtype), self.sine[positions][:, None].to(x.dtype)
        first, second = x.chunk(2, dim=-1)
        return x * cosine + torch.cat((-second, first), dim=-1) * sine


def split_heads(
    config: MixtureConfig,
    rotary: Rotary | None,
    qkv: Float[Tensor, "B L QKV"],
    positions: Int[Tensor, "#B L"],
) -> tuple[Float[Tensor, "B H L K"], Float[Tensor, "B G L K"], Float[Tensor, "B G L K"]]:
    """Queries, keys and values of a layer, the first two rotated by their positions where there are such tables."""
    heads = qkv.view(*qkv.shape[:2], -1, config.head_width).transpose(1, 2)
    q, k, v = torch.split(heads, [config.heads, config.groups, config.groups], dim=1)
    if rotary is not None:
        q, k = rotary(q, positions), rotary(k, positions)
    return q, k, v


def attended_rows(
    config: MixtureConfig,
    q: Float[Tensor, "B H L K"],
    k: Float[Tensor, "B G M K"],
    v: Float[Tensor, "B G M K"],
    mask: Bool[Tensor, "#B 1 L M"] | None = None,
    dropout: float = 0.0,
) -> Float[Tensor, "B*L HK"]:
    """What queries attend to, the heads of a position in one row; without a mask attention is causal."""
    repeats = config.heads // config.groups
    if repeats > 1:
        k, v = k.repeat_interleave(repeats, dim=1), v.repeat_interleave(repeats, dim=1)
    values = attend(q, k, v, mask=mask, causal=mask is None, dropout=dropout)
    return values.transpose(1, 2).reshape(q.shape[0] * q.shape[2], -1)
