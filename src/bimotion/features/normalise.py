"""Feature statistics: mean and standard deviation per column, to normalise the input of networks.

Legend: T frames, F feature columns (263).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Float

from bimotion.errors import DataError
from bimotion.features.layout import FEATURE_DIM, MAX_FEATURE
from bimotion.storage.arrays import open_arrays

Array = TypeVar("Array")
"""A numpy array or a torch tensor; what goes in comes out."""

MIN_STD = 1e-4
"""Columns that hardly vary are divided by this; below it normalising would blow up rounding errors."""


@dataclass(frozen=True, eq=False)
class FeatureStats:
    """Mean and standard deviation of every feature column."""

    mean: Float[np.ndarray, "F"]
    """Mean of each column, in the column's unit."""
    std: Float[np.ndarray, "F"]
    """Standard deviation of each column, in the column's unit; positive."""

    def __post_init__(self) -> None:
        for name in ("mean", "std"):
            value = np.array(getattr(self, name), dtype=np.float32)
            if value.shape != (FEATURE_DIM,):
                raise DataError(f"feature {name} must have shape ({FEATURE_DIM},), got {value.shape}")
            if not np.isfinite(value).all():
                raise DataError(f"feature {name} holds NaN or infinity; compute the statistics again")
            if np.abs(value).max() > MAX_FEATURE:
                raise DataError(f"feature {name} exceeds {MAX_FEATURE:g}, the limit for a body's motion")
            value.setflags(write=False)
            object.__setattr__(self, name, value)
        if not (self.std > 0).all():
            raise DataError(
                f"feature std must be positive, column {int(self.std.argmin())} is {self.std.min()}"
            )

    @classmethod
    def of(cls, features: Iterable[np.ndarray]) -> FeatureStats:
        """Statistics over all frames of all (T, F) arrays, read once, summed in float64.

        A column that varies less than `MIN_STD` gets that as its standard deviation.

        Raises:
            DataError: there is no frame, or an array has other columns.
        """
        count = 0
        mean = np.zeros(FEATURE_DIM)
        moment = np.zeros(FEATURE_DIM)  # sum of squared deviations from the mean so far (Chan et al. 1979)
        for item in features:
            x = np.asarray(item, dtype=np.float64)
            if x.ndim != 2 or x.shape[1] != FEATURE_DIM:
                raise DataError(f"expected features of shape (frames, {FEATURE_DIM}), got {x.shape}")
            if len(x) == 0:
                continue
            delta = x.mean(0) - mean
            moment += ((x - x.mean(0)) ** 2).sum(0) + delta**2 * (count * len(x) / (count + len(x)))
            mean += delta * (len(x) / (count + len(x)))
            count += len(x)
        if count == 0:
            raise DataError("no frames to compute feature statistics from")
        std = np.maximum(np.sqrt(moment / count), MIN_STD)
        return cls(mean=mean.astype(np.float32), std=std.astype(np.float32))

    def normalise(self, features: Array) -> Array:
        """`(features - mean) / std` over the last axis; numpy or torch, as they come."""
        mean, std = self._statistics_like(features)
        return (features - mean) / std  # type: ignore[no-any-return]

    def denormalise(self, features: Array) -> Array:
        """`features * std + mean` over the last axis; the inverse of `normalise`."""
        mean, std = self._statistics_like(features)
        return features * std + mean  # type: ignore[no-any-return]

    def save(self, path: str | Path) -> None:
        """Write `mean` and `std` to an npz file."""
        with Path(path).open("wb") as file:
            np.savez(file, mean=self.mean, std=self.std)

    @classmethod
    def load(cls, path: str | Path) -> FeatureStats:
        """Read what `save` wrote.

        Raises:
            DataError: the file is missing or holds something else.
        """
        with open_arrays(Path(path)) as stored:
            mean, std = stored.read("mean"), stored.read("std")
        try:
            return cls(mean=mean, std=std)
        except DataError as error:
            raise DataError(f"{path}: {error}") from None

    def _statistics_like(self, features: Any) -> tuple[Any, Any]:
        """`mean` and `std` as what `features` is."""
        if features.shape[-1] != FEATURE_DIM:
            raise DataError(
                f"expected {FEATURE_DIM} feature columns, got an array of shape {tuple(features.shape)}"
            )
        if isinstance(features, np.ndarray):
            dtype = features.dtype if np.issubdtype(features.dtype, np.floating) else np.float32
            return self.mean.astype(dtype), self.std.astype(dtype)
        return features.new_tensor(self.mean.tolist()), features.new_tensor(self.std.tolist())
