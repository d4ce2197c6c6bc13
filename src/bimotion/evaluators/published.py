"""The published evaluator of text-to-motion: a text GRU, a movement convolution and a motion GRU, jointly trained.

Shapes: B batch, T frames, F = 259 feature columns (without contacts), M = T // 4 movements, L words, W values of a
word vector, P word classes, D embedding width.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from bimotion.errors import check_range
from bimotion.features.layout import CONTACTS

FRAMES_PER_MOVEMENT = 4
"""Two convolutions of stride 2."""


@dataclass(frozen=True)
class PublishedEvaluatorConfig:
    """Widths of the three networks; the defaults are those of the published files."""

    word_width: int = 300
    """Values in a word vector (GloVe)."""
    word_classes: int = 15
    """Word classes."""
    text_width: int = 512
    """Hidden width of the text GRU."""
    movement_hidden: int = 512
    """Hidden width of the movement convolution."""
    movement_width: int = 512
    """Values in a movement."""
    motion_width: int = 1024
    """Hidden width of the motion GRU."""
    width: int = 512
    """Width of the embeddings."""

    def __post_init__(self) -> None:
        check_range(self, vars(self), 1)


class PublishedEvaluator(nn.Module):
    """Embeddings of captions and motions in one space.

    Source: Guo et al. 2022 ("Generating diverse and natural 3D human motions from text"), the feature extractors
    of section 6; names of parameters as in the published files.
    """

    def __init__(self, config: PublishedEvaluatorConfig) -> None:
        super().__init__()
        self.config = config
        self.text_encoder = _TextGru(config)
        self.movement_encoder = _MovementConv(config)
        self.motion_encoder = _Gru(config.movement_width, config.motion_width, config.width)

    def embed_text(
        self, words: Float[Tensor, "B L W"], classes: Float[Tensor, "B L P"], lengths: Int[Tensor, " B"]
    ) -> Float[Tensor, "B D"]:
        """Embeddings of captions given as word vectors and one-hot word classes, zero-padded, in any order."""
        embedding: Tensor = self.text_encoder(words, classes, lengths)
        return embedding

    def movements(self, features: Float[Tensor, "B T 263"]) -> Float[Tensor, "B M V"]:
        """Output of the movement convolution; features are normalised by the evaluator's statistics."""
        embedding: Tensor = self.movement_encoder(features[..., : CONTACTS.start])
        return embedding

    def embed_motion(
        self, features: Float[Tensor, "B T 263"], lengths: Int[Tensor, " B"] | None = None
    ) -> Float[Tensor, "B D"]:
        """Embeddings of motions; frames beyond each of `lengths` are not read by the GRU.

        With None it runs over all frames, padding too, as published numbers are computed. With `lengths` give at
        least 3 rows of padding after the longest motion: the last movement of each then sees the same of it.
        """
        packed = None if lengths is None else (lengths // FRAMES_PER_MOVEMENT).clamp(min=1)
        embedding: Tensor = self.motion_encoder(self.movements(features), packed)
        return embedding


class _Gru(nn.Module):
    """A bidirectional GRU whose last states become an embedding."""

    def __init__(self, in_width: int, hidden: int, width: int) -> None:
        super().__init__()
        self.input_emb = nn.Linear(in_width, hidden)
        self.gru = nn.GRU(hidden, hidden, batch_first=True, bidirectional=True)
        self.output_net = nn.Sequential(
            nn.Linear(2 * hidden, hidden), nn.LayerNorm(hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, width)
        )
        self.hidden = nn.Parameter(torch.randn(2, 1, hidden))

    def forward(self, x: Float[Tensor, "B L V"], lengths: Int[Tensor, " B"] | None) -> Float[Tensor, "B D"]:
        """The embeddings; without `lengths` every row is read to its end."""
        start = self.hidden.expand(-1, len(x), -1).contiguous()
        embedded = self.input_emb(x)
        if lengths is not None:
            embedded = pack_padded_sequence(embedded, lengths.cpu(), batch_first=True, enforce_sorted=False)
        _, last = self.gru(embedded, start)
        embedding: Tensor = self.output_net(torch.cat((last[0], last[1]), dim=-1))
        return embedding


class _TextGru(_Gru):
    """The GRU over words, each the sum of its vector and an embedding of its class."""

    def __init__(self, config: PublishedEvaluatorConfig) -> None:
        super().__init__(config.word_width, config.text_width, config.width)
        self.pos_emb = nn.Linear(config.word_classes, config.word_width)

    def forward(  # type: ignore[override]
        self, words: Float[Tensor, "B L W"], classes: Float[Tensor, "B L P"], lengths: Int[Tensor, " B"]
    ) -> Float[Tensor, "B D"]:
        """The embeddings of captions."""
        return super().forward(words + self.pos_emb(classes), lengths)


class _MovementConv(nn.Module):
    """Four frames to one movement."""

    def __init__(self, config: PublishedEvaluatorConfig) -> None:
        super().__init__()
        hidden, width = config.movement_hidden, config.movement_width
        # Positions 1, 2 and 4, 5 of the published list are dropout, which is off, and the activations.
        self.main = nn.ModuleDict(
            {
                "0": nn.Conv1d(CONTACTS.start, hidden, 4, 2, 1),
                "3": nn.Conv1d(hidden, width, 4, 2, 1),
            }
        )
        self.out_net = nn.Linear(width, width)

    def forward(self, x: Float[Tensor, "B T F"]) -> Float[Tensor, "B M V"]:
        """The movements."""
        y = x.transpose(1, 2)
        for layer in self.main.values():
            y = F.leaky_relu(layer(y), 0.2)
        embedding: Tensor = self.out_net(y.transpose(1, 2))
        return embedding
