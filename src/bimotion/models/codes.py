"""Discrete latents: a codebook for the motion VAE, and the codes as tokens of the language model.

Shapes: B clips, N latents of a clip, D latent width, K codes of a codebook, C width of the motion branch, I clips that
codebooks are fitted to.

Each of a clip's N latents has a codebook of its own, and the language model has a token for each code of each latent:
a vocabulary of N * K. A motion fills N slots; slot n holds the code of latent n - 1 and predicts the code of latent n.

Source: van den Oord et al. 2017 (VQ-VAE), section 3.2; T2M-GPT (Zhang et al. 2023), section 3, for motion codes in a
language model.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

ROUNDS = 20
"""Rounds of k-means."""

ROWS = 1024
"""Clips whose distances to all codes are in memory at once."""


class Quantiser(nn.Module):
    """Rounds each latent of a clip to the nearest vector of its codebook.

    The n-th latent is rounded as the values n, n + N, n + 2 N, ... of the clip's flat latent vector: the linear path of
    the VAE sorts them by variance, and so each code has about equally much to say.
    """

    def __init__(self, num_latents: int, latent_dim: int, codes: int) -> None:
        super().__init__()
        self.codebook = nn.Parameter(torch.randn(num_latents, codes, latent_dim))

    def codes(self, z: Float[Tensor, "B N D"]) -> Int[Tensor, "B N"]:
        """The number of the nearest vector of each codebook."""
        return torch.cat([self._nearest(self._strided(rows)) for rows in z.split(ROWS)])

    def vectors(self, codes: Int[Tensor, "B N"]) -> Float[Tensor, "B N D"]:
        """The latents that codes stand for."""
        chosen = self.codebook[torch.arange(codes.shape[1], device=codes.device), codes]
        return chosen.transpose(1, 2).reshape(chosen.shape)

    def forward(self, z: Float[Tensor, "B N D"]) -> tuple[Float[Tensor, "B N D"], Float[Tensor, ""]]:
        """Rounded latents whose gradient passes to `z` unchanged, and the loss that draws `z` and the codes together.

        The codes follow the latents by their full difference, the latents the codes by a quarter of it.
        """
        rounded = self.vectors(self.codes(z.detach()))
        loss = F.mse_loss(rounded, z.detach()) + 0.25 * F.mse_loss(z, rounded.detach())
        return z + (rounded - z).detach(), loss

    @torch.no_grad()
    def fit(self, z: Float[Tensor, "I N D"], generator: torch.Generator | None = None) -> None:
        """Set the codebooks by k-means over the latents of many clips; codes that no clip takes are drawn anew."""
        x, size = self._strided(z), self.codebook.shape[1]
        self.codebook.copy_(x[torch.randint(len(x), (size,), generator=generator)].transpose(0, 1))
        for _ in range(ROUNDS):
            drawn = torch.randint(len(x), (size,), generator=generator)
            for book, values, chosen in zip(self.codebook, x.unbind(1), self.codes(z).unbind(1), strict=True):
                counts = torch.bincount(chosen, minlength=len(book))
                sums = torch.zeros_like(book).index_add_(0, chosen, values)
                used = counts[:, None] > 0
                book.copy_(torch.where(used, sums / counts.clamp(min=1)[:, None], values[drawn]))

    def _nearest(self, x: Float[Tensor, "B N D"]) -> Int[Tensor, "B N"]:
        return torch.cdist(x.transpose(0, 1), self.codebook).argmin(-1).T

    @staticmethod
    def _strided(z: Float[Tensor, "B N D"]) -> Float[Tensor, "B N D"]:
        """The values of each codebook: every N-th of a clip's flat latent vector."""
        return z.reshape(len(z), z.shape[2], z.shape[1]).transpose(1, 2)


class CodeHead(nn.Module):
    """Embeds the codes of motions, and predicts each from the hidden state of its slot."""

    def __init__(self, num_latents: int, codes: int, width: int) -> None:
        super().__init__()
        self.embedding = nn.Parameter(torch.randn(num_latents, codes, width) * 0.02)

    def embed(self, codes: Int[Tensor, "B N"]) -> Float[Tensor, "B N C"]:
        """Embeddings of codes, which is also what they are predicted by."""
        return self.embedding[torch.arange(codes.shape[1], device=codes.device), codes]

    def scores(self, z: Float[Tensor, "B C"], slot: int) -> Float[Tensor, "B K"]:
        """Logits of the codes of one latent, by the hidden states at its slot."""
        return F.linear(z, self.embedding[slot])

    def loss(self, z: Float[Tensor, "B N C"], codes: Int[Tensor, "B N"]) -> Float[Tensor, ""]:
        """Mean cross entropy of the codes, by the hidden states at the slots."""
        scores = torch.einsum("bnc,nkc->bnk", z, self.embedding.to(z.dtype))
        return F.cross_entropy(scores.flatten(0, 1).float(), codes.flatten())
