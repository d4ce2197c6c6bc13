"""Signals outside the training loop, killed runs, and folders that a killed process was replacing."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bimotion.storage.locks import LOCK_FILE
from bimotion.training.checkpoints import list_checkpoints
from bimotion.training.folders import replaced_folder
from bimotion.training.logs import read_log

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")

COMMAND_LINE = "from bimotion.cli.main import main; main(['train', *sys.argv[1:]])"
MODULE = "from bimotion.training.command import main; sys.exit(main(sys.argv[1:]))"

BEFORE_THE_LOOP = """
import bimotion.training.run as run
def strike(*args, **options):
    os.kill(os.getpid(), signal.{name})
    time.sleep(60)
run.check_splits = strike
"""
AT_STEP_2 = """
from bimotion.training.loop import _Run
write = _Run._write
def strike(self, kind, values):
    write(self, kind, values)
    if self.step == 2:
        os.kill(os.getpid(), signal.{name})
_Run._write = strike
"""


def train_vae(
    data: Path, out: Path, *more: str, before: str = "", entry: str = MODULE
) -> subprocess.CompletedProcess[str]:
    """A few steps of the VAE in a process of its own, which runs some code first."""
    code = "import os, signal, sys, time\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
    code += f"{before}\n{entry}"  # a shell's background jobs, such as tests in one, ignore SIGINT
    options = "--preset micro --steps 4 --batch-size 4 --checkpoint-every 1 --log-every 1 --no-tensorboard"
    options += " --no-progress --sample-every 0 --device cpu --precision fp32"
    return subprocess.run(
        [sys.executable, "-c", code, "vae", "--data", str(data), "--out", str(out), *options.split(), *more],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


@pytest.mark.parametrize(
    ("entry", "name", "code", "message"),
    [
        (COMMAND_LINE, "SIGTERM", 143, "bimotion: terminated\n"),
        (MODULE, "SIGTERM", 143, ""),
        (MODULE, "SIGINT", 130, "bimotion: interrupted\n"),
    ],
)
def test_a_signal_before_the_first_step_ends_without_a_traceback_or_a_folder(
    data: Path, tmp_path: Path, entry: str, name: str, code: int, message: str
) -> None:
    done = train_vae(data, tmp_path / "run", before=BEFORE_THE_LOOP.format(name=name), entry=entry)
    assert (done.returncode, done.stderr) == (code, message)
    assert list(tmp_path.iterdir()) == []


def test_a_killed_run_resumes_to_the_losses_of_one_that_was_not(data: Path, tmp_path: Path) -> None:
    killed = train_vae(data, tmp_path / "killed", before=BEFORE_THE_LOOP.format(name="SIGKILL"))
    assert killed.returncode == -signal.SIGKILL
    assert train_vae(data, tmp_path / "killed", before=AT_STEP_2.format(name="SIGKILL")).returncode == -9
    assert [path.name for path in list_checkpoints(tmp_path / "killed" / "checkpoints")] == ["step-00000001"]
    assert (tmp_path / "killed" / LOCK_FILE).exists()
    assert train_vae(data, tmp_path / "killed", "--resume").returncode == 0
    assert train_vae(data, tmp_path / "whole").returncode == 0
    losses = [[entry["loss"] for entry in read_log(tmp_path / name, "train")] for name in ("killed", "whole")]
    assert len(losses[1]) == 4
    assert losses[0] == losses[1]


def test_what_a_killed_process_was_replacing_comes_back_and_its_rest_goes(tmp_path: Path) -> None:
    dead = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True
    )
    pid = dead.stdout.decode().strip()
    (tmp_path / f".model.old-{pid}").mkdir()
    (tmp_path / f".model.old-{pid}" / "weights").write_text("old")
    (tmp_path / f".model.partial-{pid}").mkdir()
    (tmp_path / f".model.partial-{os.getppid()}").mkdir()  # that process lives and may still write
    with pytest.raises(ZeroDivisionError), replaced_folder(tmp_path / "model"):
        raise ZeroDivisionError
    assert (tmp_path / "model" / "weights").read_text() == "old"
    assert {path.name for path in tmp_path.iterdir()} == {"model", f".model.partial-{os.getppid()}"}
    with replaced_folder(tmp_path / "model") as partial:
        (partial / "weights").write_text("new")
    assert (tmp_path / "model" / "weights").read_text() == "new"
