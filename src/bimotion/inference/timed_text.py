"""Timed captions as text: SRT, WebVTT, CSV and JSON."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict

from bimotion.inference.timeline import TimedPhrase


def to_srt(phrases: Sequence[TimedPhrase]) -> str:
    """SubRip subtitles."""
    return "\n".join(
        f"{number}\n{_clock(phrase.start, ',')} --> {_clock(phrase.end, ',')}\n{phrase.text}\n"
        for number, phrase in enumerate(phrases, 1)
    )


def to_vtt(phrases: Sequence[TimedPhrase]) -> str:
    """WebVTT subtitles; `&`, `<` and `>` are escaped."""
    blocks = [
        f"{_clock(phrase.start, '.')} --> {_clock(phrase.end, '.')}\n{_escaped(phrase.text)}\n"
        for phrase in phrases
    ]
    return "\n".join(["WEBVTT\n", *blocks])


def to_csv(phrases: Sequence[TimedPhrase]) -> str:
    """Rows of start, end (seconds) and text, with a heading."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("start", "end", "text"))
    writer.writerows((f"{phrase.start:.2f}", f"{phrase.end:.2f}", phrase.text) for phrase in phrases)
    return file.getvalue()


def to_json(phrases: Sequence[TimedPhrase]) -> str:
    """A list of {"text", "start", "end"}."""
    return f"{json.dumps([asdict(phrase) for phrase in phrases], indent=1)}\n"


def to_timeline(phrases: Sequence[TimedPhrase]) -> str:
    """A timeline file: `text # start # end` a line, as `compose` reads."""
    return "".join(
        f"{phrase.text.replace('#', ' ')} # {phrase.start:.2f} # {phrase.end:.2f}\n" for phrase in phrases
    )


TIMED_FORMATS: dict[str, Callable[[Sequence[TimedPhrase]], str]] = {
    ".json": to_json,
    ".csv": to_csv,
    ".srt": to_srt,
    ".vtt": to_vtt,
    ".txt": to_timeline,
}
"""Writers of timed captions by suffix."""


def _clock(seconds: float, point: str) -> str:
    """Hours, minutes, seconds and milliseconds."""
    total = round(seconds * 1000)
    hours, rest = divmod(total, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    return f"{hours:02d}:{minutes:02d}:{rest // 1000:02d}{point}{rest % 1000:03d}"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
