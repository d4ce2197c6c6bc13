"""Filters along time, of a curve or of several. Legend: T frames.

`scipy.ndimage` has the same, but its import takes a tenth of the processor time of the command `generate`.
"""

from functools import cache, lru_cache
from typing import Literal

import numpy as np
from jaxtyping import Float

Ends = Literal["reflect", "nearest", "zero"]
"""What is before the first and after the last frame: the frames in reverse, that frame again, or zeros."""


def gaussian_filter(
    x: Float[np.ndarray, "T ..."], sigma: float, ends: Ends = "reflect"
) -> Float[np.ndarray, "T ..."]:
    """`x` smoothed by a Gaussian of `sigma` frames, cut at four of them.

    Source: `scipy.ndimage.gaussian_filter1d`.
    """
    return _correlated(x, _gaussian(sigma), ends)


def mean_filter(x: Float[np.ndarray, "T ..."], size: int, ends: Ends) -> Float[np.ndarray, "T ..."]:
    """The means of `size` frames; if that is even, one more is before the frame than after it.

    Source: `scipy.ndimage.uniform_filter1d`.
    """
    return _correlated(x, np.full(size, 1 / size), ends)


def maximum_filter(x: Float[np.ndarray, " T"], radius: int) -> Float[np.ndarray, " T"]:
    """The highest value of the frames up to `radius` before and after."""
    padded = _padded(x, radius, radius, "nearest")
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, 2 * radius + 1).max(-1))


def _correlated(x: np.ndarray, kernel: Float[np.ndarray, " K"], ends: Ends) -> np.ndarray:
    before = len(kernel) // 2
    padded = _padded(x, before, len(kernel) - 1 - before, ends)
    if x.ndim == 1:
        return np.convolve(padded, kernel, "valid")
    columns = padded.reshape(len(padded), -1).T
    filtered = [np.convolve(column, kernel, "valid") for column in columns]  # the kernels are symmetric
    return np.stack(filtered, -1).reshape(x.shape)


def _padded(x: np.ndarray, before: int, after: int, ends: Ends) -> np.ndarray:
    if ends == "zero":
        return np.concatenate([np.zeros((before, *x.shape[1:])), x, np.zeros((after, *x.shape[1:]))])
    return np.asarray(x[_frames(len(x), before, after, ends)])


@lru_cache(maxsize=512)
def _frames(num_frames: int, before: int, after: int, ends: Ends) -> np.ndarray:
    """The frames that a padded curve consists of."""
    frames = np.arange(-before, num_frames + after)
    if ends == "nearest":
        return frames.clip(0, num_frames - 1)
    frames %= 2 * num_frames
    return np.where(frames < num_frames, frames, 2 * num_frames - 1 - frames)


@cache
def _gaussian(sigma: float) -> Float[np.ndarray, " K"]:
    radius = int(4 * sigma + 0.5)
    kernel = np.exp(-0.5 / (sigma * sigma) * np.arange(-radius, radius + 1) ** 2)
    return np.asarray(kernel / kernel.sum())
