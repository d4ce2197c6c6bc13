"""TMR's files: a run's extracted weights or its checkpoint, and the statistics of its features."""

from pathlib import Path

import numpy as np
from torch import Tensor

from bimotion.errors import ModelError
from bimotion.evaluators.tmr import Tmr, TmrConfig
from bimotion.features.normalise import FeatureStats
from bimotion.interop.assets import read_statistics
from bimotion.interop.unpickle import CheckpointFile, StoredTensor
from bimotion.models.build import check_state

ENCODERS = ("text_encoder", "motion_encoder")
"""The networks that are read; the motion decoder is not."""

HEAD_WIDTH = 64
"""Width of an attention head in the published sizes, which no tensor's shape shows."""

_INNER = "seqTransEncoder."
"""Prefix of the transformer of an encoder in the files."""


def is_tmr(source: str | Path) -> bool:
    """Whether a folder or file holds TMR's encoders.

    Raises:
        ModelError: the file is not a checkpoint.
    """
    path = Path(source)
    if path.is_dir():
        return _weights(path) is not None
    with CheckpointFile(path) as file:
        data = file.data.get("state_dict", file.data) if isinstance(file.data, dict) else None
        return isinstance(data, dict) and all(f"{name}.tokens" in data for name in ENCODERS)


def read_tmr(source: str | Path, text_model: str | None = None) -> Tmr:
    """TMR's encoders, in eval mode; their sizes are read off the tensors.

    `source` is a run's folder, its `last_weights`, or a Lightning checkpoint; `text_model` the language model that it
    was trained with, the published one if not given.

    Raises:
        ModelError: a file is missing or broken, or a tensor is missing, superfluous or of another shape.
    """
    path = Path(source)
    state: dict[str, Tensor] = {}
    if path.is_dir():
        folder = _weights(path)
        if folder is None:
            raise ModelError(f"{path}: expected TMR's text_encoder.pt and motion_encoder.pt in it")
        for name in ENCODERS:
            with CheckpointFile(folder / f"{name}.pt") as file:
                state |= {f"{name}.{key}": file.tensor(stored) for key, stored in file.state().items()}
    else:
        with CheckpointFile(path) as file:
            for key, stored in file.state().items():
                if key.partition(".")[0] in ENCODERS:
                    state[key] = file.tensor(stored)
    state = {key.replace(f".{_INNER}", ".encoder."): value for key, value in state.items()}
    for name in [name for name in state if name.endswith("sequence_pos_encoding.pe")]:
        del state[name]
    network = Tmr(_config(state, str(path), text_model))
    check_state(network.state_dict(), state, str(path))
    network.load_state_dict(state)
    return network.eval()


def read_tmr_statistics(folder: str | Path) -> FeatureStats:
    """The mean and deviation by which TMR normalises: `mean.pt` and `std.pt`, or HumanML3D's names for them.

    Raises:
        ModelError: a file is missing or broken.
        DataError: they are not statistics of 263 features.
    """
    folder = Path(folder)
    if not (folder / "mean.pt").is_file():
        return read_statistics(folder)
    found: list[np.ndarray] = []
    for name in ("mean.pt", "std.pt"):
        with CheckpointFile(folder / name) as file:
            if not isinstance(file.data, StoredTensor):
                raise ModelError(f"{folder / name}: expected one tensor")
            found.append(file.tensor(file.data).float().numpy())
    return FeatureStats(mean=found[0], std=found[1])


def _weights(folder: Path) -> Path | None:
    for candidate in (folder, folder / "last_weights"):
        if all((candidate / f"{name}.pt").is_file() for name in ENCODERS):
            return candidate
    return None


def _config(state: dict[str, Tensor], where: str, text_model: str | None) -> TmrConfig:
    try:
        width, motion = state["motion_encoder.projection.weight"].shape
        sizes = TmrConfig(
            motion_features=motion,
            text_features=state["text_encoder.projection.weight"].shape[1],
            width=width,
            ff_width=state["motion_encoder.encoder.layers.0.linear1.weight"].shape[0],
            layers=len(
                {name.split(".")[3] for name in state if name.startswith("motion_encoder.encoder.layers.")}
            ),
            heads=max(1, width // HEAD_WIDTH),
            text_model=text_model or TmrConfig.text_model,
        )
    except (KeyError, IndexError, ValueError) as error:
        raise ModelError(f"{where}: not TMR: {error} is missing or of another shape") from None
    return sizes
