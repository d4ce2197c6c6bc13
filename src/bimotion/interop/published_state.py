"""The tensors of a published checkpoint under plain names, without wrappers.

Lightning and the like nest the state under `state_dict`, `model` or `model_state_dict`, sometimes twice; DataParallel,
torch.compile and trainers put `module.`, `_orig_mod.` or `model.` before every name; some publish safetensors instead.
"""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from torch import Tensor

from bimotion.errors import ModelError
from bimotion.interop.unpickle import CheckpointFile, StoredTensor
from bimotion.storage.tensor_files import read_tensor_header, read_tensors

WRAPPERS = ("state_dict", "model_state_dict", "model", "module", "net", "ema")
"""Entries under which checkpoints store the state; the first that exists is used."""

PREFIXES = ("module.", "_orig_mod.", "model.")
"""Prefixes that wrappers add to every name of a state."""

MAX_NESTING = 4
"""Deepest nesting of a state."""


class PublishedState:
    """The names of a checkpoint's tensors, and the tensors on demand.

    Raises:
        ModelError: the file is missing or broken, or contains no tensors.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._file: CheckpointFile | None = None
        self._tensors: dict[str, Tensor] | None = None
        if self._path.suffix == ".safetensors":
            stored: Mapping[str, StoredTensor | str] = {name: name for name in read_tensor_header(self._path)}
        else:
            self._file = CheckpointFile(self._path)
            try:
                stored = self._unwrapped(self._file.data)
            except BaseException:
                self._file.close()
                raise
        if not stored:
            raise ModelError(f"{self._path}: contains no tensors")
        self.names = without_prefixes(stored)
        """Plain name of each tensor -> how it is read."""

    def __enter__(self) -> "PublishedState":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def tensor(self, key: StoredTensor | str) -> Tensor:
        """The tensor that a value of `names` stands for, read now.

        Raises:
            ModelError: its data are incomplete.
        """
        if isinstance(key, StoredTensor):
            assert self._file is not None
            try:
                return self._file.tensor(key)
            except ModelError as error:
                name = next((name for name, stored in self.names.items() if stored == key), "")
                raise ModelError(f"{error} ({name})") from None
        if self._tensors is None:
            self._tensors = read_tensors(self._path)
        return self._tensors[key]

    def _unwrapped(self, data: object) -> dict[str, StoredTensor]:
        for _ in range(MAX_NESTING):
            inner = next((key for key in WRAPPERS if isinstance(data, dict) and key in data), None)
            if inner is None or not isinstance(data, dict) or not isinstance(data[inner], dict):
                break
            data = data[inner]
        if not isinstance(data, dict) or not data:
            raise ModelError(f"{self._path}: has no state_dict")
        for name, value in data.items():
            if type(name) is not str:
                raise ModelError(f"{self._path}: its state_dict has a key that is not a string")
            if not isinstance(value, StoredTensor):
                raise ModelError(f"{self._path}: the entry {name!r} of its state_dict is not a tensor")
        return dict(data)


def without_prefixes(
    stored: Mapping[str, StoredTensor | str],
) -> dict[str, StoredTensor | str]:
    """The names without prefixes that all of them share."""
    names = dict(stored)
    while prefix := next(
        (prefix for prefix in PREFIXES if all(name.startswith(prefix) for name in names)), None
    ):
        names = {name.removeprefix(prefix): key for name, key in names.items()}
    return names
