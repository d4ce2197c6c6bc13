"""Logs of a run: JSON lines, TensorBoard, and a progress bar on a terminal."""

import json
import logging
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from bimotion.errors import DataError
from bimotion.storage.atomic import atomic_path
from bimotion.storage.json_files import parse_json, read_json_lines
from bimotion.storage.texts import read_text, text_lines

if TYPE_CHECKING:
    import rich.progress
    from torch.utils.tensorboard import SummaryWriter

logger = logging.getLogger(__name__)


class RunLog:
    """`log.jsonl` of a run folder: one line per event with step and kind; also written to TensorBoard.

    A run that resumes at step s first drops the lines beyond s: the log equals that of an uninterrupted run.
    """

    def __init__(self, folder: Path, *, step: int, tensorboard: bool) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "log.jsonl"
        if self.path.exists():
            _cut(self.path, step)
        self.file = self.path.open("a", encoding="utf-8")
        self.board = _open_board(folder / "tensorboard", step) if tensorboard else None

    def write(self, step: int, kind: str, values: Mapping[str, float | str]) -> None:
        """Add one line; values also become TensorBoard scalars `kind/name`."""
        line = {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in values.items()
        }
        self.file.write(json.dumps({"step": step, "kind": kind, **line}) + "\n")
        self.file.flush()
        if self.board is not None:
            for name, value in values.items():
                if isinstance(value, (int, float)) and math.isfinite(value):
                    self.board.add_scalar(f"{kind}/{name}", value, step)

    def close(self) -> None:
        """Close the files."""
        self.file.close()
        if self.board is not None:
            self.board.close()


def read_log(folder: Path, kind: str | None = None) -> list[dict[str, object]]:
    """The events of a run folder's log, in order; only those of one kind if it is named.

    Raises:
        DataError: there is no log, or a line is no event.
    """
    events = [_event(value, where) for where, value in read_json_lines(folder / "log.jsonl")]
    return [event for event in events if kind is None or event["kind"] == kind]


def _event(value: Any, where: str) -> dict[str, object]:
    """A line of the log.

    Raises:
        DataError: it is no event.
    """
    if (
        not isinstance(value, dict)
        or type(value.get("step")) is not int
        or type(value.get("kind")) is not str
    ):
        raise DataError(f"{where}: expected an event with step and kind")
    return value


def _cut(path: Path, step: int) -> None:
    """Drop the lines beyond `step`, and a last line that a killed run left half-written."""
    kept = []
    for line in text_lines(read_text(path)):
        try:
            event = _event(parse_json(line, path), str(path))
        except DataError:
            continue
        if event["step"] <= step:  # type: ignore[operator]
            kept.append(line + "\n")
    with atomic_path(path) as partial:
        partial.write_text("".join(kept), encoding="utf-8")


def _open_board(folder: Path, step: int) -> "SummaryWriter | None":
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        logger.info("no TensorBoard logs: tensorboard is not installed (pip install 'bimotion[train]')")
        return None
    return SummaryWriter(str(folder), purge_step=step + 1)


class StepProgress:
    """A progress bar over the steps if standard error is a terminal."""

    def __init__(self, name: str, *, step: int, steps: int, show: bool) -> None:
        self.bar: rich.progress.Progress | None = None
        if show and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            self.bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.fields[values]}"),
                console=Console(stderr=True),
            )
            self.task = self.bar.add_task(name, total=steps, completed=step, values="")

    def __enter__(self) -> "StepProgress":
        if self.bar is not None:
            self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bar is not None:
            self.bar.stop()

    def update(self, step: int, values: Mapping[str, float]) -> None:
        """Show the progress and the latest values."""
        if self.bar is not None:
            text = "  ".join(f"{name} {value:.4g}" for name, value in values.items())
            self.bar.update(self.task, completed=step, values=text)
