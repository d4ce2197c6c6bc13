"""No reader opens a file of a user past the gates of `bimotion.storage`."""

import re
from pathlib import Path

import bimotion

SOURCES = Path(bimotion.__file__).parent

OPENS = re.compile(
    r"json\.loads?\(|np\.load\(|zipfile\.|safe_open|load_file\(|torch\.load\(|np\.fromfile"
    r"|(?<![\w.])(?<!def )open\(|(?<!stored)\.read_text\(|\.read_bytes\("
    r"|\.open\((?:\"rb\"|\)|encoding)|pickle\.loads?\("
)

OWN_FILES = {
    # files of the package itself, of the system, or that the same process wrote
    *("benchmark/__main__.py", "benchmark/machine.py", "benchmark/run.py", "captions/grammar.py"),
    *(
        "captions/instructions.py",
        "captions/language.py",
        "evaluation/checkpoint.py",
        "data/paraphrases.py",
        "data/sources/cmu.py",
    ),
    *("models/kernels/__init__.py", "render/body.py", "render/page.py", "motion/body.py", "cli/terminal.py"),
    *("evaluation/adherence/phrases.py", "evaluation/adherence/prompts.py", "models/tokenizer_cut.py"),
    *("training/vocabulary.py", "training/language/prompt_cache.py"),
    *("storage/fingerprint.py", "search/index.py", "api.py"),  # hash bytes, whatever they are
}


def test_no_reader_opens_files_past_the_gates() -> None:
    found = {
        f"{path.relative_to(SOURCES).as_posix()}:{number}: {line.strip()}"
        for path in SOURCES.rglob("*.py")
        if "storage" not in path.relative_to(SOURCES).parts[:1]
        and path.relative_to(SOURCES).as_posix() not in OWN_FILES
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if OPENS.search(line.partition("#")[0]) and "resources" not in line and "python -c" not in line
    }
    assert found == set()
