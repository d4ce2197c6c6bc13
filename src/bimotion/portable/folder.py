"""The configuration of a model folder, read without torch."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from bimotion.errors import ModelError
from bimotion.storage.json_files import read_json_object

FORMAT = "bimotion 1"
"""Version of the folder layout, stored in `config.json`."""

RENAMED_SETTINGS = {"says_length": "length_in_prompt"}
"""Settings that model folders of version 0.1 have under another name."""

MAX_CONFIG_BYTES = 1 << 20
"""Largest `config.json` that is read."""


def read_config(folder: Path) -> Any:
    """The configuration of a model folder, its settings as attributes.

    Raises:
        ModelError: it is missing, no configuration of ours, or that of networks which are not described here.
    """
    path = folder / "config.json"
    if not path.exists():
        raise ModelError(f"{path}: no such file; is {folder} a model folder?")
    data = read_json_object(path, ModelError, max_bytes=MAX_CONFIG_BYTES)
    if data.pop("format", None) != FORMAT:
        raise ModelError(f"{path}: not the configuration of a {FORMAT} model folder")
    data = {RENAMED_SETTINGS.get(name, name): value for name, value in data.items()}
    config = _attributes(data)
    if getattr(config.mixture, "stream", "two") != "two" or getattr(config.vae, "codes", None) is not None:
        raise ModelError(f"{folder}: only models with two branches and continuous latents run without torch")
    return config


def _attributes(value: Any) -> Any:
    if isinstance(value, dict):
        return SimpleNamespace(**{name: _attributes(each) for name, each in value.items()})
    return value
