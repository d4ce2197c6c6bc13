import csv
from pathlib import Path

import numpy as np
import pytest

import bimotion
from bimotion.cli.main import exit_code
from bimotion.errors import ConfigError, DataError
from bimotion.inference.model import MotionLanguageModel
from bimotion.jobs.folders import read_prompts
from bimotion.jobs.rows import RowFile
from bimotion.jobs.run import run_job
from bimotion.jobs.tables import TABLE_COLUMNS, read_motions, table_job, write_motions
from bimotion.jobs.work import Prompt
from bimotion.motion.clip import Clip

parquet = pytest.importorskip("pyarrow.parquet", reason="needs bimotion[scale]")


def standing(model: MotionLanguageModel, prompt: Prompt) -> Clip:
    """A motion whose height is its seed."""
    if prompt.text == "refused":
        raise ConfigError("text: refused")
    return Clip(np.full((3 + prompt.seed, 22, 3), prompt.seed, dtype=np.float32), 20.0)


def test_a_list_becomes_files_that_are_written_once(tmp_path: Path, micro_folder: Path) -> None:
    sentences = ["walks", "sits", "refused", "jumps", "turns"]
    (tmp_path / "prompts.txt").write_text("\n".join(sentences))
    prompts = read_prompts(tmp_path / "prompts.txt", 7, ".parquet")
    job = table_job(prompts, tmp_path, lambda: bimotion.load(micro_folder), standing, per_file=2)
    with RowFile(tmp_path / "files.csv", TABLE_COLUMNS) as rows:
        assert run_job(job, rows).written == 3
        again = run_job(job, rows)
    assert (again.written, again.kept) == (0, 3)
    with (tmp_path / "files.csv").open(newline="") as file:
        listed = [(row["file"], row["motions"], row["failures"]) for row in csv.DictReader(file)]
    assert listed == [
        ("motions-000001.parquet", "2", "0"),
        ("motions-000003.parquet", "1", "1"),
        ("motions-000005.parquet", "1", "0"),
    ]
    clips = list(read_motions(tmp_path))
    assert [clip.caption for clip in clips] == ["walks", "sits", "jumps", "turns"]
    assert [clip.name for clip in clips][2] == "000004-jumps"
    assert [
        (clip.joints == seed).all() and len(clip) == 3 + seed
        for clip, seed in zip(clips, (7, 8, 10, 11), strict=True)
    ]


def test_motions_of_a_table_are_those_of_files(tmp_path: Path, micro_folder: Path) -> None:
    (tmp_path / "prompts.txt").write_text("a person walks.\na person sits.")
    command = ["generate", "--from", str(tmp_path / "prompts.txt"), "--model", str(micro_folder)]
    for format in ("parquet", "npy"):
        assert exit_code([*command, "--out-dir", str(tmp_path / format), "--format", format]) == 0
    for clip in read_motions(tmp_path / "parquet"):
        same = bimotion.read_clip(tmp_path / "npy" / f"{clip.name}.npy")
        assert clip.joints.tobytes() == same.joints.tobytes()


def test_what_is_no_table_of_motions_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "other.parquet").write_text("no table")
    with pytest.raises(DataError, match="expected a Parquet file of motions"):
        list(read_motions(tmp_path))
    prompt = Prompt("a person walks", None, 1, "000001-walks.npy")
    write_motions(tmp_path / "other.parquet", [prompt], [Clip(np.zeros((3, 22, 3), np.float32), 20.0)])
    table = parquet.read_table(tmp_path / "other.parquet")
    parquet.write_table(table.drop(["joints"]), tmp_path / "other.parquet")
    with pytest.raises(DataError, match="it has no column joints"):
        list(read_motions(tmp_path))
    longer = table.set_column(table.schema.get_field_index("frames"), "frames", [[4]])
    parquet.write_table(longer, tmp_path / "other.parquet")
    with pytest.raises(DataError, match=r"000001-walks: expected joints of frames \* 22 \* 3 numbers"):
        list(read_motions(tmp_path))
    assert exit_code(["generate", "a person walks", "--out", str(tmp_path), "--format", "parquet"]) == 2
    assert "--format parquet: expected --from" in capsys.readouterr().err
