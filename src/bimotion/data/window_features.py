"""Features of windows, read from the data set when they are needed."""

from collections.abc import Sequence
from typing import overload

import numpy as np
from jaxtyping import Float

from bimotion.data.store import Item, MotionStore

Features = Float[np.ndarray, "_ 263"]
"""Features of one motion, not normalised."""


class WindowFeatures(Sequence[Features]):
    """Features of windows, read from the data set when they are asked for."""

    def __init__(
        self, store: MotionStore, items: Sequence[Item], starts: Sequence[int], lengths: Sequence[int]
    ) -> None:
        self._store, self._items, self._starts, self.lengths = store, items, starts, list(lengths)

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, place: int) -> Features: ...
    @overload
    def __getitem__(self, place: slice) -> list[Features]: ...
    def __getitem__(self, place: int | slice) -> Features | list[Features]:
        if isinstance(place, slice):
            return [self[index] for index in range(*place.indices(len(self)))]
        if not 0 <= place < len(self):
            raise IndexError(place)
        start = self._starts[place]
        return self._store.features(self._items[place])[start : start + self.lengths[place]]
