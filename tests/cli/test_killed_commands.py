"""Commands ended by SIGKILL: no half-written file under the name of the output, no lock that outlives its process."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from bimotion.cli.main import exit_code
from bimotion.storage.locks import LOCK_FILE, locked_folder
from bimotion.storage.remains import temporary_folder

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's"),
]

STRIKE = """
import os, signal, sys
def strike(*args, **options):
    os.kill(os.getpid(), signal.SIGKILL)
"""
WHILE_WORKING = {
    "compose": "from bimotion.cli.progress import Bar\nBar.update = strike\n",
    "adherence": "from bimotion.evaluation.adherence.motions import ModelMotions\nModelMotions.motions = strike\n",
    "benchmark": "import bimotion.benchmark.run as run\nrun.measure = strike\n",
}
MEASURED = """
import bimotion.evaluation.adherence.run as run, bimotion.evaluation.adherence.targets as targets
run.measure, targets.markdown = (lambda *args, **options: {}), str
"""
BEFORE_THE_RENAME = "from pathlib import Path\nPath.replace = strike\n"
RUN = "from bimotion.cli.main import exit_code\nsys.exit(exit_code(sys.argv[1:]))\n"


def killed(code: str, *args: str, model: Path, temporary: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"{STRIKE}{code}{RUN}", *args],
        capture_output=True,
        check=False,
        timeout=300,
        env=os.environ | {"OMP_NUM_THREADS": "1", "BIMOTION_MODEL": str(model), "TMPDIR": str(temporary)},
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()


@pytest.mark.parametrize("moment", [WHILE_WORKING["compose"], BEFORE_THE_RENAME])
def test_a_killed_composition_leaves_the_earlier_file_and_runs_again(
    moment: str, micro_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    takes = tmp_path / "takes"
    takes.mkdir()
    out = takes / "story.npy"
    out.write_bytes(b"earlier")
    args = ("compose", "walks @2", "waves @2", "--out", str(out), "--steps", "2", "--seed", "4")
    killed(moment, *args, model=micro_folder, temporary=tmp_path)
    assert out.read_bytes() == b"earlier"
    assert [path.name for path in takes.iterdir() if not path.name.startswith(".")] == ["story.npy"]
    monkeypatch.setenv("BIMOTION_MODEL", str(micro_folder))
    assert exit_code(args) == 0
    assert np.load(out).shape == (80, 22, 3)


@pytest.mark.parametrize("moment", [WHILE_WORKING["adherence"], MEASURED + BEFORE_THE_RENAME])
def test_a_killed_adherence_leaves_the_earlier_report(
    moment: str, micro_folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "reports" / "adherence.json"
    out.parent.mkdir()
    out.write_text("earlier")
    killed(moment, "adherence", "--seeds", "1", "--out", str(out), model=micro_folder, temporary=tmp_path)
    assert out.read_text() == "earlier"
    assert [path.name for path in out.parent.iterdir() if not path.name.startswith(".")] == [out.name]


def test_what_a_killed_benchmark_left_is_removed_by_the_next(
    micro_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    args = ("benchmark", "--preset", "micro", "--only", "stage1")
    killed(WHILE_WORKING["benchmark"], *args, model=micro_folder, temporary=tmp_path)
    (left,) = tmp_path.glob("bimotion-weights-*")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with temporary_folder("weights") as folder:
        assert not left.exists()
        assert folder.parent == tmp_path
    assert not list(tmp_path.glob("bimotion-weights-*"))


def test_a_lock_ends_with_its_killed_process(tmp_path: Path) -> None:
    code = "from pathlib import Path\nfrom bimotion.storage.locks import locked_folder\n"
    code += "with locked_folder(Path(sys.argv[1])):\n    strike()\n"
    done = subprocess.run([sys.executable, "-c", STRIKE + code, str(tmp_path / "run")], check=False)
    assert done.returncode == -signal.SIGKILL
    with locked_folder(tmp_path / "run"):
        assert (tmp_path / "run" / LOCK_FILE).exists()
