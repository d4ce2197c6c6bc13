"""Keys and values of prompts under a frozen text branch, computed once and stored on disk.

With a frozen text branch, a step of text to motion costs the motion branch alone: text prompts come before the motion,
so their keys and values do not depend on anything that is trained.

Shapes: B prompts, P tokens of the longest, R tokens of all, Y layers, G key-value heads, K head width.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from bimotion.models.mixture import KeyValueCache, Mixture
from bimotion.models.token_batch import TokenBatch
from bimotion.models.tokens import SpecialIds

GROWTH_ROWS = 1 << 18
"""Tokens by which the file grows."""


class PromptCache:
    """Keys and values by the prompts' ids, in half precision, computed when a prompt is first seen."""

    def __init__(self, mixture: Mixture, special: SpecialIds, slots: int, folder: Path) -> None:
        """Entries in `folder` that belong to the same text branch are reused."""
        self.mixture, self.special, self.slots = mixture, special, slots
        config = mixture.config
        self.shape = (config.layers, 2, config.groups, config.head_width)
        self.folder = folder / f"prompts-{_fingerprint(mixture)[:12]}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.offsets: dict[tuple[int, ...], int] = {}
        self.used = 0
        self._index = self.folder / "index.txt"
        if self._index.is_file():
            for line in self._index.read_text("utf-8").splitlines():
                ids = tuple(map(int, line.split()))
                self.offsets[ids] = self.used
                self.used += len(ids)
        self._rows = self._open(max(self.used, 1))

    def __len__(self) -> int:
        return len(self.offsets)

    def prefix(self, prompts: Sequence[tuple[int, ...]]) -> KeyValueCache:
        """The keys and values of some text prompts, as `Mixture.motion_states` reads them."""
        missing = [ids for ids in dict.fromkeys(prompts) if ids not in self.offsets]
        if missing:
            self._add(missing)
        longest = max(map(len, prompts))
        weight = self.mixture.text.embedding.weight
        cache = KeyValueCache(self.mixture.config, len(prompts), longest, weight.device, weight.dtype)
        block = np.zeros((len(prompts), longest, *self.shape), np.float16)
        for row, ids in enumerate(prompts):
            offset = self.offsets[ids]
            block[row, : len(ids)] = self._rows[offset : offset + len(ids)]
        kept = torch.from_numpy(block).to(weight.device, weight.dtype)
        cache.store.copy_(kept.permute(2, 3, 0, 4, 1, 5))
        cache.filled.copy_(torch.tensor([len(ids) for ids in prompts]))
        cache.longest, cache.equal_lengths = longest, len({len(ids) for ids in prompts}) == 1
        return cache

    @torch.no_grad()
    def _add(self, prompts: Sequence[tuple[int, ...]]) -> None:
        ids = torch.full((len(prompts), max(map(len, prompts))), self.special.eos)
        for row, prompt in enumerate(prompts):
            ids[row, : len(prompt)] = torch.tensor(prompt)
        valid = torch.arange(ids.shape[1]) < torch.tensor([[len(prompt)] for prompt in prompts])
        batch = TokenBatch.of_ids(ids, valid, torch.zeros_like(valid), self.special, self.slots)
        batch = batch.to(self.mixture.text.embedding.weight.device)
        cache = self.mixture.cache(batch.size, batch.length)
        self.mixture(batch, cache=cache, text_rows=batch.last_rows[:0])
        computed = cache.store.permute(2, 4, 0, 1, 3, 5).half().cpu().numpy()
        needed = self.used + sum(map(len, prompts))
        if needed > len(self._rows):
            self._rows = self._open(needed)
        with self._index.open("a", encoding="utf-8") as lines:
            for row, prompt in enumerate(prompts):
                self._rows[self.used : self.used + len(prompt)] = computed[row, : len(prompt)]
                self.offsets[prompt] = self.used
                self.used += len(prompt)
                lines.write(" ".join(map(str, prompt)) + "\n")

    def _open(self, rows: int) -> np.memmap:
        """The file, with room for at least so many tokens; what it held stays."""
        size = -(-rows // GROWTH_ROWS) * GROWTH_ROWS
        path = self.folder / "keys-values.bin"
        path.touch()
        row_bytes = 2 * int(np.prod(self.shape))
        with path.open("r+b") as file:
            file.truncate(max(size * row_bytes, path.stat().st_size))
        return np.memmap(path, np.float16, "r+", shape=(path.stat().st_size // row_bytes, *self.shape))


def _fingerprint(mixture: Mixture) -> str:
    """Hash of everything that keys and values of text depend on."""
    digest = hashlib.sha256(repr(mixture.config).encode())
    for name, value in mixture.text.state_dict().items():
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
