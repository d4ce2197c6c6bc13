"""Dataclasses as JSON and back: configurations, run settings and rows of data; types and names are checked by msgspec.

Absent fields keep their defaults; unknown fields are refused.
"""

import json
import re
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from bimotion.errors import BimotionError, ConfigError, DataError
from bimotion.storage.atomic import atomic_path
from bimotion.storage.files import ErrorKind
from bimotion.storage.json_files import json_kind, read_json_lines, read_json_object

Record = TypeVar("Record")


def record_to_json(value: object) -> Any:
    """A dataclass, with all nested values, as JSON values."""
    return msgspec.to_builtins(value, enc_hook=str)


def record_from_json(
    kind: type[Record], value: Any, where: str = "config", error: ErrorKind = ConfigError
) -> Record:
    """The dataclass that `record_to_json` wrote; `where` names it in messages.

    Raises:
        BimotionError: of the kind `error`: a field is unknown, missing, of another type, or a value that the
            dataclass refuses.
    """
    record: Record = value_from_json(kind, value, where, error)
    return record


def value_from_json(kind: Any, value: Any, where: str, error: ErrorKind) -> Any:
    """A value of any type that msgspec knows, such as `dict[str, list[str]]`.

    Raises:
        BimotionError: of the kind `error`: as `record_from_json`.
    """
    if is_dataclass(kind):
        if not isinstance(value, dict):
            raise error(f"{where}: expected an object, got {json_kind(value)}")
        _refuse_unknown(kind, value, where, error)
    try:
        record = msgspec.convert(value, kind, dec_hook=_decode)
    except msgspec.ValidationError as fault:
        raise error(f"{where}: {_message(str(fault), kind, value)}") from None
    except BimotionError as fault:
        raise error(f"{where}: {fault}") from None
    except (ValueError, TypeError, ArithmeticError, RecursionError) as fault:
        raise error(f"{where}: {type(fault).__name__}: {fault}") from None
    _refuse_unknown_below(record, value, where, error)
    return record


def write_record(value: object, path: Path) -> None:
    """Write a dataclass to a JSON file; beside and renamed."""
    with atomic_path(path) as partial:
        partial.write_text(json.dumps(record_to_json(value), indent=1) + "\n", encoding="utf-8")


def read_record(kind: type[Record], path: Path, error: ErrorKind = ConfigError) -> Record:
    """Read what `write_record` wrote.

    Raises:
        BimotionError: of the kind `error`: the file is missing or holds something else.
    """
    return record_from_json(kind, read_json_object(path, error), str(path), error)


def read_rows(kind: type[Record], path: Path, error: ErrorKind = DataError) -> list[tuple[str, Record]]:
    """The lines of a JSON lines file as dataclasses, each with its `file:number`; other fields are left out.

    Raises:
        BimotionError: of the kind `error`: the file is missing, or a line is no such object.
    """
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    rows = []
    for where, values in read_json_lines(path, error):
        if isinstance(values, dict):
            values = {name: value for name, value in values.items() if name in known}
        rows.append((where, record_from_json(kind, values, where, error)))
    return rows


def _decode(kind: Any, value: Any) -> Any:
    """A type that JSON does not have."""
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise TypeError(f"expected {getattr(kind, '__name__', kind)}, got {json_kind(value)}")


def _message(text: str, kind: Any, value: Any) -> str:
    """msgspec's message with the field's name first and what was expected: "vae.width: expected `int`, got 'wide'"."""
    what, _, path = text.partition(" - at `$")
    names = re.findall(r"\w+|\[\.\.\.\]", path)
    for name in names:
        value = _entry(value, name)
        kind = _kind_of_field(kind, name)
    if what.startswith("Invalid enum value") and get_origin(kind) is Literal:
        what = f"expected one of {', '.join(map(repr, get_args(kind)))}, got {value!r}"
    elif what.startswith("Expected ") and isinstance(value, (str, int, float)):
        what = f"{what.rpartition(', got ')[0] or what}, got {value!r:.80}"
    return f"{path.rstrip('`').lstrip('.')}: {what[0].lower()}{what[1:]}" if path else what


def _entry(value: Any, name: str) -> Any:
    """An entry of an object or list; None where the path does not say which (msgspec writes `[...]` for keys)."""
    if isinstance(value, dict):
        return value.get(name)
    return value[int(name)] if isinstance(value, list) and name.isdigit() else None


def _kind_of_field(kind: Any, name: str) -> Any:
    """The type of a dataclass's field, without "or None" and without annotations; None for all else."""
    found = get_type_hints(kind).get(name) if is_dataclass(kind) else None
    if get_origin(found) in (Union, UnionType):
        return next((option for option in get_args(found) if option is not NoneType), None)
    return found


def _refuse_unknown(kind: Any, value: dict[str, Any], where: str, error: ErrorKind) -> None:
    """Raise `error` where an object has a key that its dataclass has no field for: msgspec leaves it out."""
    names = _names(kind)
    if odd := sorted(value.keys() - names):
        raise error(f"{where}: unknown settings {', '.join(odd)}; expected {', '.join(names)}")


@cache
def _names(kind: Any) -> dict[str, None]:
    """The fields of a dataclass, in their order."""
    return dict.fromkeys(field.name for field in fields(kind))


def _refuse_unknown_below(record: Any, value: Any, where: str, error: ErrorKind) -> None:
    """The same for all dataclasses in a record."""
    if is_dataclass(record) and isinstance(value, dict):
        _refuse_unknown(type(record), value, where, error)
        for name, entry in value.items():
            if isinstance(entry, (dict, list)):
                _refuse_unknown_below(getattr(record, name), entry, f"{where}: {name}", error)
    elif isinstance(record, (list, tuple)) and isinstance(value, list):
        for item, entry in zip(record, value, strict=True):
            if isinstance(entry, (dict, list)):
                _refuse_unknown_below(item, entry, where, error)
