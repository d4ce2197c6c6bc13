"""docs/testing.md names tests that exist, all tests that need recordings, and all that may skip."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
TESTS = ROOT / "tests"
SKIPS = re.compile(r"pytest\.(skip|importorskip|mark\.skipif)\(")


def document() -> str:
    return (ROOT / "docs" / "testing.md").read_text("utf-8")


def test_every_test_that_is_named_exists() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", document())
    assert len(named) > 40
    missing = [
        f"{file}::{test}"
        for file, test in named
        if not (ROOT / file).is_file() or (test and f"def {test}(" not in (ROOT / file).read_text("utf-8"))
    ]
    assert missing == []


@cache
def functions(path: Path) -> dict[str, set[str]]:
    """Arguments of all functions of a file, by name: for tests and fixtures, the fixtures that they use."""
    if not path.is_file():
        return {}
    found = ast.walk(ast.parse(path.read_text("utf-8")))
    return {
        node.name: {argument.arg for argument in node.args.args}
        for node in found
        if isinstance(node, ast.FunctionDef)
    }


def needs_recordings(name: str, path: Path) -> bool:
    """Whether a test or fixture uses the fixture `shared`, itself or through others."""
    folders = [folder for folder in path.parents if folder.is_relative_to(TESTS)]
    known: dict[str, set[str]] = {}
    for file in (*(folder / "conftest.py" for folder in reversed(folders)), path):
        known |= functions(file)
    reached, waiting = set(), {name}
    while waiting:
        reached |= waiting
        waiting = set().union(*(known.get(each, set()) for each in waiting)) - reached
    return "shared" in reached


def test_all_tests_that_need_recordings_are_listed() -> None:
    listed = dict(re.findall(r"^\| `(tests/[\w/]+\.py)` \| (\d+) \|", document(), re.MULTILINE))
    counts: dict[str, str] = {}
    for path in sorted(TESTS.rglob("test_*.py")):
        number = sum(name.startswith("test_") and needs_recordings(name, path) for name in functions(path))
        if number:
            counts[path.relative_to(ROOT).as_posix()] = str(number)
    assert listed == counts


def test_all_files_whose_tests_may_skip_are_listed() -> None:
    rows = [line for line in document().splitlines() if line.startswith("| `tests/")]
    table = "\n".join(row for row in rows if "::" not in row)
    listed = set(re.findall(r"`(tests/[\w/]+\.py)`", table)) - set(
        re.findall(r"^\| `(tests/[\w/]+\.py)` \| \d", document(), re.MULTILINE)
    )
    skipping = {
        path.relative_to(ROOT).as_posix()
        for path in TESTS.rglob("*.py")
        if SKIPS.search(path.read_text("utf-8")) and path != Path(__file__)
    }
    assert not skipping - listed, 'list them under "What stays outside the repository" in docs/testing.md'
    assert not listed - skipping
