"""The published evaluator's files: checkpoint (`finest.tar`), word vectors (`our_vab_*`), tagged captions."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from bimotion.errors import ModelError
from bimotion.evaluators.published import PublishedEvaluator, PublishedEvaluatorConfig
from bimotion.evaluators.word_vectors import WordVectors
from bimotion.interop.pickles import read_plain_pickle
from bimotion.interop.unpickle import CheckpointFile, StoredTensor
from bimotion.models.build import check_state
from bimotion.storage.arrays import read_array
from bimotion.storage.files import read_bytes
from bimotion.storage.texts import read_text, text_lines

PARTS = ("text_encoder", "movement_encoder", "motion_encoder")
"""The networks in the checkpoint; other entries are not read."""

MAX_WORD_LIST_BYTES = 64 << 20
"""Largest pickled list of words that is read."""

MAX_CAPTIONS_BYTES = 16 << 20
"""Largest file of captions that is read."""


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
                raise ModelError(f"{path}: not an evaluator checkpoint: the network {part} is missing")
            state |= {f"{part}.{name}": file.tensor(value) for name, value in stored.items()}
    network = PublishedEvaluator(_config(state, str(path)))
    check_state(network.state_dict(), state, str(path))
    network.load_state_dict(state)
    return network.eval()


def read_word_vectors(folder: str | Path, prefix: str = "our_vab") -> WordVectors:
    """The vocabulary in `PREFIX_data.npy` and `PREFIX_words.pkl`.

    Raises:
        ModelError: a file is missing or holds something else.
    """
    folder = Path(folder)
    vectors = read_array(folder / f"{prefix}_data.npy", ModelError, kinds="f")
    path = folder / f"{prefix}_words.pkl"
    words = read_plain_pickle(read_bytes(path, ModelError, max_bytes=MAX_WORD_LIST_BYTES), str(path))
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ModelError(f"{path}: expected a list of words")
    if vectors.ndim != 2:
        raise ModelError(f"{folder}: expected word vectors of shape (words, width), got {vectors.shape}")
    with np.errstate(over="ignore"):
        single = vectors.astype(np.float32)
    if not np.isfinite(single).all():
        raise ModelError(f"{folder}: a value of {prefix}_data.npy exceeds the range of float32")
    return WordVectors(words, torch.from_numpy(single))


def read_tagged_captions(folder: str | Path) -> dict[str, list[str]]:
    """The tagged words of every caption in HumanML3D's folder `texts`: caption -> [`a/DET`, `person/NOUN`, ...].

    Raises:
        ModelError: there are none.
    """
    tagged: dict[str, list[str]] = {}
    for path in sorted(Path(folder).glob("*.txt")):
        for line in text_lines(read_text(path, ModelError, max_bytes=MAX_CAPTIONS_BYTES)):
            fields = line.strip().split("#")
            if len(fields) == 4:
                tagged.setdefault(fields[0].strip(), fields[1].split())
    if not tagged:
        raise ModelError(
            f"{folder}: expected HumanML3D's texts, files with lines caption#tagged words#start#end"
        )
    return tagged


def _config(state: dict[str, Tensor], where: str) -> PublishedEvaluatorConfig:
    """The configuration, from the shapes of the tensors."""
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
            f"{where}: not an evaluator checkpoint: {error} is missing or of another shape"
        ) from None
