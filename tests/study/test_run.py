"""The whole study at a toy size: runs, resuming, the page."""

from pathlib import Path

import pytest

from bimotion.cli.main import exit_code
from bimotion.errors import ConfigError
from bimotion.study import material
from bimotion.study import run as runs
from bimotion.study.arms import LATENTS, STREAMS, arms_of
from bimotion.study.config import StudyConfig, StudySize
from bimotion.study.figures import collect, save_figures
from bimotion.study.findings import write_findings
from bimotion.training.loop import LoopResult
from tests.training.conftest import data

__all__ = ["data"]

SIZE = StudySize(
    width=24, layers=1, vocabulary=300, head_width=16, latents=4, latent_width=4, codes=8, code_levels=3
)


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A training loop that a signal stops before its last step."""
    monkeypatch.setattr(material, "run_loop", lambda *args, **options: LoopResult(1, False, "SIGTERM", {}))


def test_a_signal_stops_the_study_and_no_unfinished_run_counts(
    data: Path, tmp_path: Path, stopped: None, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "study"
    assert exit_code(("study", "--data", str(data), "--out", str(out), "--steps", "4")) == 143
    assert "the same command continues" in capsys.readouterr().err
    assert not list(out.glob("**/figures.json"))
    assert not list(out.glob("**/reconstruction.json"))


@pytest.mark.slow
def test_the_study_runs_end_to_end_and_goes_on_where_it_was(data: Path, tmp_path: Path) -> None:
    config = StudyConfig(
        data,
        tmp_path / "study",
        SIZE,
        seeds=1,
        steps=9,
        batch_size=4,
        tuning_steps=3,
        learning_rates=(1e-3, 3e-3),
        tokenizer_steps=2,
        text_steps=2,
        validations=2,
    )
    arms = arms_of(STREAMS, LATENTS)
    runs.run_study(config, arms[:1])
    first = (config.out / "two-vae" / "seed-0" / "figures.json").read_bytes()
    runs.run_study(config, arms)
    assert (config.out / "two-vae" / "seed-0" / "figures.json").read_bytes() == first
    figures = collect(config.out)
    assert set(figures.arms()) == {arm.name for arm in arms}
    assert len(figures.trials) == 2 * len(arms)
    for run in figures.runs:
        assert run.curve("r3")[-1][0] == 9
        assert 0 <= run.curve("r3")[-1][1] <= 1
        assert -1 <= run.final("interference") <= 1
        assert run.curve("train_motion")
    save_figures(figures, tmp_path / "figures.json")
    write_findings(figures, tmp_path / "findings.md", tmp_path / "pictures")
    assert "not measured" not in (tmp_path / "findings.md").read_text()
    with pytest.raises(ConfigError, match="other settings \\(steps\\)"):
        runs.run_study(StudyConfig(data, config.out, SIZE, steps=10, seeds=1, batch_size=4), arms)
