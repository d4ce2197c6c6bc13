"""Kernel calls that are recorded once and replayed as one call."""

import ctypes
import threading
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from bimotion.models.kernels.library import Call, available, start

_Used = tuple[Call, tuple[Tensor | None, ...]]
"""A call and the tensors whose memory it uses."""


class CallGraph:
    """Records the kernel calls of a function once and replays them as one call.

    A token, or a denoising step, is dozens of kernel calls, each of which costs as much time in Python as a million
    weights. They are recorded during the first call; later calls copy the arguments to the recorded memory and replay
    everything at once. If anything but kernels computed, or kernels are not available, the function is simply called.
    """

    def __init__(self) -> None:
        self._tried = False
        self._inputs: list[Tensor] = []
        self._result: Tensor | None = None
        self._calls: ctypes.Array[Call] | None = None
        self._kept: list[tuple[Tensor | None, ...]] = []

    def __call__(self, function: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
        """The function's result, which the next call overwrites; function and shapes must not change between calls."""
        if self._calls is not None:
            for recorded, current in zip(self._inputs, inputs, strict=True):
                recorded.copy_(current)
            start(self._calls, len(self._calls))
        elif self._tried or not available() or not inputs[0].is_cpu:
            return function(*inputs)
        else:
            self._record(function, inputs)
        assert self._result is not None
        return self._result

    def _record(self, function: Callable[..., Tensor], inputs: tuple[Tensor, ...]) -> None:
        self._tried = True
        self._inputs = [one.clone(memory_format=torch.contiguous_format) for one in inputs]
        watch = _Watch()
        calls: list[_Used] = []
        _local.calls = calls
        try:
            with watch:
                self._result = function(*self._inputs)
        finally:
            _local.calls = None
        if not watch.computed:
            self._calls = (Call * len(calls))(*(call for call, _ in calls))
            self._kept = [used for _, used in calls]


class _Local(threading.local):
    """Calls that this thread is recording."""

    calls: list[_Used] | None = None


_local = _Local()


class _Watch(TorchFunctionMode):
    """Detects whether torch computes anything beyond creating views and empty tensors.

    A dispatch mode would see everything, but it loads torch's compiler: 1.5 s and 73 MB.
    """

    NAMES = frozenset(
        ("__get__", "__len__", "contiguous", "data_ptr", "is_contiguous", "new_empty", "numel", "unbind")
    )

    def __init__(self) -> None:
        super().__init__()
        self.computed = False

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        self.computed |= func.__name__ not in self.NAMES
        return func(*args, **(kwargs or {}))


def run(call: Call, used: tuple[Tensor | None, ...]) -> None:
    """Run a call that uses the memory of these tensors; recorded if a `CallGraph` is recording."""
    start(ctypes.byref(call), 1)
    if _local.calls is not None:
        _local.calls.append((call, used))
