"""Model folders: `config.json`, `model.safetensors`, `tokenizer.json` and `README.md`."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from bimotion.errors import ModelError
from bimotion.models.build import build, check_state, network_of_file, stored_state
from bimotion.models.motion_language import MotionLanguage, MotionLanguageConfig
from bimotion.models.tokens import MotionTokenizer
from bimotion.storage.atomic import atomic_path
from bimotion.storage.model_folder import FORMAT, read_model_config
from bimotion.storage.records import record_from_json


def save_model(
    model: MotionLanguage,
    folder: str | Path,
    tokenizer: MotionTokenizer,
    card: str = "",
    dtype: torch.dtype = torch.float16,
    int8: tuple[str, ...] = (),
) -> None:
    """Write a model folder; each file is written atomically.

    Parameters are stored as `dtype`, statistics (means and deviations) in single precision. Matrices whose names begin
    with one of `int8` are stored in 8 bits with a scale per row.

    Raises:
        ModelError: the tokenizer is not the model's, or a parameter does not fit into `dtype`.
    """
    check_tokenizer(model.config, tokenizer)
    folder = Path(folder)
    state = stored_state(model, dtype, int8)
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_path(folder / "model.safetensors") as path:
        save_file(state, path, metadata={"format": "pt"})
    config = {"format": FORMAT, **asdict(model.config)}
    texts = {
        "tokenizer.json": tokenizer.to_json(),
        "README.md": card,
        "config.json": json.dumps(config, indent=2),
    }
    for name, text in texts.items():
        with atomic_path(folder / name) as path:
            path.write_text(text + "\n", encoding="utf-8")


def load_model(
    folder: str | Path, device: str | torch.device = "cpu"
) -> tuple[MotionLanguage, MotionTokenizer]:
    """The model of a folder, in eval mode, in single precision, and its tokenizer.

    Raises:
        ModelError: a file is missing or broken, or the weights do not fit the configuration.
    """
    config = load_config(folder)
    tokenizer = MotionTokenizer.from_file(Path(folder) / "tokenizer.json", config.slots)
    check_tokenizer(config, tokenizer)
    return load_network(folder, device), tokenizer


def load_network(folder: str | Path, device: str | torch.device = "cpu") -> MotionLanguage:
    """The network of a folder, in eval mode and in single precision.

    Raises:
        ModelError: a file is missing or broken, or the weights do not fit the configuration.
    """
    config = load_config(folder)
    network, _ = network_of_file(lambda: MotionLanguage(config), Path(folder) / "model.safetensors", device)
    network.fill_tables(device)
    return network


def load_config(folder: str | Path) -> MotionLanguageConfig:
    """The configuration of a model folder.

    Raises:
        ModelError: it is missing, or is not the configuration of a model folder.
    """
    data = read_model_config(Path(folder))
    return record_from_json(MotionLanguageConfig, data, str(Path(folder) / "config.json"), ModelError)


def model_of_state(
    config: MotionLanguageConfig,
    state: Mapping[str, Tensor],
    where: str,
    device: str | torch.device = "cpu",
) -> MotionLanguage:
    """A model in eval mode, in single precision, of `state`, whose names and shapes must be exactly its own.

    Raises:
        ModelError: a tensor is missing, superfluous or of another shape.
    """
    model = build(lambda: MotionLanguage(config), [value.numel() for value in state.values()], where)
    check_state(model.state_dict(), state, where)
    single_precision = {name: value.to(device, torch.float32) for name, value in state.items()}
    model.load_state_dict(single_precision, assign=True)
    model.fill_tables(device)
    return model.eval()


def check_tokenizer(config: MotionLanguageConfig, tokenizer: MotionTokenizer) -> None:
    """Raise a `ModelError` if the tokenizer's ids do not match the model's configuration."""
    if tokenizer.special != config.special or tokenizer.slots != config.slots:
        raise ModelError(
            f"the tokenizer ({tokenizer.special}, {tokenizer.slots} slots) is not the model's "
            f"({config.special}, {config.slots} slots)"
        )
