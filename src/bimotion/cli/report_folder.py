"""The folder of an evaluation report: what it may hold before, how it is written, and what is printed of it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bimotion.cli.terminal import say, say_lines

if TYPE_CHECKING:
    from bimotion.evaluation.evaluation import Evaluation


def check_report_folder(out: Path) -> None:
    """Refuse a folder that the report cannot be written to, before anything is computed.

    Raises:
        UsageError: it is a file, or contains files that no report has.
    """
    from bimotion.cli.usage import UsageError
    from bimotion.evaluation.checkpoint import FOLDER
    from bimotion.storage.locks import LOCK_FILE

    own_files = {"results.json", "report.md", "report.html", FOLDER, LOCK_FILE}
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out}: is a file; --out must be a folder")
    if out.is_dir() and (others := sorted(path.name for path in out.iterdir() if path.name not in own_files)):
        raise UsageError(f"{out}: contains other files ({', '.join(others[:3])}); choose another --out")


def write_and_show(
    result: "Evaluation", about: dict[str, Any], name: str, out: Path, *, as_json: bool
) -> None:
    """Write the report and print its tables, or its scores as JSON."""
    from bimotion.evaluation.report import PAGE_FILE, score_tables, write_report
    from bimotion.evaluation.scores import scores_to_json

    write_report(result, name, about, out)
    if as_json:
        say_lines(json.dumps({"name": name, "scores": scores_to_json(result.scores)}, indent=1))
        return
    for table in score_tables(result.scores, name):
        say_lines(f"{table.heading}\n{table.aligned()}\n")
    for line in result.notes:
        say(f"note: {line}")
    say(f"report: {out / PAGE_FILE}")


def folder_name(folder: Path) -> str:
    """The name of a model or evaluator folder; that of the run for the `model` folder in a run."""
    folder = folder.resolve()
    return folder.parent.name if folder.name == "model" else folder.name
