"""Lists that describe a model's training data, kept beside its weights.

Each is a JSON object with its format and the fingerprint of the `tokenizer.json` beside it, which reveals a list left
from another model.
"""

import json
import logging
from pathlib import Path
from typing import Any

from bimotion.errors import ModelError
from bimotion.storage.atomic import atomic_path
from bimotion.storage.fingerprint import file_fingerprint
from bimotion.storage.json_files import read_json_object

logger = logging.getLogger(__name__)

TOKENIZER_FILE = "tokenizer.json"
"""The tokenizer's file in a model folder."""


def write_model_list(path: Path, kind: str, field: str, value: Any) -> None:
    """Write a list of the format `kind` into a model folder whose tokenizer is written; its content is `field`."""
    data = {"format": kind, "tokenizer": file_fingerprint(path.parent / TOKENIZER_FILE), field: value}
    with atomic_path(path) as partial:
        partial.write_text(json.dumps(data, ensure_ascii=False) + "\n", encoding="utf-8")


def read_model_list(path: Path, kind: str, field: str, expected: type) -> Any:
    """The content of a list; None where there is none, or that of another model.

    Raises:
        ModelError: the file is of another format, or its content is not of the type `expected`.
    """
    if not path.exists():
        return None
    data = read_json_object(path, ModelError)
    content = data.get(field)
    if data.get("format") != kind or not isinstance(content, expected):
        shape = "{...}" if expected is dict else "[...]"
        raise ModelError(f'{path}: expected {{"format": {kind!r}, "{field}": {shape}}}')
    if data.get("tokenizer") != file_fingerprint(path.parent / TOKENIZER_FILE):
        logger.warning("%s: belongs to another tokenizer and is not used", path)
        return None
    return content
