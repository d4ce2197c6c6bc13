"""Evaluators as folders: `config.json`, `evaluator.safetensors`, and what they read text with.

A contrastive one has a `tokenizer.json`; a published one `words.txt` (its vocabulary, a word a line) and
`captions.json` (tagged words of captions that are known); TMR names the language model that reads its captions.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from bimotion.errors import ConfigError, DataError, ModelError
from bimotion.evaluators.contrastive import ContrastiveConfig, ContrastiveEvaluator
from bimotion.evaluators.published import PublishedEvaluator, PublishedEvaluatorConfig
from bimotion.evaluators.tmr import Tmr, TmrConfig
from bimotion.evaluators.word_vectors import WordVectors
from bimotion.features.normalise import FeatureStats
from bimotion.models.tokens import MotionTokenizer
from bimotion.models.weights import check_state, config_of_json
from bimotion.storage.atomic import atomic_path

FORMAT = "bimotion evaluator 1"
CONFIG_FILE, WEIGHTS_FILE = "config.json", "evaluator.safetensors"

EMBEDDED_EVALUATOR = Path(__file__).parents[1] / "embedded_evaluator"
"""Folder of the evaluator that comes with the package."""


@dataclass(frozen=True)
class ContrastiveParts:
    """A contrastive evaluator and its tokenizer."""

    network: ContrastiveEvaluator
    """The two encoders, with the statistics of features."""
    tokenizer: MotionTokenizer
    """Captions to ids."""


@dataclass(frozen=True)
class PublishedParts:
    """The published evaluator and what it needs to read captions and motions."""

    network: PublishedEvaluator
    """The three networks."""
    words: WordVectors
    """Word vectors."""
    stats: FeatureStats
    """Statistics by which it normalises features (`Comp_v6_KLD01`; others than the data set's)."""
    tagged: dict[str, list[str]]
    """Tagged words of known captions."""


@dataclass(frozen=True)
class TmrParts:
    """TMR and the statistics that it needs to read motions."""

    network: Tmr
    """The two encoders."""
    stats: FeatureStats
    """Statistics by which it normalises features."""


def save_contrastive(
    parts: ContrastiveParts, folder: Path, card: str = "", dtype: torch.dtype = torch.float16
) -> None:
    """Write the folder; parameters are stored as `dtype`, statistics in single precision.

    Raises:
        ModelError: a parameter does not fit into `dtype`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_path(folder / "tokenizer.json") as path:
        path.write_text(parts.tokenizer.to_json() + "\n", encoding="utf-8")
    _save(folder, "contrastive", parts.network, {}, card, dtype, {"slots": parts.tokenizer.slots})


def save_published(parts: PublishedParts, folder: Path, card: str = "") -> None:
    """Write the folder, in single precision."""
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_path(folder / "words.txt") as path:
        path.write_text("\n".join(parts.words.words) + "\n", encoding="utf-8")
    with atomic_path(folder / "captions.json") as path:
        path.write_text(json.dumps(parts.tagged, ensure_ascii=False) + "\n", encoding="utf-8")
    extra = {"word_vectors": parts.words.vectors, **_of_stats(parts.stats)}
    _save(folder, "published", parts.network, extra, card, torch.float32, {})


def save_tmr(parts: TmrParts, folder: Path, card: str = "") -> None:
    """Write the folder, in single precision."""
    folder.mkdir(parents=True, exist_ok=True)
    _save(folder, "tmr", parts.network, _of_stats(parts.stats), card, torch.float32, {})


def find_evaluator(folder: str | Path | None = None) -> Path:
    """The evaluator folder meant by a path: the folder itself, or `model` in a run; None: the package's own.

    Raises:
        ModelError: neither holds an evaluator.
    """
    if folder is None and not (EMBEDDED_EVALUATOR / WEIGHTS_FILE).is_file():
        raise ModelError(
            "this installation has no embedded evaluator (bimotion/embedded_evaluator is missing); name one that "
            "`bimotion train evaluator` made"
        )
    folder = EMBEDDED_EVALUATOR if folder is None else Path(folder).expanduser()
    for candidate in (folder, folder / "model"):
        if (candidate / WEIGHTS_FILE).is_file():
            return candidate
    raise ModelError(
        f"{folder}: no evaluator here ({WEIGHTS_FILE} is missing); train one with `bimotion train evaluator`"
    )


def read_evaluator(
    folder: str | Path, device: str | torch.device = "cpu"
) -> ContrastiveParts | PublishedParts | TmrParts:
    """The evaluator of a folder or run, in eval mode and single precision.

    Raises:
        ModelError: there is none, or a file of it is missing or broken.
    """
    folder = find_evaluator(folder)
    data = _read_json(folder / CONFIG_FILE)
    kind = data.get("kind")
    if data.get("format") != FORMAT or kind not in ("contrastive", "published", "tmr"):
        raise ModelError(f"{folder / CONFIG_FILE}: not the configuration of a {FORMAT} folder")
    weights = folder / WEIGHTS_FILE
    try:
        state = {name: value.float() for name, value in load_file(weights).items()}
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{weights}: cannot be read as safetensors ({error})") from None
    try:
        if kind == "contrastive":
            network = ContrastiveEvaluator(config_of_json(ContrastiveConfig, data["network"]))
            _fill(network, state, weights, device)
            return ContrastiveParts(
                network, MotionTokenizer.from_file(folder / "tokenizer.json", int(data["slots"]))
            )
        if kind == "tmr":
            tmr = Tmr(config_of_json(TmrConfig, data["network"]))
            mean, std = (state.pop(name) for name in ("feature_mean", "feature_std"))
            _fill(tmr, state, weights, device)
            return TmrParts(tmr, FeatureStats(mean=mean.numpy(), std=std.numpy()))
        published = PublishedEvaluator(config_of_json(PublishedEvaluatorConfig, data["network"]))
        vectors, mean, std = (state.pop(name) for name in ("word_vectors", "feature_mean", "feature_std"))
        _fill(published, state, weights, device)
        words = (folder / "words.txt").read_text("utf-8").splitlines()
        return PublishedParts(
            published,
            WordVectors(words, vectors),
            FeatureStats(mean=mean.numpy(), std=std.numpy()),
            _read_json(folder / "captions.json"),
        )
    except KeyError as error:
        raise ModelError(f"{folder}: the evaluator lacks {error}") from None
    except OSError as error:
        raise ModelError(f"{error.filename}: cannot be read ({error.strerror})") from None
    except (ConfigError, DataError) as error:
        raise ModelError(f"{folder}: {error}") from None


def _of_stats(stats: FeatureStats) -> dict[str, Tensor]:
    return {f"feature_{name}": torch.from_numpy(getattr(stats, name).copy()) for name in ("mean", "std")}


def _save(
    folder: Path,
    kind: str,
    network: ContrastiveEvaluator | PublishedEvaluator | Tmr,
    extra: dict[str, Tensor],
    card: str,
    dtype: torch.dtype,
    settings: dict[str, Any],
) -> None:
    parameters = {name for name, _ in network.named_parameters()}
    state = {}
    for name, value in network.state_dict().items():
        stored = value.detach().to("cpu", dtype if name in parameters else torch.float32).contiguous()
        if not stored.isfinite().all():
            raise ModelError(f"{name} has values that are not finite as {dtype}")
        state[name] = stored
    with atomic_path(folder / WEIGHTS_FILE) as path:
        save_file({**state, **extra}, path, metadata={"format": "pt"})
    config = {"format": FORMAT, "kind": kind, "network": asdict(network.config), **settings}
    for name, text in (("README.md", card), (CONFIG_FILE, json.dumps(config, indent=2))):
        with atomic_path(folder / name) as path:
            path.write_text(text + "\n", encoding="utf-8")


def _fill(network: nn.Module, state: dict[str, Tensor], where: Path, device: str | torch.device) -> None:
    check_state({name: value.shape for name, value in network.state_dict().items()}, state, str(where))
    network.load_state_dict(state)
    network.to(device).eval()


def _read_json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({os.strerror(error.errno or 0)})") from None
    except ValueError as error:
        raise ModelError(f"{path}: not JSON ({error})") from None
    if not isinstance(data, dict):
        raise ModelError(f"{path}: expected an object")
    return data
