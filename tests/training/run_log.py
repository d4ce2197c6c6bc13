import json
from pathlib import Path
from typing import Any


def read_log(folder: Path, kind: str) -> list[dict[str, Any]]:
    """The events of one kind in a run's log, in order."""
    lines = (folder / "log.jsonl").read_text("utf-8").splitlines()
    return [event for event in map(json.loads, lines) if event["kind"] == kind]
