"""The gate for JSON and JSON lines: standard JSON of limited size and depth, without duplicate keys.

Python's parser also takes NaN and infinities, keeps the last of duplicate keys, turns 1e999 into infinity, and leaves
half surrogate pairs in strings, which no file can hold. All of these are refused here.
"""

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from bimotion.errors import DataError
from bimotion.storage.files import LIBRARY_ERRORS, ErrorKind, fail, mebibytes, open_file, read_bytes, reason
from bimotion.storage.texts import decode_text

MAX_JSON_BYTES = 128 << 20
"""Largest JSON file that is read."""

MAX_LINE_BYTES = 16 << 20
"""Longest line of a JSON lines file."""

MAX_DEPTH = 64
"""Deepest nesting of lists and objects."""

_NEEDS_CHECK = re.compile(r"\\u|[eE]\+?\d{3}|\d{19}")
"""Escapes that may be half characters, and numbers that may not fit into 64 bits."""


def read_json(path: Path, error: ErrorKind = DataError, *, max_bytes: int = MAX_JSON_BYTES) -> Any:
    """The value in a JSON file.

    Raises:
        BimotionError: of the kind `error`: the file is missing, too large, or not such JSON.
    """
    return parse_json(read_bytes(path, error, max_bytes=max_bytes), path, error)


def read_json_object(
    path: Path, error: ErrorKind = DataError, *, max_bytes: int = MAX_JSON_BYTES
) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        BimotionError: of the kind `error`: as `read_json`, or it contains something else.
    """
    value = read_json(path, error, max_bytes=max_bytes)
    if not isinstance(value, dict):
        fail(path, f"expected a JSON object, got {json_kind(value)}", error)
    return value


def read_json_lines(path: Path, error: ErrorKind = DataError) -> Iterator[tuple[str, Any]]:
    """Position (`file:number`, for messages) and value of each line; empty lines are skipped.

    Raises:
        BimotionError: of the kind `error`: the file is missing, or a line is too long or not such JSON.
    """
    with open_file(path, error) as file:
        number = 0
        while True:
            try:
                line = file.readline(MAX_LINE_BYTES + 1)
            except OSError as fault:
                fail(path, reason(fault), error)
            if not line:
                return
            number += 1
            if len(line) > MAX_LINE_BYTES:
                fail(f"{path}:{number}", f"the line is longer than {mebibytes(MAX_LINE_BYTES)}", error)
            if line.strip():
                where = f"{path}:{number}"
                yield where, parse_json(line, where, error)


def parse_json(data: bytes | str, where: Path | str, error: ErrorKind = DataError) -> Any:
    """The value of a JSON text; `where` names it in messages.

    Raises:
        BimotionError: of the kind `error`: not JSON, too deep, a key twice, a number that is not finite or does
            not fit into 64 bits, or a string that is no text.
    """
    text = data if isinstance(data, str) else decode_text(data, where, error)
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant)
        if _NEEDS_CHECK.search(text):
            _check(value)
        elif text.count("[") + text.count("{") > MAX_DEPTH:
            _check_depth(value)
    except RecursionError:
        fail(where, f"nested more than {MAX_DEPTH} levels deep", error)
    except LIBRARY_ERRORS as fault:
        fail(where, f"not JSON as it is expected here: {reason(fault)}", error)
    return value


def json_kind(value: object) -> str:
    """JSON's name for the type of a value."""
    names = {dict: "an object", list: "a list", str: "a string", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names: set[str] = set()
        for name, _ in pairs:
            if name in names:
                raise ValueError(f"the key {name!r} occurs twice in an object")
            names.add(name)
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _check(value: Any) -> None:
    """Raise a ValueError where a value is nested too deeply or holds what files and 64-bit numbers cannot."""
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                below += item
                below += item.values()
            elif isinstance(item, list):
                below += item
            else:
                _check_scalar(item)
        if not below:
            return
        level = below
    raise ValueError(f"nested more than {MAX_DEPTH} levels deep")


def _check_depth(value: Any) -> None:
    """The same of the depth alone, in a sixth of the time."""
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        parts = [
            item.values() if type(item) is dict else item for item in level if type(item) in (dict, list)
        ]
        if not parts:
            return
        level = [item for part in parts for item in part if type(item) in (dict, list)]
    raise ValueError(f"nested more than {MAX_DEPTH} levels deep")


def _check_scalar(item: Any) -> None:
    if isinstance(item, str):
        if not item.isascii():
            item.encode()  # half a surrogate pair raises UnicodeEncodeError, a ValueError
        if "\0" in item:
            raise ValueError("a string contains a NUL character")
    elif isinstance(item, float) and not math.isfinite(item):
        raise ValueError("a number is too large")
    elif isinstance(item, int) and not -(2**63) <= item < 2**64:
        raise ValueError("an integer exceeds 64 bits")
