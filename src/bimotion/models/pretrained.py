"""Pretrained language models read with transformers: settings, weights and tokenizer."""

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
from bimotion.storage.hub import HubReference, hub_hint, is_hub_reference


@dataclass(frozen=True)
class PretrainedLanguage:
    """Contents of a pretrained model's files."""

    settings: dict[str, Any]
    """Its `config.json` with defaults."""
    state: dict[str, Tensor]
    """Its weights under transformers' names, in single precision, with `embedding` among them."""
    embedding: Tensor
    """The input embedding, one row per token."""
    tokenizer: str
    """Its tokenizer, as the contents of a `tokenizer.json`."""


def read_pretrained(source: str | Path) -> PretrainedLanguage:
    """The language model in a folder, in a GGUF file, or of a Hub repository ("hf:owner/name"), on the CPU.

    Values of a GGUF file are converted to single precision. Code of the model is never run, and old weight files are
    unpickled for tensors only.

    Raises:
        ModelError: there is no such model, it is broken, or its weights are not exactly those of its settings.
        ConfigError: transformers, or for a GGUF file gguf, is not installed.
    """
    tokenizer, model = _load(source, "AutoModelForCausalLM")
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise ModelError(f"{source}: its tokenizer cannot be saved as tokenizer.json")
    state = {key: value.detach() for key, value in model.state_dict().items()}
    embedding: Tensor = model.get_input_embeddings().weight.detach()
    return PretrainedLanguage(model.config.to_dict(), state, embedding, backend.to_str())


def read_text_encoder(source: str | Path) -> tuple[Any, Any]:
    """Tokenizer and encoder (BERT and its like, without a head) of a folder or hf:owner/name, as transformers' objects.

    Raises:
        ModelError: there is no such model, or it is broken.
        ConfigError: transformers is not installed.
    """
    return _load(source, "AutoModel", ownerless=True, spare=("vocab_", "lm_head", "cls."))


def _location(source: str | Path, ownerless: bool) -> tuple[str, dict[str, Any]]:
    """Name and options under which transformers finds a folder, a GGUF file or a Hub repository."""
    path = Path(source).expanduser()
    name = str(source)
    options: dict[str, Any] = {}
    if path.suffix == ".gguf":
        if not path.is_file():
            raise ModelError(f"{source}: no such file")
        name, options = str(path.parent), {"gguf_file": path.name}
    elif path.is_dir():
        name = str(path)
    elif is_hub_reference(name):
        reference = HubReference.parse(name)
        name, options = reference.repository, {"revision": reference.revision or "main"}
    elif path.exists() or "/" in name or not ownerless:
        raise ModelError(
            f"{source}: expected a transformers model folder, a .gguf file or hf:OWNER/NAME{hub_hint(source)}"
        )
    if path.exists():
        options["local_files_only"] = True
    return name, options


def _load(
    source: str | Path, kind: str, *, ownerless: bool = False, spare: tuple[str, ...] = ()
) -> tuple[Any, Any]:
    """Tokenizer and model.

    `ownerless`: repositories without an owner are taken without the prefix, too. Weights whose names begin with one of
    `spare` may be superfluous.
    """
    name, options = _location(source, ownerless)
    try:
        import transformers
    except ImportError as error:
        raise ConfigError(
            "pretrained language models need transformers: pip install 'bimotion[train]'"
        ) from error
    # The loaders are untyped; callers check the results.
    load_model: Any = getattr(transformers, kind).from_pretrained
    load_tokenizer: Any = transformers.AutoTokenizer.from_pretrained
    try:
        with _quiet():
            # False: neither run a model's own code nor ask the user whether to.
            tokenizer = load_tokenizer(name, trust_remote_code=False, **options)
            model, found = load_model(
                name, dtype=torch.float32, trust_remote_code=False, output_loading_info=True, **options
            )
    except ImportError as error:
        raise ConfigError(f"{source}: {_first_line(error)} (pip install 'bimotion[train]')") from error
    except Exception as error:  # the readers inside transformers raise many kinds
        raise ModelError(
            f"{source}: not a readable pretrained language model: {_first_line(error)}"
        ) from error
    # transformers initialises missing weights at random and ignores unknown ones.
    for flaw, what in (("missing_keys", "is missing"), ("unexpected_keys", "is unknown")):
        names = sorted(str(name) for name in found[flaw] if not str(name).startswith(spare))
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            raise ModelError(f"{source}: the weights do not match its configuration: {names[0]} {what}{more}")
    return tokenizer, model


@contextmanager
def _quiet() -> Iterator[None]:
    """Silences progress bars and advice of transformers while active."""
    from transformers.utils import logging as transformers_logging

    chatter: Any = transformers_logging  # its functions have no types

    level, bars = chatter.get_verbosity(), chatter.is_progress_bar_enabled()
    chatter.set_verbosity(logging.CRITICAL)
    chatter.disable_progress_bar()
    try:
        with redirect_stderr(io.StringIO()):  # its GGUF reader always shows a progress bar
            yield
    finally:
        chatter.set_verbosity(level)
        if bars:
            chatter.enable_progress_bar()


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
