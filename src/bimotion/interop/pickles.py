"""Untrusted pickles, read without running anything and within limits.

A few hundred bytes can make Python's reader in C take any amount of memory or time: a memo entry with a huge index, a
nested key whose hash takes 2**n steps. With the reader written in Python each operation can be checked.
"""

import io
import pickle
import struct
from collections.abc import Callable
from typing import Any

from bimotion.errors import ModelError

MAX_OPERATIONS = 2_000_000
"""Most operations of a pickle: some twenty for each tensor of a checkpoint."""

MAX_KEY_PARTS = 64
"""Most entries of a tuple that is a key of a dictionary or a member of a set."""

_PythonUnpickler: Any = pickle._Unpickler  # its internals have no type stubs


class LimitedUnpickler(_PythonUnpickler):  # type: ignore[misc]
    """Reads a pickle of limited length whose keys are plain; subclasses resolve names by `find_class`."""

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data))
        self.size = len(data)
        self.dispatch = _Counted(_operations())

    def find_class(self, module: str, name: str) -> Any:
        """Refuse all names.

        Raises:
            ModelError: always.
        """
        raise ModelError(f"its pickle refers to {module}.{name}, which plain values do not need; refused")


def read_plain_pickle(data: bytes, where: str) -> object:
    """The containers, strings and numbers that a pickle holds; `where` names it in messages.

    Raises:
        ModelError: the pickle is damaged, asks for a class or function, or is beyond the limits.
    """
    try:
        found: object = LimitedUnpickler(data).load()
    except ModelError as error:
        raise ModelError(f"{where}: {error}") from None
    except Exception as error:  # a hostile pickle can make the reader fail in any way
        raise ModelError(f"{where}: its pickle is damaged ({type(error).__name__}: {error})") from None
    return found


class _Counted(dict[int, Any]):
    """The operations of a pickle, each looked up once before it runs."""

    def __init__(self, operations: dict[int, Any]) -> None:
        super().__init__(operations)
        self.count = 0

    def __getitem__(self, key: int) -> Any:
        self.count += 1
        if self.count > MAX_OPERATIONS:
            raise ModelError(f"its pickle has more than {MAX_OPERATIONS:,} operations")
        return super().__getitem__(key)


def _operations() -> dict[int, Any]:
    """Python's operations by their codes, with checks before those that hash keys or allocate memory."""
    operations = dict(_PythonUnpickler.dispatch)
    keys = {
        pickle.SETITEM: slice(-2, -1),
        pickle.SETITEMS: slice(None, None, 2),
        pickle.DICT: slice(None, None, 2),
        pickle.ADDITEMS: slice(None),
        pickle.FROZENSET: slice(None),
    }
    for code, where in keys.items():
        operations[code[0]] = _with_checked_keys(operations[code[0]], where)
    operations[pickle.BYTEARRAY8[0]] = _bytearray
    return operations


def _with_checked_keys(operation: Callable[[LimitedUnpickler], None], where: slice) -> Any:
    def run(reader: LimitedUnpickler) -> None:
        for key in reader.stack[where]:
            parts = key if type(key) is tuple else (key,)
            # the hash of tuples nested n deep may take 2**n steps
            if len(parts) > MAX_KEY_PARTS or any(isinstance(part, (tuple, frozenset)) for part in parts):
                raise ModelError("its pickle has a nested key, which is not allowed")
        operation(reader)

    return run


def _bytearray(reader: LimitedUnpickler) -> None:
    """Python's own allocates the memory before it checks that the bytes exist."""
    (length,) = struct.unpack("<Q", reader.read(8))
    if length > reader.size:
        raise ModelError("its pickle declares more bytes than it has")
    reader.append(bytearray(reader.read(length)))
