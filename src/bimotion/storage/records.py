"""Dataclasses as JSON and back, for the settings that a run folder keeps."""

import json
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from bimotion.errors import ConfigError
from bimotion.storage.atomic import atomic_path

Record = TypeVar("Record")


def record_to_json(value: object) -> Any:
    """A dataclass, and all in it, as what JSON can hold."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: record_to_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, (tuple, list)):
        return [record_to_json(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def record_from_json(kind: type[Record], value: Any, where: str = "config") -> Record:
    """The dataclass that `record_to_json` wrote.

    Raises:
        ConfigError: a field is unknown, missing or of another type.
    """
    return cast(Record, _read(kind, value, where))


def write_record(value: object, path: Path) -> None:
    """Write a dataclass to a JSON file; beside and renamed."""
    with atomic_path(path) as partial:
        partial.write_text(json.dumps(record_to_json(value), indent=1) + "\n", encoding="utf-8")


def read_record(kind: type[Record], path: Path) -> Record:
    """Read what `write_record` wrote.

    Raises:
        ConfigError: the file is missing or holds something else.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: not a readable JSON file ({error})") from error
    return record_from_json(kind, value, str(path))


def _read(kind: Any, value: Any, where: str) -> Any:
    origin, args = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        if value is None and NoneType in args:
            return None
        return _read(next(arg for arg in args if arg is not NoneType), value, where)
    if origin is Literal:
        if value not in args:
            raise ConfigError(f"{where}: expected one of {args}, got {value!r}")
        return value
    if origin is tuple:
        if not isinstance(value, list):
            raise ConfigError(f"{where}: expected a list, got {value!r}")
        kinds = [args[0]] * len(value) if len(args) == 2 and args[1] is ... else list(args)
        if len(kinds) != len(value):
            raise ConfigError(f"{where}: expected {len(kinds)} values, got {len(value)}")
        return tuple(
            _read(item, entry, f"{where}[{i}]")
            for i, (item, entry) in enumerate(zip(kinds, value, strict=True))
        )
    if is_dataclass(kind):
        return _read_dataclass(kind, value, where)
    if kind is Path:
        return Path(value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (kind in (int, float) and isinstance(value, bool)):
        raise ConfigError(f"{where}: expected {kind.__name__}, got {value!r}")
    return value


def _read_dataclass(kind: Any, value: Any, where: str) -> Any:
    hints = get_type_hints(kind)
    names = [field.name for field in fields(kind)]
    if not isinstance(value, dict):
        raise ConfigError(f"{where}: expected an object, got {value!r}")
    if odd := sorted(set(value) - set(names)):
        raise ConfigError(
            f"{where}: unknown settings {', '.join(odd)}; this version knows {', '.join(names)}"
        )
    given = {name: _read(hints[name], value[name], f"{where}.{name}") for name in names if name in value}
    try:
        return kind(**given)
    except TypeError as error:
        raise ConfigError(f"{where}: {error}") from error
