"""Smooth transitions over time: a step without corners, and offsets that fade from a given value and rate.

Legend: T frames.
"""

import numpy as np
from jaxtyping import Float, Num


def smooth_step(
    x: Num[np.ndarray, "*batch"], low: float = 0.0, high: float = 1.0
) -> Float[np.ndarray, "*batch"]:
    """0 up to `low`, 1 from `high`, and between them the cubic that is flat at both ends."""
    s = np.clip((x - low) / (high - low), 0, 1)
    return np.asarray(s * s * (3 - 2 * s))


def fading_offset(
    value: Float[np.ndarray, "*shape"],
    rate: Float[np.ndarray, "*shape"],
    frames: Num[np.ndarray, " T"],
    window: int,
) -> Float[np.ndarray, "T *shape"]:
    """Offsets at `frames` along the cubic that has `value` and `rate` (per frame) at frame 0 and is zero and flat from
    frame `window` on.

    Source: inertialisation as in Bollo, "Inertialization: high-performance animation transitions" (GDC 2018).
    """
    s = np.clip(frames / window, 0, 1).reshape(-1, *[1] * value.ndim)
    return np.asarray((1 + 2 * s) * (1 - s) ** 2 * value + s * (1 - s) ** 2 * window * rate)
