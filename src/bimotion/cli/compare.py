"""`bimotion compare`: which differences of two reports exceed their intervals."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from bimotion.cli.terminal import say_lines


@dataclass(frozen=True)
class Compare:
    """Put two reports of `bimotion evaluate` side by side and say which differences exceed the intervals.

    Reports of different protocols, evaluators or data are refused: their numbers mean different things.

    examples:
      bimotion compare report-small report-large
      bimotion compare report-small report-large --json
    """

    a: Annotated[Positional[Path], arg(metavar="A")]
    """A report's folder."""
    b: Annotated[Positional[Path], arg(metavar="B")]
    """Another report's folder."""
    json: bool = False
    """Print a list of objects instead of tables."""

    def run(self) -> None:
        """Compare and print."""
        from bimotion.evaluation.comparison import compare, comparison_tables, differences_to_json
        from bimotion.evaluation.report import read_report

        a, b = read_report(self.a), read_report(self.b)
        differences = compare(a, b)
        if self.json:
            import json

            say_lines(json.dumps(differences_to_json(differences), indent=1))
            return
        for table in comparison_tables(differences, a, b):
            say_lines(f"{table.heading}\n{table.aligned()}\n")
