"""Evaluators as folders: `config.json`, `evaluator.safetensors`, and the files of the text encoder.

A contrastive one has a `tokenizer.json` and a `calibration.json`; a published one has `words.txt` (its vocabulary, one
word per line) and `captions.json` (tagged words of known captions); TMR names the language model of its captions.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from safetensors.torch import save_file
from torch import Tensor

from bimotion.errors import DataError, ModelError
from bimotion.evaluators.calibration import Calibration, read_calibration, save_calibration
from bimotion.evaluators.contrastive import ContrastiveConfig, ContrastiveEvaluator
from bimotion.evaluators.published import PublishedEvaluator, PublishedEvaluatorConfig
from bimotion.evaluators.tmr import Tmr, TmrConfig
from bimotion.evaluators.word_vectors import WordVectors
from bimotion.features.normalise import FeatureStats
from bimotion.models.build import network_of_file
from bimotion.models.tokens import MotionTokenizer
from bimotion.storage.atomic import atomic_path
from bimotion.storage.json_files import read_json_object
from bimotion.storage.model_folder import MAX_CONFIG_BYTES
from bimotion.storage.records import record_from_json, value_from_json
from bimotion.storage.texts import read_text, text_lines

FORMAT = "bimotion evaluator 1"
CONFIG_FILE, WEIGHTS_FILE = "config.json", "evaluator.safetensors"

STATISTICS = ("feature_mean", "feature_std")
"""Tensors that normalise features, where the network does not do so itself."""

MAX_WORDS_BYTES = 64 << 20
"""Largest vocabulary that is read."""

EvaluatorKind = Literal["contrastive", "published", "tmr"]

EMBEDDED_EVALUATOR = Path(__file__).parents[1] / "embedded_evaluator"
"""Folder of the bundled evaluator."""


@dataclass(frozen=True)
class EvaluatorRecord:
    """Contents of `config.json`, except its format."""

    kind: EvaluatorKind
    """Which networks."""
    network: dict[str, Any]
    """Their sizes."""
    slots: int | None = None
    """Slots of the tokenizer (contrastive)."""


@dataclass(frozen=True)
class ContrastiveParts:
    """A contrastive evaluator and its tokenizer."""

    network: ContrastiveEvaluator
    """The two encoders, with the statistics of features."""
    tokenizer: MotionTokenizer
    """Captions to ids."""
    calibration: Calibration | None = None
    """Cosines as probabilities; None in folders of earlier versions, or without held-out pairs."""


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
    if parts.calibration is not None:
        save_calibration(parts.calibration, folder)
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
    """The evaluator folder that a path names: the folder itself, or `model` in a run; None: the bundled one.

    Raises:
        ModelError: neither holds an evaluator.
    """
    if folder is None and not (EMBEDDED_EVALUATOR / WEIGHTS_FILE).is_file():
        raise ModelError(
            "this installation has no embedded evaluator (bimotion/embedded_evaluator is missing); give one "
            "trained by `bimotion train evaluator`"
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
    path, weights = folder / CONFIG_FILE, folder / WEIGHTS_FILE
    data = read_json_object(path, ModelError, max_bytes=MAX_CONFIG_BYTES)
    if data.pop("format", None) != FORMAT or data.get("kind") not in get_args(EvaluatorKind):
        raise ModelError(f"{path}: not the configuration of a {FORMAT} folder")
    record = record_from_json(EvaluatorRecord, data, str(path), ModelError)
    if record.kind == "contrastive":
        config = record_from_json(ContrastiveConfig, record.network, f"{path}: network", ModelError)
        tokenizer = MotionTokenizer.from_file(folder / "tokenizer.json", record.slots or 1)
        if tokenizer.special.text_vocab_size > config.vocab_size:
            raise ModelError(f"{folder}: the tokenizer's vocabulary is not the network's")
        network, _ = network_of_file(lambda: ContrastiveEvaluator(config), weights, device)
        return ContrastiveParts(network, tokenizer, read_calibration(folder))
    if record.kind == "tmr":
        sizes = record_from_json(TmrConfig, record.network, f"{path}: network", ModelError)
        tmr, statistics = network_of_file(lambda: Tmr(sizes), weights, device, extra=STATISTICS)
        return TmrParts(tmr, _stats(statistics, weights))
    widths = record_from_json(PublishedEvaluatorConfig, record.network, f"{path}: network", ModelError)
    published, others = network_of_file(
        lambda: PublishedEvaluator(widths), weights, device, extra=("word_vectors", *STATISTICS)
    )
    words = text_lines(read_text(folder / "words.txt", ModelError, max_bytes=MAX_WORDS_BYTES))
    captions = folder / "captions.json"
    tagged = value_from_json(
        dict[str, list[str]], read_json_object(captions, ModelError), str(captions), ModelError
    )
    if others["word_vectors"].ndim != 2 or others["word_vectors"].shape[1] != widths.word_width:
        raise ModelError(f"{weights}: word_vectors must have the shape (words, {widths.word_width})")
    return PublishedParts(
        published, WordVectors(words, others["word_vectors"]), _stats(others, weights), tagged
    )


def _stats(tensors: Mapping[str, Tensor], where: Path) -> FeatureStats:
    try:
        return FeatureStats(**{name: tensors[f"feature_{name}"].cpu().numpy() for name in ("mean", "std")})
    except DataError as error:
        raise ModelError(f"{where}: {error}") from None


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
