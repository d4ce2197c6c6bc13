"""Finished steps of a long evaluation on disk, so that an interrupted one continues."""

import hashlib
import json
import logging
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bimotion.errors import DataError
from bimotion.storage.atomic import atomic_path
from bimotion.storage.json_files import read_json_object
from bimotion.storage.texts import read_text

logger = logging.getLogger(__name__)

FOLDER = "unfinished"
"""Folder in a report's folder that holds finished steps until the report is written."""

KEY_FILE = "key.txt"


class Checkpoint:
    """Results of finished steps by name; steps of another evaluation in the same folder are discarded."""

    def __init__(self, report: Path | None, about: Mapping[str, Any]) -> None:
        """Open the steps in a report's folder, or none (every step is computed); `about` identifies the evaluation."""
        self.folder = None if report is None else report / FOLDER
        if self.folder is None:
            return
        self._key = hashlib.sha256(json.dumps(about, sort_keys=True, default=str).encode()).hexdigest()
        if self._stored_key() != self._key:
            self.discard()

    def has(self, name: str) -> bool:
        """Whether the result of a step is stored."""
        return self._read(name) is not None

    def step(self, name: str, compute: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """The stored result of a step, or the computed one, which is stored; both as JSON reads them back."""
        stored = self._read(name)
        if stored is not None:
            return stored
        text = json.dumps(compute())
        if self.folder is not None:
            if not self.folder.is_dir():
                self.folder.mkdir(parents=True)
                _write(self.folder / KEY_FILE, self._key)
            _write(self.folder / f"{name}.json", text)
        return dict(json.loads(text))

    def _read(self, name: str) -> dict[str, Any] | None:
        path = None if self.folder is None else self.folder / f"{name}.json"
        if path is None or not path.is_file():
            return None
        try:
            return read_json_object(path)
        except DataError as error:
            logger.warning("%s; computed again", error)
            return None

    def _stored_key(self) -> str | None:
        """What identifies the stored steps; None where nothing does."""
        path = None if self.folder is None else self.folder / KEY_FILE
        if path is None or not path.is_file():
            return None
        try:
            return read_text(path, max_bytes=1024)
        except DataError:
            return None

    def finished(self) -> int:
        """Number of stored steps."""
        return 0 if self.folder is None else len(list(self.folder.glob("*.json")))

    def discard(self) -> None:
        """Remove all stored steps: the report is written, or they belong to another evaluation."""
        if self.folder is not None and self.folder.is_dir():
            shutil.rmtree(self.folder)


def _write(path: Path, text: str) -> None:
    """Write a step.

    Raises:
        DataError: something else has its name, or the disk is full.
    """
    try:
        with atomic_path(path) as target:
            target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror or error}") from None
