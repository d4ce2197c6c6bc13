"""Mutated inputs for every reader: `python -m tests.fuzz.run --count 420`.

Each reader runs in a child process of at most 4 GB beyond what its modules take; an input that takes more than 10 s of
processor time (or two minutes of the clock), more memory, or kills the process is a fault, as is any exception that is
not ours. Results must be finite and sane. An input depends on nothing but the reader's name and its number:
`--only READER --first N --count 1` repeats it.
"""

import argparse
import json
import os
import random
import resource
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from bimotion.errors import BimotionError
from tests.fuzz import readers
from tests.fuzz.mutations import mutate
from tests.fuzz.readers import Reader, garbage
from tests.fuzz.small_readers import SMALL_READERS

READERS = readers.READERS | SMALL_READERS

MEMORY = 4 << 30
SECONDS = 10.0
"""Processor time: what else the machine does is no fault of a reader."""
PATIENCE = 120.0
"""Seconds of the clock without an answer after which a child is killed: it sleeps, or does not take its alarm."""


class OutOfTime(BaseException):
    """The alarm rang."""


def main() -> int:
    """Run, print the table and the faults; 1 if there are any."""
    options = argparse.ArgumentParser()
    options.add_argument("--count", type=int, default=420, help="inputs for each reader")
    options.add_argument("--first", type=int, default=0, help="number of the first input")
    options.add_argument("--only", choices=sorted(READERS), help="one reader")
    options.add_argument("--trace", action="store_true", help="print the traceback of each fault")
    chosen = options.parse_args()
    names = [chosen.only] if chosen.only else list(READERS)
    print("| reader | inputs | refused | read | faults | garbage | seconds |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    total: Counter[str] = Counter()
    for name in names:
        begin = time.monotonic()
        num = max(1, round(chosen.count * READERS[name].share))
        results = list(attack(name, range(chosen.first, chosen.first + num)))
        counts = Counter(result["outcome"] for result in results)
        total += counts
        row = (counts[key] for key in ("refused", "read", "fault", "garbage"))
        print(
            f"| {name} | {num} | {' | '.join(map(str, row))} | {time.monotonic() - begin:.1f} |", flush=True
        )
        for result in results:
            if result["outcome"] in ("fault", "garbage"):
                print("{reader} #{number}: {outcome}: {detail}".format(reader=name, **result), flush=True)
                if chosen.trace:
                    print(result.get("trace", ""), flush=True)
    sums = " | ".join(str(total[key]) for key in ("refused", "read", "fault", "garbage"))
    print(f"| all | {total.total()} | {sums} | |")
    return 1 if total["fault"] or total["garbage"] else 0


def attack(name: str, values: range) -> Iterator[dict[str, Any]]:
    """The outcome of each input; a child that dies is replaced, and its input is a fault."""
    with tempfile.TemporaryDirectory() as folder:
        seed = Path(folder) / "seed"
        seed.mkdir()
        READERS[name].make(seed)
        shutil.copytree(seed, seed.with_name("whole"))
        assert not garbage(READERS[name].read(seed.with_name("whole"))), "the unchanged files must be read"
        while values:
            for result in _child(READERS[name], name, seed, values):
                yield result
                values = values[1:]


def _child(reader: Reader, name: str, seed: Path, values: range) -> Iterator[dict[str, Any]]:
    read_end, write_end = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if not child:
        try:
            os.close(read_end)
            _work(reader, name, seed, values, write_end)
        finally:
            os._exit(1)  # never back into the parent's frames, which remove the folder
    os.close(write_end)
    buffer, number = b"", values.start
    try:
        while True:
            ready, _, _ = select.select([read_end], [], [], PATIENCE)
            chunk = os.read(read_end, 1 << 20) if ready else b""
            if not chunk:
                if number < values.stop:
                    why = "the process died" if ready else f"no answer within {PATIENCE:.0f} s"
                    yield {"number": number, "outcome": "fault", "detail": why}
                return
            buffer += chunk
            *lines, buffer = buffer.split(b"\n")
            for line in lines:
                number += 1
                yield json.loads(line)
    finally:
        os.close(read_end)
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _work(reader: Reader, name: str, seed: Path, values: range, out: int) -> NoReturn:
    status = Path("/proc/self/statm").read_text().split()
    limit = int(status[0]) * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    signal.signal(signal.SIGPROF, _alarm)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    warnings.simplefilter("error", RuntimeWarning)  # overflow and invalid operations are how garbage begins
    for number in values:
        try:
            result = _one(reader, name, seed, number)
        except Exception as error:  # a mutation that cannot be made is a defect of the fuzzer
            result = {"outcome": "fault", "detail": f"no input: {error!r}", "trace": traceback.format_exc()}
        os.write(out, json.dumps({"number": number, **result}).encode() + b"\n")
    os._exit(0)


def _one(reader: Reader, name: str, seed: Path, number: int) -> dict[str, str]:
    rng = random.Random(zlib.crc32(f"{name} {number}".encode()))
    folder = seed.with_name("input")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(seed, folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".md")
    files = [path for path in files if not reader.only or path.suffix[1:] in reader.only]
    target = rng.choice(files)
    if rng.random() < 0.02:
        target.unlink()
        if rng.random() < 0.5:
            target.mkdir()
    else:
        target.write_bytes(mutate(target.name, target.read_bytes(), rng))
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        wrong = garbage(reader.read(folder))
    except BimotionError as error:
        text = str(error)
        return {"outcome": "refused", "detail": text[:300]}
    except BaseException as error:  # whatever else comes is what this looks for
        trace = "".join(traceback.format_exception(error, limit=-8))
        return {
            "outcome": "fault",
            "detail": f"{type(error).__name__}: {str(error)[:200]}",
            "trace": trace[-3000:],
        }
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return {"outcome": "garbage" if wrong else "read", "detail": wrong}


def _alarm(number: int, frame: FrameType | None) -> NoReturn:
    raise OutOfTime(f"more than {SECONDS:.0f} s of processor time")


if __name__ == "__main__":
    sys.exit(main())
