"""No reader opens a file of a user past the gates of `bimotion.storage`."""

import re
from collections import Counter
from pathlib import Path

import bimotion

SOURCES = Path(bimotion.__file__).parent

OPENS = re.compile(
    r"json\.loads?\(|np\.load\(|np\.fromfile|np\.memmap|loadtxt\(|genfromtxt\(|mmap\.mmap"
    r"|zipfile\.|tarfile\.|gzip\.(?:open|decompress)|lzma\.|bz2\."
    r"|safe_open|load_file\(|torch\.load\(|pickle\.(?:loads?\(|_?Unpickler)"
    r"|(?<!MotionTokenizer\.)(?<!def )from_file\(|\.from_pretrained\b"
    r"|(?<![\w.])(?<!def )open\(|(?:os|io|codecs|av|Image)\.open\("
    r"|(?<!stored)\.read_text\(|\.read_bytes\(|\.open\((?:\"r|\)|encoding)"
    r"|ElementTree|yaml\.|tomllib|configparser"
)

ALLOWED = {
    # files of the package itself, of the system, what a child process printed, or what the same object just wrote
    "benchmark/__main__.py": 1,
    "benchmark/machine.py": 2,
    "benchmark/run.py": 1,
    "captions/grammar.py": 2,
    "captions/instructions.py": 1,
    "captions/language.py": 1,
    "cli/terminal.py": 3,  # the null device
    "data/sources/cmu.py": 2,
    "evaluation/adherence/phrases.py": 2,
    "evaluation/adherence/prompts.py": 2,
    "evaluation/checkpoint.py": 1,  # the string that was just made
    "engines/on_ray.py": 3,  # what its own processes sent
    "server/on_ray.py": 3,  # the same
    "export/page.py": 2,
    "jobs/rows.py": 1,  # opened to cut off a part of a row, after it was read
    "models/tokenizer_cut.py": 1,  # a string that the tokenizer made
    "motion/body.py": 1,
    "render/body.py": 1,
    "render/page.py": 2,
    "render/video.py": 1,  # written, not read
    "study/findings.py": 1,
    "server/app.py": 1,  # the page's own files
    "server/worker.py": 2,  # /proc, and what it wrote itself
    "training/checkpoints.py": 1,  # a folder, to flush it
    "training/vocabulary.py": 1,
    "models/pretrained.py": 2,  # language models by transformers, whose weight files are read as tensors only
    "motion/formats/fbx.py": 2,  # what its child process wrote
    "motion/formats/fbx_child.py": 1,  # in a process with limits of memory and time
    # the gates' own readers behind them
    "portable/tensors.py": 2,  # without torch; the header is checked first
    "interop/pickles.py": 1,
    "motion/formats/number_lines.py": 2,  # lines that were read already
    "training/language/prompt_cache.py": 2,  # sizes are checked against the index first
}
"""Openings past the gates by file, each looked at once: a new one fails until it goes through a gate."""


def test_no_reader_opens_files_past_the_gates() -> None:
    found: dict[str, list[str]] = {}
    for path in SOURCES.rglob("*.py"):
        name = path.relative_to(SOURCES).as_posix()
        if name.startswith("storage/"):
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            code = line.partition("#")[0]
            if OPENS.search(code) and "python -c" not in code:
                found.setdefault(name, []).append(f"{name}:{number}: {line.strip()}")
    counts = Counter({name: len(lines) for name, lines in found.items()})
    unknown = [line for name, lines in found.items() if counts[name] != ALLOWED.get(name) for line in lines]
    assert not unknown, "\n".join(unknown)
    assert set(ALLOWED) == set(counts)
