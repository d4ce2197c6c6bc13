"""The network of the activity classifier, its batches and its augmentation.

Legend: B motions, T frames, C channels, K classes.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.ndimage import gaussian_filter1d
from torch import Tensor, nn

from bimotion.evaluation.adherence.channels import NUM_CHANNELS, cut

WIDTH = 96


class ActivityNet(nn.Module):
    """Three strided temporal convolutions, mean and maximum over time, two linear layers: channels to logits."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.mean = nn.Buffer(torch.zeros(NUM_CHANNELS))
        self.std = nn.Buffer(torch.ones(NUM_CHANNELS))
        self.convs = nn.ModuleList(
            nn.Conv1d(NUM_CHANNELS if depth == 0 else WIDTH, WIDTH, 5, stride=2, padding=2)
            for depth in range(3)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in range(3))
        self.drop = nn.Dropout(0.3)
        self.out = nn.Sequential(nn.Linear(2 * WIDTH, WIDTH), nn.GELU(), nn.Linear(WIDTH, outputs))

    def fit_statistics(self, rows: Sequence[Float[np.ndarray, "_ C"]]) -> None:
        """Set the mean and deviation of the channels from every seventh motion."""
        flat = np.concatenate(rows[::7]).astype(np.float32)
        self.mean.copy_(torch.from_numpy(flat.mean(0)))
        self.std.copy_(torch.from_numpy(flat.std(0) + 1e-3))

    def forward(self, rows: Float[Tensor, "B T C"], mask: Bool[Tensor, "B T"]) -> Float[Tensor, "B K"]:
        """Logits; padding does not affect them."""
        x = ((rows - self.mean) / self.std * mask[..., None]).transpose(1, 2)
        for conv, norm in zip(self.convs, self.norms, strict=True):
            mask = mask[:, ::2]
            x = nn.functional.gelu(norm(conv(x).transpose(1, 2))).transpose(1, 2) * mask[:, None]
        valid = mask[:, None]
        mean = x.sum(-1) / valid.sum(-1)
        most = x.masked_fill(~valid, -torch.inf).amax(-1)
        logits: Tensor = self.out(self.drop(torch.cat([mean, most], -1)))
        return logits


def varied(
    rows: Float[np.ndarray, "T C"], rng: np.random.Generator, shortest: float = 0.6
) -> Float[np.ndarray, "_ C"]:
    """Part of a motion, of at least this share of its length, slightly faster or slower, smoothed or noisy."""
    if rng.random() < 0.7:
        length = max(20, round(len(rows) * rng.uniform(shortest, 1.0)))
        start = int(rng.integers(0, max(1, len(rows) - length + 1)))
        rows = cut(rows, start, min(start + length, len(rows)))
    if rng.random() < 0.5:
        at = np.arange(0, len(rows) - 1, rng.uniform(0.9, 1.1))
        low = at.astype(int)
        rows = rows[low] + (at - low)[:, None] * (rows[low + 1] - rows[low])
    if rng.random() < 0.4:
        rows = gaussian_filter1d(rows, rng.uniform(0.5, 2.0), axis=0)
    if rng.random() < 0.5:
        rows = rows + rng.normal(0, rng.uniform(0, 0.02), rows.shape)
        # a lasting offset, as a decoder's mean errors are
        rows = rows + np.where(np.arange(NUM_CHANNELS) < 64, rng.normal(0, 0.02, NUM_CHANNELS), 0)
    return rows.astype(np.float32)


def collate(rows: Sequence[Float[np.ndarray, "_ C"]]) -> tuple[Tensor, Tensor]:
    """Motions padded to the longest, (B, T, C), and where they are valid, (B, T)."""
    longest = -(-max(map(len, rows)) // 8) * 8
    batch = np.zeros((len(rows), longest, NUM_CHANNELS), np.float32)
    mask = np.zeros((len(rows), longest), bool)
    for index, each in enumerate(rows):
        batch[index, : len(each)], mask[index, : len(each)] = each, True
    return torch.from_numpy(batch), torch.from_numpy(mask)
