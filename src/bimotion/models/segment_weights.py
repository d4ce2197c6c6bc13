"""Folders of segment models: `config.json` and `model.safetensors`, beside the model whose text branch they read."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import save_file

from bimotion.errors import ModelError
from bimotion.models.build import network_of_file, stored_state
from bimotion.models.segment_language import SegmentLanguage, SegmentLanguageConfig
from bimotion.storage.atomic import atomic_path
from bimotion.storage.json_files import read_json_object
from bimotion.storage.model_folder import MAX_CONFIG_BYTES
from bimotion.storage.records import record_from_json

FORMAT = "bimotion segments 1"
"""Version of the folder layout, stored in `config.json`."""


def save_segments(
    model: SegmentLanguage,
    folder: str | Path,
    dtype: torch.dtype = torch.float16,
    int8: Sequence[str] = (),
) -> None:
    """Write a segment model; each file is written atomically.

    Parameters are stored as `dtype`, matrices whose names begin with one of `int8` in 8 bits with a scale per row.

    Raises:
        ModelError: a parameter does not fit into `dtype`.
    """
    folder = Path(folder)
    state = stored_state(model, dtype, tuple(int8))
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_path(folder / "model.safetensors") as path:
        save_file(state, path, metadata={"format": "pt"})
    with atomic_path(folder / "config.json") as path:
        text = json.dumps({"format": FORMAT, **asdict(model.config)}, indent=2)
        path.write_text(text + "\n", encoding="utf-8")


def load_segments(folder: str | Path, device: str | torch.device = "cpu") -> SegmentLanguage:
    """The segment model of a folder, in eval mode and in single precision.

    Raises:
        ModelError: a file is missing or broken, or the weights do not fit the configuration.
    """
    path = Path(folder) / "config.json"
    if not path.exists():
        raise ModelError(f"{path}: no such file; is {folder} a folder of a segment model?")
    data = read_json_object(path, ModelError, max_bytes=MAX_CONFIG_BYTES)
    if data.pop("format", None) != FORMAT:
        raise ModelError(f"{path}: not the configuration of a {FORMAT} folder")
    config = record_from_json(SegmentLanguageConfig, data, str(path), ModelError)
    model, _ = network_of_file(lambda: SegmentLanguage(config), Path(folder) / "model.safetensors", device)
    model.fill_tables(device)
    return model
