"""Jobs over a folder of recordings: captions, tags, conversion; and over a list of sentences: motions.

A recording is what `motion.formats.motion_files` finds; its key is its path below the folder, with slashes.
"""

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from bimotion.api import save_clip
from bimotion.errors import ConfigError, DataError
from bimotion.inference.arguments import check_number
from bimotion.jobs.names import slug
from bimotion.jobs.run import Job
from bimotion.jobs.work import (
    Captions,
    Conversions,
    Generate,
    LoadModel,
    Motions,
    Prompt,
    Read,
    Recording,
    Tags,
    Write,
)
from bimotion.motion.formats import motion_files
from bimotion.storage.texts import read_text

CAPTION_COLUMNS = ("file", "seconds", "caption")
TAG_COLUMNS = ("file", "seconds", "speed", "content", "side", "caption")
MOTION_COLUMNS = ("file", "text", "seed", "seconds")
CONVERT_COLUMNS = ("file", "out", "seconds")


def recordings(folder: Path) -> list[tuple[str, Recording]]:
    """The recordings of a folder with their keys.

    Raises:
        DataError: there is no such folder, or it holds none.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: expected a folder of recordings")
    found = [(path.relative_to(folder).as_posix(), path) for path in motion_files(folder)]
    if not found:
        raise DataError(f"{folder}: has no motion files")
    return [(name, Recording(name, path)) for name, path in found]


def caption_job(
    folder: Path,
    load: LoadModel,
    read: Read,
    *,
    sidecar: str | None = None,
    skip_described: bool = False,
    best: int | None = None,
) -> Job[Recording]:
    """Captions of a folder; with `sidecar` (.json, .vtt, .srt, .csv, .txt) timed ones beside each file as well.

    `skip_described` leaves out recordings that have their sidecar; `best` as in `motion_to_text`.
    """
    entries = recordings(folder)
    if skip_described and sidecar is not None:
        entries = [(name, entry) for name, entry in entries if not entry.path.with_suffix(sidecar).exists()]
    return Job(entries, Captions(load, read, sidecar, best))


def tag_job(folder: Path, load: LoadModel, read: Read) -> Job[Recording]:
    """Content, side, mean speed and length of the recordings of a folder, by caption and measurement."""
    return Job(recordings(folder), Tags(load, read))


def convert_job(
    folder: Path, out: Path, suffix: str, read: Read, write: Write, *, mirror: bool = False
) -> Job[Recording]:
    """Every recording of a folder in another format, under the same names in `out`."""
    entries = recordings(folder)
    names = [str(Path(name).with_suffix("")) for name, _ in entries]
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise DataError(
            f"{folder}: several recordings are called {twice[0]!r} but for the suffix; rename one"
        )
    return Job(entries, Conversions(out, suffix, read, write, mirror))


def read_prompts(path: Path, seed: int, suffix: str) -> list[tuple[str, Prompt]]:
    """Sentences of a text file (one a line) or of a CSV file with the column text and perhaps seconds and seed.

    Entry i has the seed `seed` + i where the file gives none, and the file name 000001-... by its number.

    Raises:
        ConfigError: the file is missing, has no sentences, or a value that is no number.
    """
    lines = read_text(path, ConfigError).splitlines()
    if path.suffix.lower() == ".csv":
        try:
            rows: list[Mapping[str, str | None]] = list(csv.DictReader(lines))
        except csv.Error as error:
            raise ConfigError(f"{path}: not a readable table ({error})") from None
        if rows and "text" not in rows[0]:
            raise ConfigError(f"{path}: expected a column called text")
    else:
        rows = [{"text": line} for line in lines if line.strip()]
    prompts = []
    for number, row in enumerate(rows):
        text, where = (row.get("text") or "").strip(), f"{path}: row {number + 1}"
        if not text:
            raise ConfigError(f"{where}: has no text")
        seconds = _number(row.get("seconds"), f"{where}: seconds", 0.05, 600)
        own = _number(row.get("seed"), f"{where}: seed", 0, 2**53)
        name = f"{number + 1:06d}-{slug(text)}{suffix}"
        prompts.append((name, Prompt(text, seconds, seed + number if own is None else int(own), name)))
    if not prompts:
        raise ConfigError(f"{path}: has no sentences")
    return prompts


def generate_job(
    prompts: Sequence[tuple[str, Prompt]],
    out: Path,
    load: LoadModel,
    generate: Generate,
    write: Write = save_clip,
) -> Job[Prompt]:
    """The motions of sentences, each in a file in `out`."""
    return Job(prompts, Motions(out, load, generate, write))


def _number(value: str | None, where: str, low: float, high: float) -> float | None:
    if value is None or not value.strip():
        return None
    try:
        return check_number(float(value), where, low, high)
    except ValueError:
        raise ConfigError(f"{where}: expected a number, got {value!r:.40}") from None
