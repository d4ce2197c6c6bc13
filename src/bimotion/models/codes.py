"""Discrete latents: codebooks for the motion VAE, and the codes as tokens of the language model.

Shapes: B clips, N latents of a clip, D latent width, X = N * D values of a clip, V levels, K codes of a level, C width
of the motion branch, I clips that codebooks are fitted to.

The X values of a clip are the sum of one vector from each of V codebooks; each encodes the residual of the ones before.
The language model has a token for each code of each level: a vocabulary of V * K. A motion fills V slots; slot v holds
the code of level v - 1 and predicts the code of level v.

Source: van den Oord et al. 2017 (VQ-VAE), section 3.2; RQ-VAE (Lee et al. 2022), section 3.1, for residual levels;
T2M-GPT (Zhang et al. 2023), section 3, for motion codes in a language model.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

ROUNDS = 8
"""Rounds of k-means at each level."""

ROWS = 1024
"""Clips whose distances to all codes are in memory at once."""


class Quantiser(nn.Module):
    """Rounds the latents of a clip to a sum of code vectors.

    Rounding rounded latents may change them, because each level is chosen without regard to later levels.
    """

    scale: Tensor

    def __init__(self, num_latents: int, latent_dim: int, levels: int, codes: int) -> None:
        super().__init__()
        self.codebooks = nn.Parameter(torch.randn(levels, codes, num_latents * latent_dim))
        self.register_buffer("scale", torch.ones(num_latents * latent_dim))
        """Weight of each latent value in the distance to a code."""

    def codes(self, z: Float[Tensor, "B N D"]) -> Int[Tensor, "B V"]:
        """Indices of the codes to which latents are rounded."""
        return torch.cat([self._codes(rows.flatten(1) * self.scale) for rows in torch.split(z, ROWS)])

    def vectors(self, codes: Int[Tensor, "B V"], shape: tuple[int, int]) -> Float[Tensor, "B N D"]:
        """The latents of codes, of `shape` for each clip."""
        chosen = self.codebooks[torch.arange(codes.shape[1], device=codes.device), codes]
        return (chosen.sum(1) / self.scale).view(-1, *shape)

    def forward(self, z: Float[Tensor, "B N D"]) -> tuple[Float[Tensor, "B N D"], Float[Tensor, ""]]:
        """Rounded latents with a straight-through gradient to `z`, and the codebook and commitment losses.

        The weight of the commitment loss is a quarter of that of the codebook loss.
        """
        rounded = self.vectors(self.codes(z.detach()), (z.shape[1], z.shape[2]))
        scale = self.scale.view(z.shape[1:])
        towards_latents = F.mse_loss(rounded * scale, z.detach() * scale)
        towards_codes = F.mse_loss(z * scale, rounded.detach() * scale)
        loss = (towards_latents + 0.25 * towards_codes) / self.scale.square().mean()
        return z + (rounded - z).detach(), loss

    @torch.no_grad()
    def fit(
        self,
        z: Float[Tensor, "I N D"],
        scale: Float[Tensor, " X"] | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        """Set the codebooks by k-means, level by level, over the latents of many clips.

        `scale` weighs the latent values; None: all equally. A code without clips is replaced by a random clip.
        """
        if scale is not None:
            self.scale.copy_(scale)
        residual = z.flatten(1) * self.scale
        for book in self.codebooks.unbind():
            count = len(book)
            book.copy_(residual[torch.randint(len(residual), (count,), generator=generator)])
            for _ in range(ROUNDS):
                chosen = torch.cdist(residual, book).argmin(-1)
                used = torch.bincount(chosen, minlength=count)[:, None]
                sums = torch.zeros_like(book).index_add_(0, chosen, residual)
                drawn = residual[torch.randint(len(residual), (count,), generator=generator)]
                book.copy_(torch.where(used > 0, sums / used.clamp(min=1), drawn))
            residual = residual - book[torch.cdist(residual, book).argmin(-1)]

    def _codes(self, residual: Float[Tensor, "B X"]) -> Int[Tensor, "B V"]:
        chosen = []
        for book in self.codebooks.unbind():
            chosen.append(torch.cdist(residual, book).argmin(-1))
            residual = residual - book[chosen[-1]]
        return torch.stack(chosen, dim=1)


class CodeHead(nn.Module):
    """Embeds the codes of motions, and predicts each from the hidden state of its slot."""

    def __init__(self, levels: int, codes: int, width: int) -> None:
        super().__init__()
        self.embedding = nn.Parameter(torch.randn(levels, codes, width) * 0.02)

    def embed(self, codes: Int[Tensor, "B V"]) -> Float[Tensor, "B V C"]:
        """Embeddings of codes, which are also the output matrix."""
        return self.embedding[torch.arange(codes.shape[1], device=codes.device), codes]

    def scores(self, z: Float[Tensor, "B C"], slot: int) -> Float[Tensor, "B K"]:
        """Logits of the codes of one level, by the hidden states at its slot."""
        return F.linear(z, self.embedding[slot])

    def loss(self, z: Float[Tensor, "B V C"], codes: Int[Tensor, "B V"]) -> Float[Tensor, ""]:
        """Mean cross entropy of the codes, by the hidden states at the slots."""
        scores = torch.einsum("bvc,vkc->bvk", z, self.embedding.to(z.dtype))
        return F.cross_entropy(scores.flatten(0, 1).float(), codes.flatten())


def draw_codes(
    scores: Float[Tensor, "R K"],
    temperature: float,
    generator: torch.Generator | Sequence[torch.Generator] | None,
) -> Int[Tensor, " R"]:
    """A code of each row, in proportion to the exponential of its score over the temperature; at 0 the likeliest."""
    if temperature == 0:
        return scores.argmax(-1)
    shares = (scores / temperature).softmax(-1)
    if isinstance(generator, Sequence):
        rows = zip(shares.cpu(), generator, strict=True)
        drawn = [torch.multinomial(row, 1, generator=each) for row, each in rows]
        return torch.cat(drawn).to(scores.device)
    return torch.multinomial(shares, 1, generator=generator)[:, 0]
