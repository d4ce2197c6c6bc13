"""Features of windows, read from the data set on access."""

from collections.abc import Sequence
from typing import overload

import numpy as np
from jaxtyping import Float

from bimotion.data.store import Item, MotionStore

Features = Float[np.ndarray, "_ 263"]
"""Features of one motion, not normalised."""


class WindowFeatures(Sequence[Features]):
    """Features of windows, read from the data set on access."""

    def __init__(
        self, store: MotionStore, items: Sequence[Item], starts: Sequence[int], lengths: Sequence[int]
    ) -> None:
        self._store, self._items, self._starts, self.lengths = store, items, starts, list(lengths)

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, index: int) -> Features: ...
    @overload
    def __getitem__(self, index: slice) -> list[Features]: ...
    def __getitem__(self, index: int | slice) -> Features | list[Features]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(index)
        start = self._starts[index]
        return self._store.features(self._items[index])[start : start + self.lengths[index]]
