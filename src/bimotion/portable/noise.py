"""PyTorch's normal random numbers on a CPU, reproduced with numpy, so that seeds mean the same without torch."""

import numpy as np
from jaxtyping import Float

from bimotion.errors import ConfigError

BLOCK = 16
"""Values that torch generates at a time, from as many uniform ones; for fewer it uses another method."""


def normal_noise(seed: int, count: int) -> Float[np.ndarray, " count"]:
    """`torch.randn(count, generator=torch.Generator().manual_seed(seed))`, to rounding, for 16 or more values.

    Raises:
        ConfigError: fewer than 16 values.
    Source: PyTorch, `normal_fill` of the CPU: Box-Muller on the Mersenne Twister's numbers of 24 bits.
    """
    if count < BLOCK:
        raise ConfigError(f"noise: expected at least {BLOCK} numbers, got {count}")
    last = BLOCK if count % BLOCK else 0  # torch draws the last 16 values again if the block is incomplete
    twister = np.random.RandomState(seed % 2**32)
    words = twister.randint(0, 2**32, size=count + last, dtype=np.uint32)
    uniform = (words & np.uint32(0xFFFFFF)).astype(np.float32) * np.float32(2**-24)
    whole = count - count % BLOCK
    noise = uniform[:count].copy()
    noise[:whole] = _normal(uniform[:whole])
    if last:
        noise[-BLOCK:] = _normal(uniform[count:])
    return noise


def _normal(uniform: Float[np.ndarray, " count"]) -> Float[np.ndarray, " count"]:
    """Box-Muller: the first half of each block gives radii, the second angles."""
    halves = uniform.reshape(-1, 2, BLOCK // 2)
    radius = np.sqrt(np.float32(-2) * np.log(np.float32(1) - halves[:, 0]))
    angle = np.float32(2 * np.pi) * halves[:, 1]
    return np.stack((radius * np.cos(angle), radius * np.sin(angle)), axis=1).reshape(-1)
