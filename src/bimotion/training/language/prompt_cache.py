"""Keys and values of prompts under a frozen text branch, computed once and stored on disk.

With a frozen text branch, a step of text to motion costs the motion branch alone: text prompts come before the motion,
so their keys and values do not depend on anything that is trained.

Shapes: B prompts, P tokens of the longest, R tokens of all, Y layers, G key-value heads, K head width.
"""

import hashlib
import logging
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from bimotion.errors import DataError
from bimotion.models.mixture import KeyValueCache, Mixture
from bimotion.models.token_batch import TokenBatch
from bimotion.models.tokens import SpecialIds
from bimotion.storage.files import file_size
from bimotion.storage.texts import read_text, text_lines

logger = logging.getLogger(__name__)

MAX_INDEX_BYTES = 1 << 30
"""Largest index that is read: some ten million prompts."""


class PromptCache:
    """Keys and values by the prompts' ids, in half precision, computed when a prompt is first seen.

    A prompt's ids are written, as one line of `index.txt` that starts with the checksum of its keys and values, after
    these: what a killed process left unfinished is not listed, and is overwritten. What differs from its checksum when
    it is first used is computed again.
    """

    def __init__(self, mixture: Mixture, special: SpecialIds, slots: int, folder: Path) -> None:
        """Entries in `folder` that belong to the same text branch are reused; damaged ones are computed again.

        Raises:
            DataError: a folder has the name of a file.
        """
        self.mixture, self.special, self.slots = mixture, special, slots
        config = mixture.config
        self.shape = (config.layers, 2, config.groups, config.head_width)
        self.folder = folder / f"prompts-{_fingerprint(mixture)[:12]}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.offsets: dict[tuple[int, ...], int] = {}
        self.used = 0
        self._unchecked: dict[tuple[int, ...], int] = {}
        self._index = self.folder / "index.txt"
        self._keys_values = self.folder / "keys-values.bin"
        for path in (self._index, self._keys_values):
            if path.is_dir():
                raise DataError(f"{path}: is a folder; move it away")
        self._read_index()
        self._rows = self._map()

    def __len__(self) -> int:
        return len(self.offsets)

    def prefix(self, prompts: Sequence[tuple[int, ...]]) -> KeyValueCache:
        """The keys and values of some text prompts, as `Mixture.motion_states` reads them."""
        missing = [ids for ids in dict.fromkeys(prompts) if ids not in self.offsets or self._is_damaged(ids)]
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

    def _is_damaged(self, ids: tuple[int, ...]) -> bool:
        """Whether keys and values of an earlier process differ from their checksum; each is checked once."""
        checksum = self._unchecked.pop(ids, None)
        offset = self.offsets[ids]
        return checksum is not None and zlib.crc32(self._rows[offset : offset + len(ids)].data) != checksum

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
        self._keys_values.touch()
        with self._keys_values.open(
            "r+b"
        ) as file:  # by write: a full disk would end a process that writes to a map
            file.seek(self.used * self._row_bytes)
            blocks = [
                np.ascontiguousarray(computed[row, : len(prompt)]) for row, prompt in enumerate(prompts)
            ]
            file.writelines(block.data for block in blocks)
        with self._index.open("a", encoding="utf-8") as lines:
            lines.writelines(
                f"{zlib.crc32(block.data)} {' '.join(map(str, prompt))}\n"
                for block, prompt in zip(blocks, prompts, strict=True)
            )
        for prompt in prompts:
            self.offsets[prompt] = self.used
            self.used += len(prompt)
        self._rows = self._map()

    def _read_index(self) -> None:
        """List the prompts that are stored whole; a damaged index is removed, an unfinished last line cut off."""
        if not self._index.is_file():
            return
        try:
            text = read_text(self._index, max_bytes=MAX_INDEX_BYTES)
            whole = text[: text.rfind("\n") + 1]
            for line in text_lines(whole):
                checksum, *values = map(int, line.split() or ("-1",))
                ids = tuple(values)
                if not ids or min(checksum, *ids) < 0:
                    raise DataError(f"{self._index}: damaged: {line[:60]!r} is no checksum with token ids")
                self.offsets[ids], self._unchecked[ids] = (
                    self.used,
                    checksum,
                )  # the last of equal prompts counts
                self.used += len(ids)
            stored = file_size(self._keys_values) // self._row_bytes
            if self.used > stored:
                raise DataError(f"{self._keys_values}: damaged: {stored} of {self.used} tokens are there")
        except (DataError, ValueError) as error:
            logger.warning("%s; keys and values of prompts are computed again", error)
            self.offsets, self._unchecked, self.used = {}, {}, 0
            self._index.unlink()
            return
        if whole != text:
            with self._index.open("r+b") as file:
                file.truncate(len(whole.encode()))

    @property
    def _row_bytes(self) -> int:
        """Bytes of a token's keys and values."""
        return 2 * int(np.prod(self.shape))

    def _map(self) -> np.ndarray:
        """The stored rows, (R, Y, 2, G, K), as a view of the file."""
        if not self.used:
            return np.zeros((0, *self.shape), np.float16)
        return np.memmap(self._keys_values, np.float16, "r", shape=(self.used, *self.shape))


def _fingerprint(mixture: Mixture) -> str:
    """Hash of everything that keys and values of text depend on."""
    digest = hashlib.sha256(f"checksums {mixture.config!r}".encode())
    state = dict(mixture.text.state_dict())
    if mixture.positions is not None:
        state["positions"] = mixture.positions
    for name, value in state.items():
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
