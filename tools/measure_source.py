"""Size of the source: lines of code by folder, length of files and functions, complexity.

    python -m tools.measure_source [FOLDER]

Lines of code are lines that are not blank, comments or docstrings.
"""

import ast
import subprocess
import sys
from collections import Counter
from pathlib import Path


def lines_of_code(text: str) -> int:
    """Lines that are not blank, comments or docstrings (or other string statements)."""
    strings: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            strings.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    lines = enumerate(text.splitlines(), 1)
    return sum(
        bool(line.strip()) and not line.strip().startswith("#") and number not in strings
        for number, line in lines
    )


def main(root: Path) -> None:
    """Print the measures of the package below `root`."""
    source = root / "src" / "bimotion"
    folders: Counter[str] = Counter()
    files, functions = [], []
    for path in source.rglob("*.py"):
        text = path.read_text("utf-8")
        folders[path.relative_to(source).parts[0] if path.parent != source else "."] += lines_of_code(text)
        files.append(len(text.splitlines()))
        functions += [
            (node.end_lineno or 0) - node.lineno + 1
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.FunctionDef)
        ]
    files.sort()
    for name, count in sorted(folders.items()):
        print(f"{name:12} {count:6}")
    print(f"{'total':12} {folders.total():6} lines of code in {len(files)} files")
    print(
        f"lines of a file: median {files[len(files) // 2]}, p90 {files[len(files) * 9 // 10]}, most {files[-1]}"
    )
    print(
        f"functions of more than 60 lines, signature and docstring included: {sum(n > 60 for n in functions)}"
    )
    command = ["ruff", "check", str(source), "--select", "C901", "--config", "lint.mccabe.max-complexity=10"]
    found = subprocess.run(
        [sys.executable, "-m", *command, "--output-format", "concise"],
        capture_output=True,
        text=True,
        check=False,
    )
    print(f"functions of a cyclomatic complexity above 10: {found.stdout.count('C901')}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path())
