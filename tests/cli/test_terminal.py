"""What reaches a terminal: no control characters, no tracebacks, whatever the streams are."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import bimotion
from bimotion.cli.main import exit_code
from bimotion.cli.terminal import printable, say, say_lines
from bimotion.motion.clip import Clip
from bimotion.motion.formats import write_motion

HOSTILE = "\x1b]0;owned\x07\x1b[31mred\r\n\u202etxt.exe\x9b2J\u2028"


def in_shell(command: str, **env: str) -> "subprocess.CompletedProcess[bytes]":
    command = command.replace("bimotion", f"{sys.executable} -m bimotion", 1)
    return subprocess.run(
        ["bash", "-c", command], capture_output=True, env={**os.environ, **env}, check=False, timeout=120
    )


def test_printable_text_is_one_line_without_controls() -> None:
    assert printable(HOSTILE).isprintable()
    assert printable("a\tb\x7f\udcff") == "a\\tb\\x7f\\udcff"
    assert printable("日本語 é 👋🏽") == "日本語 é 👋🏽"


def test_lines_keep_their_breaks_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    say(HOSTILE)
    say_lines("a\nb\x1b")
    first, *rest = capsys.readouterr().out.splitlines()
    assert first == printable(HOSTILE)
    assert rest == ["a", "b\\x1b"]


def test_names_in_files_and_of_files_are_escaped(
    walk: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_motion(walk, "x.bvh")
    text = Path("x.bvh").read_text()
    Path("x.bvh").write_text(text.replace("left_wrist", "left_wrist\x1b]0;title\x07\x1b[2J"))
    Path("a\x1b[2J\nb.bvh").write_text("HIERARCHY\n")
    for args in (
        ["info", "x.bvh"],
        ["info", "a\x1b[2J\nb.bvh"],
        ["caption", "a\x1b[2J\nb.bvh", "no\x9bfile"],
    ):
        exit_code(args)
        output = capsys.readouterr()
        assert all(line.isprintable() for line in (output.out + output.err).splitlines())


@pytest.mark.parametrize("redirect", [">&-", "2>&-", ">&- 2>&- <&-", "> /dev/full"])
def test_closed_and_full_streams_are_no_traceback(redirect: str) -> None:
    done = in_shell(f"bimotion --help {redirect}")
    assert b"Traceback" not in done.stderr
    assert b"Exception" not in done.stderr
    assert done.returncode == (2 if "full" in redirect else 0)
    assert len(done.stderr.splitlines()) == ("full" in redirect)


def test_an_output_file_is_never_opened_as_a_closed_stream(tmp_path: Path, walk: Clip) -> None:
    source, out = tmp_path / "walk.npy", tmp_path / "out.npy"
    bimotion.save_clip(walk, source)
    done = in_shell(f"bimotion convert {source} {out} --unit m >&- 2>&- <&-")
    assert done.returncode == 0
    assert len(bimotion.read_clip(out)) == len(walk)


def test_an_ascii_terminal_and_a_name_that_is_not_unicode(tmp_path: Path) -> None:
    env = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = in_shell(f"cd {tmp_path}; bimotion info $'caf\\xe9.bvh'", **env)
    assert done.returncode == 2
    assert done.stderr == b"bimotion: caf\\udce9.bvh: there is no such file or model folder\n"
    assert in_shell("bimotion generate --help", **env).returncode == 0


@pytest.mark.parametrize("columns", ["1", "0", "-5", "99999999", "many"])
def test_help_is_printed_at_any_width(columns: str) -> None:
    began = time.monotonic()
    done = in_shell("bimotion generate --help", COLUMNS=columns)
    assert done.returncode == 0
    assert b"--seconds" in done.stdout
    assert max(map(len, done.stdout.splitlines())) < 2000
    assert time.monotonic() - began < 60


@pytest.mark.parametrize(
    ("number", "code", "word"), [(signal.SIGINT, 130, b"interrupted"), (signal.SIGTERM, 143, b"terminated")]
)
def test_a_signal_ends_the_work_in_one_line(
    tmp_path: Path, number: signal.Signals, code: int, word: bytes
) -> None:
    script = (
        "import signal, sys, time\n"
        "import bimotion.cli.main as main\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell's background jobs ignore it
        "def work(args):\n"
        "    from bimotion.storage.atomic import atomic_path\n"
        "    with atomic_path(args[0]):\n"
        "        print('working', flush=True)\n"
        "        time.sleep(60)\n"
        "main.run = work\n"
        "main.main(sys.argv[1:])\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "out.bvh")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"working\n"
        process.send_signal(number)
        assert process.stderr.read() == b"bimotion: " + word + b"\n"
        assert process.wait(60) == code
    assert not list(tmp_path.iterdir())
