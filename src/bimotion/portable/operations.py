"""The operations in which the networks are written; an implementation computes them or builds a graph.

`NumpyOperations` computes at once, `bimotion.export.graph.GraphOperations` builds an ONNX graph. Arrays of both have
the operators `+ - * /`, between arrays of the same kind and with numbers.
"""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

Array = Any
"""A numpy array or a value in a graph."""


@runtime_checkable
class Operations(Protocol):
    """Operations on arrays, and the stored tensors of one model by name."""

    def has(self, name: str) -> bool:
        """Whether the model has this tensor."""

    def stored(self, name: str) -> Array:
        """A stored tensor, in single precision."""

    def linear(self, x: Array, name: str) -> Array:
        """The linear layer `name` (`.weight`, and `.bias` if there is one) on the last axis."""

    def linear_rows(self, x: Array, name: str) -> Array:
        """`x` times the transposed stored matrix `name`, on the last axis."""

    def lookup(self, name: str, ids: Array) -> Array:
        """Rows of the stored matrix `name`."""

    def constant(self, value: np.ndarray) -> Array:
        """A constant array."""

    def matmul(self, a: Array, b: Array) -> Array:
        """Matrix product of the last two axes; those before them broadcast."""

    def reshape(self, x: Array, shape: Sequence[int]) -> Array:
        """`x` reshaped: 0 keeps the size of that axis, -1 (once) takes the remaining elements."""

    def transpose(self, x: Array, axes: Sequence[int]) -> Array:
        """`x` with its axes in this order."""

    def stack(self, parts: Sequence[Array]) -> Array:
        """The parts along a new first axis."""

    def concat(self, parts: Sequence[Array], axis: int) -> Array:
        """The parts one after the other along an axis."""

    def cut(self, x: Array, axis: int, start: int, stop: "int | Array") -> Array:
        """The part from `start` to before `stop` along an axis; `stop` may be computed."""

    def cut_from(self, x: Array, axis: int, start: Array) -> Array:
        """The part from `start`, which is computed, to the end of an axis."""

    def take(self, x: Array, index: "int | Array", axis: int) -> Array:
        """The elements at `index` along an axis, which disappears where `index` has no axes."""

    def count(self, x: Array, axis: int) -> Array:
        """Length of an axis, as an integer array without axes."""

    def arange(self, stop: Array) -> Array:
        """Integers from 0 to before `stop`."""

    def pad_rows(self, x: Array, count: Array) -> Array:
        """`x` (B, T, F) with `count` rows of zeros after its own."""

    def divided(self, a: Array, b: int) -> Array:
        """Integers divided by `b`, rounded down."""

    def floats(self, x: Array) -> Array:
        """Integers or truth values as single precision."""

    def integers(self, x: Array) -> Array:
        """Numbers as integers."""

    def where(self, condition: Array, a: "Array | float", b: "Array | float") -> Array:
        """`a` where the condition holds, else `b`."""

    def less(self, a: Array, b: "Array | float") -> Array:
        """Whether a < b."""

    def minimum(self, a: Array, b: float) -> Array:
        """The smaller of both."""

    def maximum(self, a: Array, b: float) -> Array:
        """The larger of both."""

    def unary(self, name: str, x: Array) -> Array:
        """`Cos`, `Sin`, `Sqrt`, `Sigmoid`, `Tanh` or `Erf` of each element."""

    def standardised(self, x: Array, eps: float) -> Array:
        """`x` with zero mean and unit variance over the last axis."""

    def softmax(self, x: Array) -> Array:
        """Softmax over the last axis."""

    def mean(self, x: Array, axis: int, *, keep: bool = True) -> Array:
        """Mean over an axis; `keep` leaves it with length 1."""

    def sum(self, x: Array, axis: int) -> Array:
        """Sum over an axis, which disappears."""

    def running_sum(self, x: Array, axis: int) -> Array:
        """Sums of all elements up to each."""
