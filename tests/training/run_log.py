import json
from pathlib import Path
from typing import Any


def read_log(folder: Path, kind: str | None = None) -> list[dict[str, Any]]:
    """The events of a run's log, in order; only those of one kind if it is named."""
    lines = (folder / "log.jsonl").read_text("utf-8").splitlines()
    return [event for event in map(json.loads, lines) if kind is None or event["kind"] == kind]
