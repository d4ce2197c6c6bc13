"""Paths of output files, which existing files may be overwritten, and what is printed about them."""

import json
from collections import Counter
from pathlib import Path

from bimotion.cli.terminal import say, say_lines
from bimotion.cli.usage import UsageError
from bimotion.jobs.names import slug
from bimotion.motion.clip import Clip
from bimotion.render.files import check_writable


def output_paths(out: Path, sentences: list[str], suffix: str = ".bvh") -> list[Path]:
    """Where the motion of each sentence goes.

    One motion goes to `out`; several, or one where `out` is a folder, to files named by their sentences beside `out`
    or in it: a-person-waves.bvh, or a-person-waves-1.bvh, a-person-waves-2.bvh where a sentence has several.
    `suffix` is for files in a folder.

    Raises:
        UsageError: such a file exists; only a file that the user named is overwritten.
        MotionFileError: nothing can be written there.
    """
    if len(sentences) == 1 and not out.is_dir():
        check_writable(out)
        return [out]
    first = out / f"motion{suffix}" if out.is_dir() else out
    check_writable(first)
    slugs = [slug(sentence) for sentence in sentences]
    totals, next_number = Counter(slugs), Counter[str]()
    paths = []
    for name in slugs:
        next_number[name] += 1
        width = len(str(totals[name]))
        number = f"-{next_number[name]:0{width}d}" if totals[name] > 1 else ""
        path = first.with_name(f"{name}{number}{first.suffix}")
        if path.exists():
            raise UsageError(f"{path} exists already; move it, or choose another --out")
        paths.append(path)
    return paths


def say_extended(path: Path, written: Clip, new_seconds: float, *, as_json: bool) -> None:
    """Print what was written of a motion of which `new_seconds` are generated: a line, or a JSON object."""
    if not as_json:
        say(f"{path}: {written.duration:.2f} s, of which {new_seconds:.2f} s are new")
        return
    row = {
        "file": str(path),
        "seconds": round(written.duration, 2),
        "new_seconds": round(new_seconds, 2),
        "frames": len(written),
        "fps": written.fps,
    }
    say_lines(json.dumps(row, indent=1))
