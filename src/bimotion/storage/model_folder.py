"""What a model folder is recognised by, for every reader of it, with torch or without."""

from pathlib import Path
from typing import Any

from bimotion.errors import ModelError
from bimotion.storage.json_files import read_json_object

FORMAT = "bimotion 1"
"""Version of the folder layout, stored in `config.json`."""

MAX_CONFIG_BYTES = 1 << 20
"""Largest `config.json` that is read."""

RENAMED_SETTINGS = {"says_length": "length_in_prompt"}
"""Settings that model folders of version 0.1 have under another name."""

MAX_TENSOR_HEADER_BYTES = 16 << 20
"""Largest header of a safetensors file that is read: some hundred thousand tensors."""

SCALE = ".scale"
"""Follows the name of a matrix in 8 bits in the name of its rows' scales."""


def read_model_config(folder: Path) -> dict[str, Any]:
    """The settings in the `config.json` of a model folder, under their present names.

    Raises:
        ModelError: it is missing, or is not the configuration of a model folder.
    """
    path = folder / "config.json"
    if not path.exists():
        raise ModelError(f"{path}: no such file; is {folder} a model folder?")
    data = read_json_object(path, ModelError, max_bytes=MAX_CONFIG_BYTES)
    if data.pop("format", None) != FORMAT:
        raise ModelError(f"{path}: not the configuration of a {FORMAT} model folder")
    return {RENAMED_SETTINGS.get(name, name): value for name, value in data.items()}
