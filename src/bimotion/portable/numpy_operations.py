"""`Operations` that numpy computes at once, in single precision."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bimotion.portable.operations import Array
from bimotion.portable.tensors import StoredTensors


class NumpyOperations:
    """Computes with the tensors of one model."""

    def __init__(self, tensors: StoredTensors) -> None:
        self.tensors = tensors

    def has(self, name: str) -> bool:
        """Whether the model has this tensor."""
        return name in self.tensors

    def stored(self, name: str) -> np.ndarray:
        """A stored tensor, in single precision."""
        return self.tensors[name]

    def linear(self, x: np.ndarray, name: str) -> np.ndarray:
        """The linear layer `name` on the last axis."""
        y = self.linear_rows(x, f"{name}.weight")
        if f"{name}.bias" in self.tensors:
            y += self.tensors[f"{name}.bias"]
        return y

    def linear_rows(self, x: np.ndarray, name: str) -> np.ndarray:
        """`x` times the transposed stored matrix `name`, on the last axis."""
        weight = self.tensors[name]
        y = x.reshape(-1, x.shape[-1]) @ weight.T
        return np.asarray(y.reshape(*x.shape[:-1], weight.shape[0]))

    def lookup(self, name: str, ids: np.ndarray) -> np.ndarray:
        """Rows of the stored matrix `name`."""
        return self.tensors.rows(name, ids)

    def constant(self, value: np.ndarray) -> np.ndarray:
        """A constant array."""
        return value

    def matmul(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Matrix product of the last two axes; those before them broadcast."""
        return np.asarray(np.matmul(a, b))

    def reshape(self, x: np.ndarray, shape: Sequence[int]) -> np.ndarray:
        """`x` reshaped: 0 keeps the size of that axis, -1 takes the remaining elements."""
        sizes = [x.shape[axis] if size == 0 else size for axis, size in enumerate(shape)]
        if -1 in sizes and x.size == 0:
            sizes[sizes.index(-1)] = 0
        return x.reshape(sizes)

    def transpose(self, x: np.ndarray, axes: Sequence[int]) -> np.ndarray:
        """`x` with its axes in this order."""
        return x.transpose(axes)

    def stack(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        """The parts along a new first axis."""
        return np.stack(parts)

    def concat(self, parts: Sequence[np.ndarray], axis: int) -> np.ndarray:
        """The parts one after the other along an axis."""
        return np.concatenate(parts, axis)

    def cut(self, x: np.ndarray, axis: int, start: int, stop: Any) -> np.ndarray:
        """The part from `start` to before `stop` along an axis."""
        return x[(slice(None),) * axis + (slice(start, int(stop)),)]

    def cut_from(self, x: np.ndarray, axis: int, start: Any) -> np.ndarray:
        """The part from `start` to the end of an axis."""
        return x[(slice(None),) * axis + (slice(int(start), None),)]

    def take(self, x: np.ndarray, index: Any, axis: int) -> np.ndarray:
        """The elements at `index` along an axis."""
        return np.asarray(np.take(x, index, axis))

    def count(self, x: np.ndarray, axis: int) -> np.ndarray:
        """Length of an axis."""
        return np.asarray(x.shape[axis])

    def arange(self, stop: Any) -> np.ndarray:
        """Integers from 0 to before `stop`."""
        return np.arange(int(stop))

    def pad_rows(self, x: np.ndarray, count: Any) -> np.ndarray:
        """`x` (B, T, F) with `count` rows of zeros after its own."""
        return np.pad(x, ((0, 0), (0, int(count)), (0, 0)))

    def divided(self, a: Any, b: int) -> np.ndarray:
        """Integers divided by `b`, rounded down."""
        return np.asarray(a // b)

    def floats(self, x: Any) -> np.ndarray:
        """Integers or truth values as single precision."""
        return np.asarray(x, dtype=np.float32)

    def integers(self, x: np.ndarray) -> np.ndarray:
        """Numbers as integers."""
        return x.astype(np.int64)

    def where(self, condition: np.ndarray, a: Any, b: Any) -> np.ndarray:
        """`a` where the condition holds, else `b`."""
        return np.where(condition, np.float32(a), np.float32(b))

    def less(self, a: Any, b: Any) -> np.ndarray:
        """Whether a < b."""
        return np.asarray(a < b)

    def minimum(self, a: np.ndarray, b: float) -> np.ndarray:
        """The smaller of both."""
        return np.asarray(np.minimum(a, np.float32(b)))

    def maximum(self, a: np.ndarray, b: float) -> np.ndarray:
        """The larger of both."""
        return np.asarray(np.maximum(a, np.float32(b)))

    def unary(self, name: str, x: np.ndarray) -> np.ndarray:
        """The function `name` of each element."""
        return np.asarray(_FUNCTIONS[name](x))

    def standardised(self, x: np.ndarray, eps: float) -> np.ndarray:
        """`x` with zero mean and unit variance over the last axis."""
        centred = x - x.mean(-1, keepdims=True)
        centred /= np.sqrt(np.square(centred).mean(-1, keepdims=True) + np.float32(eps))
        return np.asarray(centred)

    def softmax(self, x: np.ndarray) -> np.ndarray:
        """Softmax over the last axis."""
        y = np.exp(x - x.max(-1, keepdims=True))
        y /= y.sum(-1, keepdims=True)
        return np.asarray(y)

    def mean(self, x: np.ndarray, axis: int, *, keep: bool = True) -> np.ndarray:
        """Mean over an axis."""
        return np.asarray(x.mean(axis, keepdims=keep))

    def sum(self, x: np.ndarray, axis: int) -> np.ndarray:
        """Sum over an axis, which disappears."""
        return np.asarray(x.sum(axis))

    def running_sum(self, x: np.ndarray, axis: int) -> np.ndarray:
        """Sums of all elements up to each."""
        return x.cumsum(axis)


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.float32(0.5) * (np.tanh(np.float32(0.5) * x) + np.float32(1)))


_ERF = (0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429)


def erf(x: np.ndarray) -> np.ndarray:
    """The error function, to 1.5e-7.

    Source: Abramowitz and Stegun, Handbook of Mathematical Functions (1964), 7.1.26.
    """
    size = np.abs(x)
    t = 1 / (1 + np.float32(0.3275911) * size)
    series = np.zeros_like(t)
    for factor in reversed(_ERF):
        series = (series + np.float32(factor)) * t
    return np.asarray(np.copysign(1 - series * np.exp(-size * size), x))


_FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "Cos": np.cos,
    "Sin": np.sin,
    "Sqrt": np.sqrt,
    "Sigmoid": _sigmoid,
    "Tanh": np.tanh,
    "Erf": erf,
}
