"""Jobs over a folder of recordings: captions, tags, conversion; and over a list of sentences: motions.

A recording is what `motion.formats.motion_files` finds; its key is its path below the folder, with slashes.
"""

import csv
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bimotion.api import save_clip
from bimotion.captions.facts import measure_facts
from bimotion.captions.mentions import content_of, shown_side
from bimotion.errors import BimotionError, ConfigError, DataError
from bimotion.features.clips import clip_to_features, features_to_clip
from bimotion.inference.arguments import check_number
from bimotion.inference.model import MotionLanguageModel
from bimotion.inference.timed_text import TIMED_FORMATS
from bimotion.jobs.names import slug
from bimotion.jobs.run import Job, Row
from bimotion.motion.clip import Clip
from bimotion.motion.formats import motion_files
from bimotion.motion.quality import motion_quality
from bimotion.storage.atomic import atomic_path
from bimotion.storage.texts import read_text

CAPTION_COLUMNS = ("file", "seconds", "caption")
TAG_COLUMNS = ("file", "seconds", "speed", "content", "side", "caption")
MOTION_COLUMNS = ("file", "text", "seed", "seconds")
CONVERT_COLUMNS = ("file", "out", "seconds")

Read = Callable[[Path], Clip]
"""Reads a motion file."""


@dataclass(frozen=True)
class Recording:
    """A file of a folder."""

    name: str
    """Path below the folder, with slashes."""
    path: Path
    """The file."""


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
    model: MotionLanguageModel,
    read: Read,
    *,
    sidecar: str | None = None,
    skip_described: bool = False,
) -> Job[Recording]:
    """Captions of a folder; with `sidecar` (.json, .vtt, .srt, .csv, .txt) timed ones beside each file as well.

    `skip_described` leaves out recordings that have their sidecar.
    """
    entries = recordings(folder)
    if skip_described and sidecar is not None:
        entries = [(name, entry) for name, entry in entries if not entry.path.with_suffix(sidecar).exists()]

    def work(batch: Sequence[Recording]) -> Iterator[Row | BimotionError]:
        clips = [_attempt(read, recording.path) for recording in batch]
        captions = iter(model.motion_to_text([clip for clip in clips if isinstance(clip, Clip)]))
        for recording, clip in zip(batch, clips, strict=True):
            if isinstance(clip, BimotionError):
                yield clip
                continue
            caption = next(captions)
            if sidecar is not None:
                text = TIMED_FORMATS[sidecar](model.describe(clip))
                with atomic_path(recording.path.with_suffix(sidecar)) as target:
                    target.write_text(text, encoding="utf-8")
            yield {"file": recording.name, "seconds": round(clip.duration, 2), "caption": caption}

    return Job(entries, work)


def tag_job(folder: Path, model: MotionLanguageModel, read: Read) -> Job[Recording]:
    """Content, side, mean speed and length of the recordings of a folder, by caption and measurement."""

    def work(batch: Sequence[Recording]) -> Iterator[Row | BimotionError]:
        clips = [_attempt(read, recording.path) for recording in batch]
        captions = iter(model.motion_to_text([clip for clip in clips if isinstance(clip, Clip)]))
        for recording, clip in zip(batch, clips, strict=True):
            if isinstance(clip, BimotionError):
                yield clip
                continue
            caption = next(captions)
            joints = features_to_clip(clip_to_features(clip)).joints
            content = content_of(caption) or "other"
            yield {
                "file": recording.name,
                "seconds": round(clip.duration, 2),
                "speed": round(motion_quality(joints).speed, 3) if len(joints) > 3 else 0.0,
                "content": content,
                "side": shown_side(caption, content, measure_facts(joints)) if len(joints) > 3 else "none",
                "caption": caption,
            }

    return Job(recordings(folder), work)


def convert_job(
    folder: Path, out: Path, suffix: str, read: Read, write: Callable[[Clip, Path], object]
) -> Job[Recording]:
    """Every recording of a folder in another format, under the same names in `out`."""

    def work(batch: Sequence[Recording]) -> Iterator[Row | BimotionError]:
        for recording in batch:
            clip = _attempt(read, recording.path)
            if isinstance(clip, BimotionError):
                yield clip
                continue
            target = out / Path(recording.name).with_suffix(suffix)
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                write(clip, target)
            except BimotionError as error:
                yield error
                continue
            name = target.relative_to(out).as_posix()
            yield {"file": recording.name, "out": name, "seconds": round(clip.duration, 2)}

    entries = recordings(folder)
    names = [str(Path(name).with_suffix("")) for name, _ in entries]
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise DataError(
            f"{folder}: several recordings are called {twice[0]!r} but for the suffix; rename one"
        )
    return Job(entries, work)


@dataclass(frozen=True)
class Prompt:
    """A sentence of a list, with what it is generated by."""

    text: str
    """What the person does."""
    seconds: float | None
    """Length; None: from the sentence, else predicted."""
    seed: int
    """Seed of the motion."""
    file: str
    """Name of the file that is written."""


def read_prompts(path: Path, seed: int, suffix: str) -> list[tuple[str, Prompt]]:
    """Sentences of a text file (one a line) or of a CSV file with the column text and perhaps seconds and seed.

    Entry i has the seed `seed` + i where the file gives none, and the file name 000001-... by its number.

    Raises:
        ConfigError: the file is missing, has no sentences, or a value that is no number.
    """
    lines = read_text(path, ConfigError).splitlines()
    if path.suffix.lower() == ".csv":
        rows: list[Mapping[str, str | None]] = list(csv.DictReader(lines))
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
    generate: Callable[[Prompt], Clip],
    write: Callable[[Clip, Path], object] = save_clip,
) -> Job[Prompt]:
    """The motions of sentences, each in a file in `out`."""

    def work(batch: Sequence[Prompt]) -> Iterator[Row | BimotionError]:
        for prompt in batch:
            try:
                clip = generate(prompt)
                write(clip, out / prompt.file)
            except BimotionError as error:
                yield error
                continue
            yield {
                "file": prompt.file,
                "text": prompt.text,
                "seed": prompt.seed,
                "seconds": round(clip.duration, 2),
            }

    return Job(prompts, work)


def _attempt(read: Read, path: Path) -> Clip | BimotionError:
    try:
        return read(path)
    except BimotionError as error:
        return error


def _number(value: str | None, where: str, low: float, high: float) -> float | None:
    if value is None or not value.strip():
        return None
    try:
        return check_number(float(value), where, low, high)
    except ValueError:
        raise ConfigError(f"{where}: expected a number, got {value!r:.40}") from None
