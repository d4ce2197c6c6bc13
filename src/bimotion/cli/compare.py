"""`bimotion compare`: statistically significant differences between two reports."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from bimotion.cli.options import Flag
from bimotion.cli.terminal import say_lines


@dataclass(frozen=True)
class Compare:
    """Show statistically significant differences between two reports of `bimotion evaluate`.

    Reports of different protocols, evaluators or data are refused: their scores are not comparable.

    examples:
      bimotion compare report-small report-large
      bimotion compare report-small report-large --json
    """

    a: Annotated[Positional[Path], arg(metavar="A")]
    """Folder of a report."""
    b: Annotated[Positional[Path], arg(metavar="B")]
    """Folder of another report."""
    json: Flag = False
    """Print a JSON list instead of tables."""

    def run(self) -> None:
        """Compare and print the differences."""
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
