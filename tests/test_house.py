"""Limits that keep the source readable; ruff holds complexity, import-linter the layers."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import bimotion

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "bimotion"
FOLDERS = ("src", "tests", "benchmarks", "examples", "research", "tools")

HOUSE_WORDS = {
    "alike": "similar, same_meaning",
    "asked": "requested, target, prompt",
    "made": "generated, result",
    "meant": "target",
    "numbers": "values, dim",
    "ours": "what it is: generated, actual, expected",
    "place": "position, index, offset",
    "placed": "positioned, decoded",
    "places": "positions, offsets",
    "said": "output, caption, prediction",
    "says": "predicted, pattern, message",
    "tells": "predicts",
    "theirs": "what it is: reference, recorded, published",
    "told": "prediction",
    "wanted": "target, expected",
}
"""Words that only insiders understand as names, and what the field says instead."""

EXCEPTIONS = {
    "in_place": "the field's word for a motion without root translation",
    "keep_places": "the old name of `fixed_end`, accepted for one release",
    "alike_words": "a setting that is stored in the folders of evaluator runs",
}


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


def test_names_are_the_fields_words() -> None:
    found = {
        f"{path.relative_to(ROOT)}: {name}"
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*.py")
        for name in defined_names(path.read_text("utf-8"))
        if name not in EXCEPTIONS and HOUSE_WORDS.keys() & words(name)
    }
    assert not found


def test_house_words_are_found_in_every_kind_of_name() -> None:
    code = "class Told:\n    def says(self, wanted, *, made):\n        self.place = [ours for ours in made]\n"
    names = {name for name in defined_names(code) if HOUSE_WORDS.keys() & words(name)}
    assert names == {"Told", "says", "wanted", "made", "place", "ours"}


def defined_names(code: str) -> Iterator[str]:
    """Names of variables, attributes, arguments, functions and classes; those of tests are sentences."""
    for node in ast.walk(ast.parse(code)):
        match node:
            case (
                ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()) | ast.arg(name)
            ):
                yield name
            case ast.FunctionDef(name) | ast.ClassDef(name) if not name.startswith("test_"):
                yield name


def words(name: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


def test_the_version_stands_in_one_place_and_the_others_agree() -> None:
    citation = re.search(r"^version: (.*)$", (ROOT / "CITATION.cff").read_text("utf-8"), re.MULTILINE)
    released = re.search(r"^## (\d[\d.]*) - ", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert citation is not None
    assert released is not None
    assert citation[1] == released[1] == bimotion.__version__
