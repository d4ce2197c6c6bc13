"""Where results go: names of several outputs, and what may be overwritten."""

from pathlib import Path

from bimotion.api import check_writable
from bimotion.cli.usage import UsageError


def numbered(out: Path, count: int) -> list[Path]:
    """`out` itself for one result, else out-1, out-2, ... with the same suffix.

    Raises:
        UsageError: a numbered file exists; only a file that the user named is overwritten.
        MotionFileError: nothing can be written there.
    """
    check_writable(out)
    if count == 1:
        return [out]
    digits = len(str(count))
    paths = [out.with_stem(f"{out.stem}-{number:0{digits}d}") for number in range(1, count + 1)]
    for path in paths:
        if path.exists():
            raise UsageError(f"{path} exists already; move it away, or choose another --out")
    return paths
