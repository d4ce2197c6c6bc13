"""Limits that keep the source readable; ruff holds complexity, import-linter the layers."""

import ast
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src" / "bimotion"


def test_no_function_is_longer_than_60_lines_of_code() -> None:
    long = []
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef):
                documented = ast.get_docstring(node) is not None and len(node.body) > 1
                first = node.body[1 if documented else 0]
                if (node.end_lineno or 0) - first.lineno >= 60:
                    long.append(f"{path.relative_to(SOURCE)}: {node.name}")
    assert not long
