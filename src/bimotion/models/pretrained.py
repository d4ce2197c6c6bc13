"""A pretrained language model as transformers reads it: settings, weights and tokenizer."""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bimotion.errors import ConfigError, ModelError


@dataclass(frozen=True)
class PretrainedLanguage:
    """What stands in a pretrained model's files."""

    settings: dict[str, Any]
    """Its `config.json`, defaults filled in."""
    state: dict[str, Tensor]
    """Its weights under transformers' names, in single precision; `embedding` is among them."""
    embedding: Tensor
    """The input embedding: a row a token."""
    tokenizer: str
    """Its tokenizer, as the contents of a `tokenizer.json`."""


def read_pretrained(source: str | Path) -> PretrainedLanguage:
    """The language model in a folder, in a GGUF file, or of a Hub id ("owner/name"), on the CPU.

    Numbers of a GGUF file are turned back into single precision. No code of the model's own is run, and old
    weight files are unpickled for tensors only.

    Raises:
        ModelError: there is no such model, it is broken, or its weights are not exactly those of its settings.
        ConfigError: transformers, or for a GGUF file gguf, is not installed.
    """
    path = Path(source).expanduser()
    name = str(source)
    options: dict[str, Any] = {}
    if path.suffix == ".gguf":
        if not path.is_file():
            raise ModelError(f"{source}: no such file")
        name, options = str(path.parent), {"gguf_file": path.name}
    elif path.is_dir():
        name = str(path)
    elif path.exists() or name.count("/") != 1 or name.startswith((".", "/", "~")):
        raise ModelError(f"{source}: expected a folder of transformers, a .gguf file or a Hub id")
    if path.exists():
        options["local_files_only"] = True
    try:
        from transformers import AutoModelForCausalLM, AutoTokenizer
    except ImportError as error:
        raise ConfigError(
            "pretrained language models need transformers: pip install 'bimotion[train]'"
        ) from error
    # The loaders have no types; what they give is checked by who asked.
    load_model: Any = AutoModelForCausalLM.from_pretrained
    load_tokenizer: Any = AutoTokenizer.from_pretrained
    try:
        with _quiet():
            # False: neither run a model's own code nor ask the user whether to.
            tokenizer = load_tokenizer(name, trust_remote_code=False, **options)
            model, found = load_model(
                name, dtype=torch.float32, trust_remote_code=False, output_loading_info=True, **options
            )
    except ImportError as error:
        raise ConfigError(f"{source}: {_first_line(error)} (pip install 'bimotion[train]')") from error
    except Exception as error:  # transformers raises whatever its many readers raise
        raise ModelError(
            f"{source}: no pretrained language model can be read from here: {_first_line(error)}"
        ) from error
    # transformers makes up what is missing, and passes over what it does not know.
    for kind, what in (("missing_keys", "is missing"), ("unexpected_keys", "is unknown")):
        if found[kind]:
            names = sorted(map(str, found[kind]))
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            raise ModelError(f"{source}: the weights do not fit its settings: {names[0]} {what}{more}")
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise ModelError(f"{source}: its tokenizer is of a kind that has no tokenizer.json")
    state = {key: value.detach() for key, value in model.state_dict().items()}
    embedding: Tensor = model.get_input_embeddings().weight.detach()
    return PretrainedLanguage(model.config.to_dict(), state, embedding, backend.to_str())


@contextmanager
def _quiet() -> Iterator[None]:
    """No progress bars and no advice from transformers while this is on."""
    from transformers.utils import logging as transformers_logging

    chatter: Any = transformers_logging  # its functions have no types

    level, bars = chatter.get_verbosity(), chatter.is_progress_bar_enabled()
    chatter.set_verbosity(logging.CRITICAL)
    chatter.disable_progress_bar()
    try:
        with redirect_stderr(io.StringIO()):  # its reader of GGUF files shows its bar whatever one says
            yield
    finally:
        chatter.set_verbosity(level)
        if bars:
            chatter.enable_progress_bar()


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
