"""Gaussian smoothing over time, with the first and the last frame held beyond the ends.

A band matrix serves any length: frames are cut into overlapping windows and every window is multiplied by the
same Toeplitz matrix, so a batch of clips is one matrix product.

Source: `scipy.ndimage.gaussian_filter1d(x, sigma, mode="nearest", truncate=4)`.
"""

from __future__ import annotations

from functools import cache, lru_cache
from types import ModuleType
from typing import Any

import numpy as np
from jaxtyping import Float

WINDOW = 160
"""Frames that one window produces; at sigma 20 as many again are read around them."""


@cache
def _band(sigma: float) -> Float[np.ndarray, "taken put_out"]:
    """Column t holds the kernel that computes frame t of a window from its input frames."""
    radius = int(4 * sigma + 0.5)
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    band = np.zeros((WINDOW + 2 * radius, WINDOW))
    for frame in range(WINDOW):
        band[frame : frame + len(kernel), frame] = kernel
    band.setflags(write=False)
    return band


@lru_cache(maxsize=64)
def _short_band(sigma: float, num_frames: int) -> Float[np.ndarray, "T T"]:
    """The band of frames that fit in one window, with the held ends folded in, so that nothing is padded."""
    band = _band(sigma)
    radius = (len(band) - WINDOW) // 2
    band = band[: num_frames + 2 * radius, :num_frames]
    short = band[radius : radius + num_frames].copy()
    short[0] += band[:radius].sum(0)
    short[-1] += band[radius + num_frames :].sum(0)
    short.setflags(write=False)
    return short


def gaussian_smooth(x: Float[Any, "*batch T"], sigma: float, xp: ModuleType) -> Float[Any, "*batch T"]:
    """`x` smoothed along its last axis; `xp` is numpy or torch, whichever `x` is of."""
    num_frames = x.shape[-1]
    band = _band(sigma)
    radius = (len(band) - WINDOW) // 2
    windows = -(-num_frames // WINDOW)
    if windows == 1:
        return x @ _as_array(_short_band(sigma, num_frames), x, xp)
    after = windows * WINDOW - num_frames + radius
    ends = (x[..., :1], x[..., -1:])
    held = [xp.broadcast_to(end, (*x.shape[:-1], n)) for end, n in zip(ends, (radius, after), strict=True)]
    padded = xp.concatenate((held[0], x, held[1]), -1)
    taken = WINDOW + 2 * radius
    cut = xp.stack([padded[..., WINDOW * i : WINDOW * i + taken] for i in range(windows)], -2)
    smooth = cut @ _as_array(band, x, xp)
    return smooth.reshape((*x.shape[:-1], windows * WINDOW))[..., :num_frames]


def _as_array(matrix: np.ndarray, like: Any, xp: ModuleType) -> Any:
    if xp is np:
        return matrix.astype(like.dtype, copy=False)
    return xp.tensor(matrix, dtype=like.dtype, device=like.device)
