"""Model folders: `config.json`, `model.safetensors`, `tokenizer.json` and `README.md`."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from bimotion.errors import ConfigError, ModelError
from bimotion.models.motion_language import MotionLanguage, MotionLanguageConfig
from bimotion.models.tokens import MotionTokenizer
from bimotion.storage.atomic import atomic_path

FORMAT = "bimotion 1"
"""Version of the folder layout, stored in `config.json`."""

RENAMED_SETTINGS = {"says_length": "length_in_prompt"}
"""Settings that model folders of version 0.1 have under another name."""

Config = TypeVar("Config")


def save_model(
    model: MotionLanguage,
    folder: str | Path,
    tokenizer: MotionTokenizer,
    card: str = "",
    dtype: torch.dtype = torch.float16,
) -> None:
    """Write a model folder; each file is written atomically.

    Parameters are stored as `dtype`, statistics (means and deviations) in single precision.

    Raises:
        ModelError: the tokenizer is not the model's, or a parameter does not fit into `dtype`.
    """
    check_tokenizer(model.config, tokenizer)
    folder = Path(folder)
    parameters = {name for name, _ in model.named_parameters()}
    state = {}
    for name, value in model.state_dict().items():
        stored = value.detach().to("cpu", dtype if name in parameters else torch.float32).contiguous()
        if not stored.isfinite().all():
            raise ModelError(f"{name} has values that are not finite as {dtype}")
        state[name] = stored
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
    path = Path(folder) / "model.safetensors"
    try:
        state = load_file(path, device=str(device))
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path}: cannot be read as safetensors ({error})") from None
    return model_of_state(config, state, str(path), device)


def load_config(folder: str | Path) -> MotionLanguageConfig:
    """The configuration of a model folder.

    Raises:
        ModelError: it is missing, or no configuration of ours.
    """
    path = Path(folder) / "config.json"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(
            f"{path}: cannot be read ({os.strerror(error.errno or 0)}); is it a model folder?"
        ) from None
    except ValueError as error:
        raise ModelError(f"{path}: not JSON ({error})") from None
    if not isinstance(data, dict) or data.pop("format", None) != FORMAT:
        raise ModelError(f"{path}: not the configuration of a {FORMAT} model folder")
    data = {RENAMED_SETTINGS.get(name, name): value for name, value in data.items()}
    try:
        return config_of_json(MotionLanguageConfig, data)
    except ConfigError as error:
        raise ModelError(f"{path}: {error}") from None


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
    with _Unfilled():
        model = MotionLanguage(config)
    check_state({name: value.shape for name, value in model.state_dict().items()}, state, where)
    own = {name: value.to(device, torch.float32) for name, value in state.items()}
    model.load_state_dict(own, assign=True)
    model.fill_tables(device)
    return model.eval()


class _Unfilled(TorchFunctionMode):
    """While active, new parameters are left uninitialised, since they are overwritten anyway.

    The meta device would do so too, but loads torch's compiler: 0.8 s for the embedded model, against 0.02 s.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        filling = func in (Tensor.normal_, Tensor.uniform_, Tensor.zero_, Tensor.fill_)
        if filling or getattr(func, "__module__", None) == nn.init.__name__:
            return args[0] if args else kwargs["tensor"]
        return (torch.empty if func is torch.randn else func)(*args, **kwargs)


def check_state(expected: Mapping[str, torch.Size], state: Mapping[str, Tensor], where: str) -> None:
    """Raise a `ModelError` that names what is missing, superfluous or of another shape, if anything is."""
    faults = [f"{name} is missing" for name in expected if name not in state]
    faults += [f"{name} is unknown" for name in state if name not in expected]
    faults += [
        f"{name} has shape {tuple(state[name].shape)}, not {tuple(shape)}"
        for name, shape in expected.items()
        if name in state and state[name].shape != shape
    ]
    if faults:
        more = f" and {len(faults) - 3} more" if len(faults) > 3 else ""
        raise ModelError(f"{where}: the weights do not fit the configuration: {'; '.join(faults[:3])}{more}")


def check_tokenizer(config: MotionLanguageConfig, tokenizer: MotionTokenizer) -> None:
    """Raise a `ModelError` if the tokenizer's ids do not match the model's configuration."""
    if tokenizer.special != config.special or tokenizer.slots != config.slots:
        raise ModelError(
            f"the tokenizer ({tokenizer.special}, {tokenizer.slots} slots) is not the model's "
            f"({config.special}, {config.slots} slots)"
        )


def config_of_json(kind: type[Config], data: object, where: str = "") -> Config:
    """A configuration dataclass from the JSON of its `asdict`; absent fields keep their defaults.

    Raises:
        ConfigError: an unknown field or a value of another type.
    """
    assert is_dataclass(kind)
    if not isinstance(data, dict):
        raise ConfigError(f"{where or 'the configuration'} must be an object, got {data!r}")
    hints = get_type_hints(kind)
    unknown = sorted(set(data) - {field.name for field in fields(kind)})
    if unknown:
        raise ConfigError(f"unknown settings {', '.join(f'{where}{name}' for name in unknown)}")
    values = {name: _value_of_json(hints[name], value, f"{where}{name}") for name, value in data.items()}
    config: Config = kind(**values)
    return config


def _value_of_json(hint: Any, value: object, where: str) -> Any:
    """`value` if it is what the annotation `hint` allows."""
    if is_dataclass(hint) and isinstance(hint, type):
        return config_of_json(hint, value, f"{where}.")
    options = get_args(hint)
    if get_origin(hint) in (Union, UnionType):
        if value is None and NoneType in options:
            return None
        return _value_of_json(next(option for option in options if option is not NoneType), value, where)
    if get_origin(hint) is Literal:
        if value in options:
            return value
        raise ConfigError(f"{where} must be one of {', '.join(map(repr, options))}, got {value!r}")
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint:
        raise ConfigError(f"{where} must be of type {hint.__name__}, got {value!r}")
    return value
