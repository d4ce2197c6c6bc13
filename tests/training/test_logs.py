"""Logs of runs: what a line holds, and what a resumed run keeps."""

import io
import sys
from pathlib import Path

import pytest

from bimotion.errors import DataError
from bimotion.training.logs import RunLog, StepProgress, read_log


def test_lines_hold_step_kind_and_values_and_no_nan(tmp_path: Path) -> None:
    log = RunLog(tmp_path, step=0, tensorboard=False)
    log.write(1, "train", {"loss": 0.5, "note": "warm-up"})
    log.write(2, "valid", {"loss": float("nan")})
    log.close()
    assert read_log(tmp_path) == [
        {"step": 1, "kind": "train", "loss": 0.5, "note": "warm-up"},
        {"step": 2, "kind": "valid", "loss": None},
    ]
    assert [event["step"] for event in read_log(tmp_path, "valid")] == [2]


def test_a_resumed_run_drops_later_and_half_written_lines(tmp_path: Path) -> None:
    lines = [f'{{"step": {step}, "kind": "train", "loss": 1.0}}\n' for step in (1, 2, 3)]
    (tmp_path / "log.jsonl").write_text("".join(lines) + '{"step": 4, "ki')
    RunLog(tmp_path, step=2, tensorboard=False).close()
    assert (tmp_path / "log.jsonl").read_text() == "".join(lines[:2])


@pytest.mark.parametrize("line", ['{"step": 1.5, "kind": "train"}', '{"step": 1}', "[]"])
def test_a_line_that_is_no_event_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "log.jsonl").write_text(f'{{"step": 1, "kind": "train"}}\n{line}\n')
    with pytest.raises(DataError, match=r"log.jsonl.*2.*expected an event with step and kind"):
        read_log(tmp_path)


def test_without_tensorboard_the_lines_are_written_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    log = RunLog(tmp_path, step=0, tensorboard=True)
    log.write(1, "train", {"loss": 0.5})
    log.close()
    assert log.board is None
    assert len(read_log(tmp_path)) == 1


def test_progress_shows_step_and_values_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for stream, shown in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr(sys, "stderr", stream)
        with StepProgress("stage1", step=3, steps=10, show=True) as progress:
            progress.update(7, {"loss": 0.123456})
        assert (("7/10" in stream.getvalue()) and ("loss 0.1235" in stream.getvalue())) == shown
        assert shown or not stream.getvalue()
