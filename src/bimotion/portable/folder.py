"""The configuration of a model folder, read without torch."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from bimotion.errors import ModelError
from bimotion.storage.model_folder import read_model_config


def read_config(folder: Path) -> Any:
    """The configuration of a model folder, its settings as attributes.

    Raises:
        ModelError: it is missing, not a model's configuration, or that of networks that `portable` does not have.
    """
    config = _attributes(read_model_config(folder))
    if getattr(config.mixture, "stream", "two") != "two" or getattr(config.vae, "codes", None) is not None:
        raise ModelError(f"{folder}: only models with two branches and continuous latents run without torch")
    return config


def _attributes(value: Any) -> Any:
    if isinstance(value, dict):
        return SimpleNamespace(**{name: _attributes(each) for name, each in value.items()})
    return value
