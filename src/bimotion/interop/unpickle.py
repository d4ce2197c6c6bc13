"""Tensors of a `torch.save` file, read without running any of its code.

The reader of the file's pickle creates containers and descriptions of tensors and nothing else: any other class or
function that the pickle refers to becomes an inert placeholder. A name of Python's standard library that no checkpoint
needs (`os.system`, `builtins.eval`) ends the reading.
"""

import math
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn

import torch
from torch import Tensor

from bimotion.errors import ModelError
from bimotion.interop.pickles import LimitedUnpickler
from bimotion.storage.archives import open_archive
from bimotion.storage.files import file_size

MAX_PICKLE_BYTES = 64 << 20
"""Largest pickle that is read; tensors are stored beside it in the file, not in it."""

MAX_STORAGES = 100_000
"""Most members of a file; each is the storage of a tensor."""

REREAD = 4
"""How often the bytes of a file may be read in total: tied weights are read once for each name."""

SPARE_BYTES = 64 << 20
"""Bytes that may be read beyond that."""

DTYPES: Mapping[str, torch.dtype] = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}
"""Data types that tensors may have."""

HARMLESS_MODULES = {"collections", "typing", "pathlib", "argparse", "datetime", "enum", "types", "numbers"}
"""Modules of Python's library whose classes occur in the settings of real checkpoints."""

HARMLESS_BUILTINS = {
    *("dict", "list", "tuple", "set", "frozenset", "int", "long", "float", "complex", "bool", "str"),
    *("unicode", "bytes", "bytearray", "object", "slice", "range", "type", "Ellipsis", "NoneType"),
}
"""Built-in types that occur in the settings of real checkpoints."""


class Ignored:
    """Placeholder for an object that is not created; it accepts every operation and does nothing."""

    def __new__(cls, *args: object, **kwargs: object) -> "Ignored":
        """Create a placeholder; arguments are ignored."""
        return super().__new__(cls)

    def __init__(self, *args: object, **kwargs: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        """Ignore the attributes."""

    def __setitem__(self, key: object, value: object) -> None:
        pass

    def append(self, item: object) -> None:
        """Ignore an item of a list."""

    def extend(self, items: object) -> None:
        """Ignore the items of a list."""

    def add(self, item: object) -> None:
        """Ignore an item of a set."""

    def __call__(self, *args: object, **kwargs: object) -> "Ignored":
        """Ignore a call."""
        return self


class Fixed:
    """Base of objects that the reader creates and a pickle may not change afterwards."""

    __slots__ = ()

    def __setstate__(self, state: object) -> NoReturn:
        """Refuse the attributes.

        Raises:
            ModelError: always.
        """
        raise ModelError("its pickle modifies an object after its creation; refused")


class SafeFunction(Fixed):
    """A function that a pickle may call, and whose attributes it cannot reach."""

    __slots__ = ("_function",)

    def __init__(self, function: Callable[..., object]) -> None:
        self._function = function

    def __call__(self, *args: object) -> object:
        """The function's result."""
        return self._function(*args)


class PlainDict(dict[Any, Any]):
    """An `OrderedDict` of the pickle; its attributes are dropped."""

    def __setstate__(self, state: object) -> None:
        """Ignore the attributes."""


@dataclass(frozen=True)
class StoredValues(Fixed):
    """The storage of a tensor in the file."""

    key: str
    dtype: torch.dtype
    count: int


@dataclass(frozen=True)
class StoredTensor(Fixed):
    """Storage, offset, shape and strides of a tensor in the file."""

    values: StoredValues
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


class CheckpointFile:
    """An open `torch.save` file: what its pickle holds, and its tensors on demand.

    Raises:
        ModelError: the file is missing, truncated, of an old format, or its pickle refers to something that no
        checkpoint needs.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._size = file_size(self.path, ModelError)
        self._left = REREAD * self._size + SPARE_BYTES
        self._open = ExitStack()
        try:
            archive = open_archive(
                self.path, ModelError, max_bytes=self._size, max_members=MAX_STORAGES, stored_only=True
            )
            self._archive = self._open.enter_context(archive)
        except ModelError as error:
            raise ModelError(f"{error}; expected a torch.save file (of torch 1.6 or later)") from None
        try:
            self._members = self._names()
            self.data = self._read_pickle()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "CheckpointFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._open.close()

    def state(self) -> dict[str, StoredTensor]:
        """The tensors under `state_dict`, or of the whole file where it has no such entry.

        Raises:
            ModelError: there are none, or one of the entries is not a tensor.
        """
        data = self.data
        if isinstance(data, dict) and "state_dict" in data:
            data = data["state_dict"]
        if not isinstance(data, dict) or not data:
            self._fail("has no state_dict")
        for name, value in data.items():
            if type(name) is not str:
                self._fail("its state_dict has a key that is not a string")
            if not isinstance(value, StoredTensor):
                self._fail(f"the entry {name!r} of its state_dict is not a tensor")
        return dict(data)

    def tensor(self, stored: StoredTensor) -> Tensor:
        """The values of a tensor, read now.

        Raises:
            ModelError: they are incomplete, or the tensor exceeds its storage.
        """
        values = stored.values
        extent = (
            stored.offset + sum((n - 1) * s for n, s in zip(stored.shape, stored.stride, strict=True)) + 1
        )
        if 0 not in stored.shape and max(extent, math.prod(stored.shape)) > values.count:
            self._fail(f"a tensor of shape {stored.shape} exceeds its storage of {values.count} values")
        size = values.count * values.dtype.itemsize
        raw = bytearray(self._read(f"data/{values.key}", size))
        if len(raw) != size:
            self._fail(f"data/{values.key} has {len(raw)} bytes, expected {size}")
        flat = torch.frombuffer(raw, dtype=values.dtype) if size else torch.empty(0, dtype=values.dtype)
        try:
            tensor = flat.as_strided(stored.shape, stored.stride, stored.offset).clone()
        except (RuntimeError, OverflowError, TypeError):  # an empty tensor of impossible shape
            self._fail(f"a tensor has the impossible shape {stored.shape}")
        if tensor.is_floating_point() and not tensor.isfinite().all():
            self._fail("a tensor has a value that is not finite")
        return tensor

    def _names(self) -> dict[str, str]:
        """Full names of the members by their names without the common folder, which has the file's original name."""
        members: dict[str, str] = {}
        for name in self._archive.members:
            short = name.partition("/")[2]
            if short in members:
                self._fail(f"{short} occurs twice")
            members[short] = name
        return members

    def _read(self, name: str, limit: int) -> bytes:
        if name not in self._members:
            self._fail(f"{name} is missing")
        size = self._archive.members[self._members[name]].file_size
        if size > limit:
            self._fail(f"{name} has {size} bytes, expected at most {limit}")
        self._left -= size
        if self._left < 0:
            self._fail(f"its tensors are more than {REREAD} times as large as the file")
        return self._archive.read(self._members[name])

    def _read_pickle(self) -> Any:
        if "data.pkl" not in self._members:
            self._fail("not a torch.save file (no data.pkl in it)")
        if "byteorder" in self._members and self._read("byteorder", 16) != b"little":
            self._fail("saved on a big-endian machine")
        try:
            return _Reader(self._read("data.pkl", MAX_PICKLE_BYTES)).load()
        except ModelError as error:
            self._fail(str(error).removeprefix(f"{self.path}: "))
        except Exception as error:  # a hostile pickle can make the reader fail in any way
            self._fail(f"its pickle cannot be read ({type(error).__name__}: {error})")

    def _fail(self, why: str) -> NoReturn:
        raise ModelError(f"{self.path}: {why}")


class _Reader(LimitedUnpickler):
    """Reads a pickle; nothing that it names is ever imported."""

    def find_class(self, module: str, name: str) -> Any:
        """The object or placeholder for a name of the pickle."""
        if (module, name) in _SAFE_FUNCTIONS:
            return _SAFE_FUNCTIONS[module, name]
        if module == "torch" and name in DTYPES:
            return DTYPES[name]
        root = module.partition(".")[0]
        builtin = root in ("builtins", "__builtin__", "__builtins__")
        if (builtin and name not in HARMLESS_BUILTINS) or (
            not builtin and root in sys.stdlib_module_names | _OLD_NAMES and root not in HARMLESS_MODULES
        ):
            raise ModelError(
                f"its pickle refers to {module}.{name}, which a checkpoint does not need; refused"
            )
        return Ignored

    def persistent_load(self, pid: Any) -> Any:
        """The storage that a reference of the pickle stands for."""
        kind, dtype, key, _, count = pid
        plain = type(kind) is str and type(key) is str and type(count) is int
        if not plain or kind != "storage" or not isinstance(dtype, torch.dtype) or count < 0:
            raise ModelError("its pickle refers to an object that is not a tensor storage")
        return StoredValues(key, dtype, count)


def _stored_tensor(values: Any, offset: Any, shape: Any, stride: Any, *_: object) -> StoredTensor:
    parts = (offset, *shape, *stride)
    plain = all(type(part) is int and part >= 0 for part in parts)
    if not plain or not isinstance(values, StoredValues) or len(shape) != len(stride):
        raise ModelError("its pickle describes an impossible tensor")
    return StoredTensor(values, offset, tuple(shape), tuple(stride))


def _first(value: object, *_: object) -> object:
    return value


def _plain_dict(*args: object) -> PlainDict:
    return PlainDict()


_SAFE_FUNCTIONS: dict[tuple[str, str], SafeFunction] = {
    ("torch._utils", "_rebuild_tensor_v2"): SafeFunction(_stored_tensor),
    ("torch._utils", "_rebuild_parameter"): SafeFunction(_first),
    ("collections", "OrderedDict"): SafeFunction(_plain_dict),
}

_OLD_NAMES = {"commands", "popen2", "nt", "posix", "cPickle", "thread", "__main__", "_winreg", "exceptions"}
"""Python 2's or other systems' library modules."""
