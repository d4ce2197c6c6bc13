"""The published evaluator's files: checkpoint (`finest.tar`), word vectors (`our_vab_*`), tagged captions."""

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bimotion.errors import ModelError
from bimotion.evaluators.published import PublishedEvaluator, PublishedEvaluatorConfig
from bimotion.evaluators.word_vectors import WordVectors
from bimotion.interop.unpickle import CheckpointFile, StoredTensor
from bimotion.models.weights import check_state

PARTS = ("text_encoder", "movement_encoder", "motion_encoder")
"""The networks in the checkpoint; what else stands in it is not read."""

MAX_WORD_LIST_BYTES = 64 << 20


def read_published_evaluator(path: str | Path) -> PublishedEvaluator:
    """The evaluator of a published checkpoint, in eval mode; its sizes are read off the tensors.

    Raises:
        ModelError: the file is broken, or a tensor is missing, superfluous or of another shape.
    """
    state: dict[str, Tensor] = {}
    with CheckpointFile(path) as file:
        for part in PARTS:
            stored = file.data.get(part) if isinstance(file.data, dict) else None
            if not isinstance(stored, dict) or not all(isinstance(v, StoredTensor) for v in stored.values()):
                raise ModelError(f"{path}: no evaluator checkpoint: the network {part} is not in it")
            state |= {f"{part}.{name}": file.tensor(value) for name, value in stored.items()}
    network = PublishedEvaluator(_config(state, str(path)))
    check_state({name: value.shape for name, value in network.state_dict().items()}, state, str(path))
    network.load_state_dict(state)
    return network.eval()


def read_word_vectors(folder: str | Path, prefix: str = "our_vab") -> WordVectors:
    """The vocabulary in `PREFIX_data.npy` and `PREFIX_words.pkl`.

    Raises:
        ModelError: a file is missing or holds something else.
    """
    folder = Path(folder)
    try:
        vectors = np.load(folder / f"{prefix}_data.npy", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ModelError(f"{folder / f'{prefix}_data.npy'}: not an array of word vectors ({error})") from None
    path = folder / f"{prefix}_words.pkl"
    words = _plain_pickle(path)
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ModelError(f"{path}: expected a list of words")
    if vectors.ndim != 2:
        raise ModelError(f"{folder}: expected word vectors of shape (words, width), got {vectors.shape}")
    return WordVectors(words, torch.from_numpy(vectors.astype(np.float32)))


def read_tagged_captions(folder: str | Path) -> dict[str, list[str]]:
    """The tagged words of every caption in HumanML3D's folder `texts`: caption -> [`a/DET`, `person/NOUN`, ...].

    Raises:
        ModelError: there are none.
    """
    tagged: dict[str, list[str]] = {}
    for path in sorted(Path(folder).glob("*.txt")):
        for line in path.read_text("utf-8").splitlines():
            fields = line.strip().split("#")
            if len(fields) == 4:
                tagged.setdefault(fields[0].strip(), fields[1].split())
    if not tagged:
        raise ModelError(
            f"{folder}: expected HumanML3D's texts, files with lines caption#tagged words#start#end"
        )
    return tagged


def _config(state: dict[str, Tensor], where: str) -> PublishedEvaluatorConfig:
    """The sizes that the tensors tell."""
    try:
        return PublishedEvaluatorConfig(
            word_width=state["text_encoder.pos_emb.weight"].shape[0],
            word_classes=state["text_encoder.pos_emb.weight"].shape[1],
            text_width=state["text_encoder.input_emb.weight"].shape[0],
            movement_hidden=state["movement_encoder.main.0.weight"].shape[0],
            movement_width=state["movement_encoder.main.3.weight"].shape[0],
            motion_width=state["motion_encoder.input_emb.weight"].shape[0],
            width=state["motion_encoder.output_net.3.weight"].shape[0],
        )
    except (KeyError, IndexError) as error:
        raise ModelError(
            f"{where}: no evaluator checkpoint: {error} is missing or of another shape"
        ) from None


class _Plain(pickle.Unpickler):
    """Reads containers, strings and numbers; whatever asks for a class or a function is refused."""

    def find_class(self, module: str, name: str) -> Any:
        """Refuse."""
        raise ModelError(f"its pickle asks for {module}.{name}; a list of words needs nothing; refused")


def _plain_pickle(path: Path) -> object:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror})") from None
    if len(data) > MAX_WORD_LIST_BYTES:
        raise ModelError(f"{path}: {len(data)} bytes are no list of words")
    try:
        found: object = _Plain(io.BytesIO(data)).load()
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from None
    except Exception as error:  # a hostile pickle can make the reader fail in any way
        raise ModelError(f"{path}: cannot be followed ({type(error).__name__}: {error})") from None
    return found
