"""`Operations` that build an ONNX graph; weights are stored as in the model folder (8 or 16 bits).

Nodes of the graph convert weights to single precision; ONNX Runtime computes them once, when it loads the file.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bimotion.errors import ConfigError
from bimotion.storage.model_folder import SCALE

if TYPE_CHECKING:
    from onnx import ModelProto

OPSET = 18
"""Version of the operators: ONNX Runtime 1.14 and newer, and onnxruntime-web, know them."""

IR_VERSION = 9
"""Version of the file format that goes with it."""


class Value:
    """A value in a graph, with the operators of an array."""

    __array_priority__ = 1000  # numpy leaves `array * value` to it

    def __init__(self, graph: "GraphOperations", name: str) -> None:
        self.graph, self.name = graph, name

    def __add__(self, other: Any) -> "Value":
        return self.graph.binary("Add", self, other)

    def __sub__(self, other: Any) -> "Value":
        return self.graph.binary("Sub", self, other)

    def __mul__(self, other: Any) -> "Value":
        return self.graph.binary("Mul", self, other)

    def __truediv__(self, other: Any) -> "Value":
        return self.graph.binary("Div", self, other)


class GraphOperations:
    """Builds the graph of one model from its tensors as they are stored."""

    def __init__(self, tensors: Mapping[str, np.ndarray]) -> None:
        self.tensors = tensors
        self._nodes: list[Any] = []
        self._initialisers: dict[str, np.ndarray] = {}
        self._cache: dict[Any, Value] = {}
        self._integers: set[str] = set()
        self._inputs: list[Any] = []
        self._count = 0

    def input(self, name: str, shape: Sequence[int | str], *, integer: bool = False) -> Value:
        """An input of the graph; axes of variable length have names."""
        from onnx import TensorProto, helper

        kind = TensorProto.INT64 if integer else TensorProto.FLOAT
        self._inputs.append(helper.make_tensor_value_info(name, kind, list(shape)))
        if integer:
            self._integers.add(name)
        return Value(self, name)

    def model(self, outputs: Mapping[str, tuple[Value, Sequence[int | str]]]) -> "ModelProto":
        """The finished model with these outputs and their shapes."""
        from onnx import TensorProto, helper, numpy_helper

        found = []
        for name, (value, shape) in outputs.items():
            kind = TensorProto.INT64 if value.name in self._integers else TensorProto.FLOAT
            self._nodes.append(helper.make_node("Identity", [value.name], [name]))
            found.append(helper.make_tensor_value_info(name, kind, list(shape)))
        tensors = [numpy_helper.from_array(value, name) for name, value in self._initialisers.items()]
        graph = helper.make_graph(self._nodes, "bimotion", self._inputs, found, initializer=tensors)
        return helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="bimotion",
        )

    def node(self, kind: str, inputs: Sequence[Any], *, integer: bool = False, **attributes: Any) -> Value:
        """The output of a node; an equal node that exists already is reused."""
        from onnx import helper

        names = [self._value(each).name for each in inputs]
        key = (kind, tuple(names), tuple(sorted((name, str(value)) for name, value in attributes.items())))
        if key in self._cache:
            return self._cache[key]
        self._count += 1
        name = f"v{self._count}"
        self._nodes.append(helper.make_node(kind, names, [name], **attributes))
        if integer:
            self._integers.add(name)
        self._cache[key] = Value(self, name)
        return self._cache[key]

    def binary(self, kind: str, a: Value, b: Any) -> Value:
        """A node with two inputs: arrays, or an array and a scalar."""
        integer = a.name in self._integers
        if isinstance(b, (int, float)):
            b = np.asarray(b, dtype=np.int64 if integer else np.float32)
        return self.node(kind, (a, b), integer=integer)

    def has(self, name: str) -> bool:
        """Whether the model has this tensor."""
        return name in self.tensors

    def stored(self, name: str) -> Value:
        """A stored tensor, in single precision."""
        value = self.tensors[name]
        raw = self._initialiser(name, value)
        if value.dtype == np.float32:
            return raw
        single = self._cast(raw, "FLOAT")
        return single if value.dtype != np.int8 else single * self._scale(name, value)

    def linear(self, x: Value, name: str) -> Value:
        """The linear layer `name` on the last axis."""
        y = self.linear_rows(x, f"{name}.weight")
        return y + self.stored(f"{name}.bias") if self.has(f"{name}.bias") else y

    def linear_rows(self, x: Value, name: str) -> Value:
        """`x` times the transposed stored matrix `name`, on the last axis."""
        return self.matmul(x, self.transpose(self.stored(name), (1, 0)))

    def lookup(self, name: str, ids: Value) -> Value:
        """Rows of the stored matrix `name`."""
        value = self.tensors[name]
        rows = self.take(self._initialiser(name, value), ids, 0)
        if value.dtype == np.float32:
            return rows
        single = self._cast(rows, "FLOAT")
        return single if value.dtype != np.int8 else single * self.take(self._scale(name, value), ids, 0)

    def constant(self, value: np.ndarray) -> Value:
        """A constant array."""
        return self._value(value)

    def matmul(self, a: Value, b: Value) -> Value:
        """Matrix product of the last two axes; those before them broadcast."""
        return self.node("MatMul", (a, b))

    def reshape(self, x: Value, shape: Sequence[int]) -> Value:
        """`x` reshaped: 0 keeps the size of that axis, -1 takes the remaining elements."""
        return self.node("Reshape", (x, np.asarray(shape, dtype=np.int64)), integer=x.name in self._integers)

    def transpose(self, x: Value, axes: Sequence[int]) -> Value:
        """`x` with its axes in this order."""
        return self.node("Transpose", (x,), perm=list(axes))

    def stack(self, parts: Sequence[Value]) -> Value:
        """The parts along a new first axis."""
        first = np.zeros(1, dtype=np.int64)
        return self.concat([self.node("Unsqueeze", (part, first)) for part in parts], 0)

    def concat(self, parts: Sequence[Value], axis: int) -> Value:
        """The parts one after the other along an axis."""
        return self.node("Concat", parts, axis=axis)

    def cut(self, x: Value, axis: int, start: int, stop: Any) -> Value:
        """The part from `start` to before `stop` along an axis; `stop` may be computed."""
        return self._slice(x, axis, np.asarray([start], dtype=np.int64), self._listed(stop))

    def cut_from(self, x: Value, axis: int, start: Value) -> Value:
        """The part from `start`, which is computed, to the end of an axis."""
        return self._slice(x, axis, self._listed(start), np.asarray([np.iinfo(np.int64).max], dtype=np.int64))

    def take(self, x: Value, index: Any, axis: int) -> Value:
        """The elements at `index` along an axis."""
        index = np.asarray(index, dtype=np.int64) if isinstance(index, int) else index
        return self.node("Gather", (x, index), axis=axis, integer=x.name in self._integers)

    def count(self, x: Value, axis: int) -> Value:
        """Length of an axis."""
        shape = self.node("Shape", (x,), integer=True)
        return self.node("Gather", (shape, np.asarray(axis, dtype=np.int64)), axis=0, integer=True)

    def arange(self, stop: Value) -> Value:
        """Integers from 0 to before `stop`."""
        zero, one = (np.asarray(number, dtype=np.int64) for number in (0, 1))
        return self.node("Range", (zero, stop, one), integer=True)

    def pad_rows(self, x: Value, count: Value) -> Value:
        """`x` (B, T, F) with `count` rows of zeros after its own."""
        before, after = np.zeros(4, dtype=np.int64), np.zeros(1, dtype=np.int64)
        pads = self.node("Concat", (before, self._listed(count), after), axis=0, integer=True)
        return self.node("Pad", (x, pads))

    def divided(self, a: Value, b: int) -> Value:
        """Integers divided by `b`, rounded down."""
        return self.binary("Div", a, b)

    def floats(self, x: Value) -> Value:
        """Integers or truth values as single precision."""
        return self._cast(x, "FLOAT")

    def integers(self, x: Value) -> Value:
        """Numbers as integers."""
        value = self._cast(x, "INT64")
        self._integers.add(value.name)
        return value

    def where(self, condition: Value, a: Any, b: Any) -> Value:
        """`a` where the condition holds, else `b`."""
        each = (np.asarray(v, dtype=np.float32) if isinstance(v, (int, float)) else v for v in (a, b))
        return self.node("Where", (condition, *each))

    def less(self, a: Value, b: Any) -> Value:
        """Whether a < b."""
        return self.node("Less", (a, np.asarray(b, dtype=np.float32) if isinstance(b, float) else b))

    def minimum(self, a: Value, b: float) -> Value:
        """The smaller of both."""
        return self.node("Min", (a, np.asarray(b, dtype=np.float32)))

    def maximum(self, a: Value, b: float) -> Value:
        """The larger of both."""
        return self.node("Max", (a, np.asarray(b, dtype=np.float32)))

    def unary(self, name: str, x: Value) -> Value:
        """The function `name` of each element."""
        return self.node(name, (x,))

    def standardised(self, x: Value, eps: float) -> Value:
        """`x` with zero mean and unit variance over the last axis."""
        centred = x - self.mean(x, -1)
        return centred / self.unary("Sqrt", self.mean(centred * centred, -1) + eps)

    def softmax(self, x: Value) -> Value:
        """Softmax over the last axis."""
        return self.node("Softmax", (x,), axis=-1)

    def mean(self, x: Value, axis: int, *, keep: bool = True) -> Value:
        """Mean over an axis."""
        return self.node("ReduceMean", (x, np.asarray([axis], dtype=np.int64)), keepdims=int(keep))

    def sum(self, x: Value, axis: int) -> Value:
        """Sum over an axis, which disappears."""
        return self.node("ReduceSum", (x, np.asarray([axis], dtype=np.int64)), keepdims=0)

    def running_sum(self, x: Value, axis: int) -> Value:
        """Sums of all elements up to each."""
        return self.node("CumSum", (x, np.asarray(axis, dtype=np.int64)))

    def _value(self, value: Any) -> Value:
        """A value of the graph; arrays become constants."""
        if isinstance(value, Value):
            return value
        array = np.ascontiguousarray(value) if np.ndim(value) else np.asarray(value)
        key = ("constant", array.dtype.str, array.shape, array.tobytes())
        if key not in self._cache:
            self._cache[key] = self._initialiser(f"c{len(self._initialisers)}", array)
            if array.dtype == np.int64:
                self._integers.add(self._cache[key].name)
        return self._cache[key]

    def _initialiser(self, name: str, value: np.ndarray) -> Value:
        self._initialisers.setdefault(name, value)
        return Value(self, name)

    def _scale(self, name: str, value: np.ndarray) -> Value:
        """Scales of the rows of a matrix in 8 bits, (N, 1)."""
        if name + SCALE not in self.tensors:
            raise ConfigError(f"{name}: the matrix in 8 bits has no scales")
        return self._initialiser(name + SCALE, self.tensors[name + SCALE].astype(np.float32)[:, None])

    def _cast(self, x: Value, kind: str) -> Value:
        from onnx import TensorProto

        return self.node("Cast", (x,), to=int(getattr(TensorProto, kind)))

    def _listed(self, number: Any) -> Any:
        """A scalar as an array of one element."""
        if isinstance(number, int):
            return np.asarray([number], dtype=np.int64)
        return self.node("Reshape", (number, np.asarray([1], dtype=np.int64)), integer=True)

    def _slice(self, x: Value, axis: int, start: Any, stop: Any) -> Value:
        axes = np.asarray([axis], dtype=np.int64)
        return self.node("Slice", (x, start, stop, axes), integer=x.name in self._integers)
