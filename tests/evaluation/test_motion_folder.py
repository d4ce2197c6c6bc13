"""Motions of another system, scored from files."""

import json
from pathlib import Path

import numpy as np
import pytest

from bimotion.data.store import MotionStore
from bimotion.errors import DataError, MotionFileError
from bimotion.evaluation.evaluate import EvaluationConfig, evaluate, natural_alone
from bimotion.evaluation.evaluation_set import Asked
from bimotion.evaluation.motion_folder import MotionFolder, write_asked
from bimotion.evaluation.protocols import BIMOTION_1
from bimotion.evaluation.scores import SYSTEM
from bimotion.features.files import read_any, read_features
from bimotion.motion.clip import Clip
from bimotion.motion.formats import motion_files, write_motion
from tests.evaluation.numbered_motions import NUM, Oracle, track


@pytest.fixture
def made(tmp_path: Path, store: MotionStore) -> Path:
    """What is asked in two repeats, answered with the recorded motions."""
    asked = Asked(store, BIMOTION_1)
    rows = [json.loads(line) for line in write_asked(asked, 2, tmp_path / "made").read_text().splitlines()]
    items = {item.id: item for item in asked.items}
    for row in rows:
        path = tmp_path / "made" / row["file"]
        path.parent.mkdir(exist_ok=True)
        np.save(path, store.features(items[row["id"]]))
        assert row["frames"] == items[row["id"]].num_frames
    return tmp_path / "made"


def test_a_folder_is_scored_as_a_system_is(made: Path, store: MotionStore, oracle: Oracle) -> None:
    asked = Asked(store, BIMOTION_1)
    folder = MotionFolder(made, asked)
    assert folder.num_sets == 2
    assert folder.round(asked, 1).captions == asked.round(1).captions
    done = evaluate(asked, folder, oracle, EvaluationConfig(repeats=3), track)
    scores = done.scores["text_to_motion"][SYSTEM]
    assert scores["fid"].mean == pytest.approx(0, abs=1e-6)
    assert scores["top_1"] == done.scores["text_to_motion"]["real"]["top_1"]
    assert "multimodality" not in scores
    assert done.notes[0].startswith("3 repeats over 2 set(s) of motions")


def test_captions_of_the_list_are_the_ones_asked(made: Path, store: MotionStore) -> None:
    rows = [json.loads(line) for line in (made / "asked.jsonl").read_text().splitlines()][:NUM]
    text = "\n".join(json.dumps({"file": row["file"], "id": row["id"], "caption": "hop"}) for row in rows)
    (made / "asked.jsonl").write_text(text)
    asked = Asked(store, BIMOTION_1)
    folder = MotionFolder(made, asked)
    assert (folder.num_sets, set(folder.round(asked, 0).captions)) == (1, {"hop"})


def test_faults_are_named(made: Path, store: MotionStore, tmp_path: Path, walk: Clip) -> None:
    asked = Asked(store, BIMOTION_1)
    with pytest.raises(DataError, match=r"--ask .*nowhere` writes what is to be made"):
        MotionFolder(tmp_path / "nowhere", asked)
    rows = (made / "asked.jsonl").read_text().splitlines()
    (made / "asked.jsonl").write_text("\n".join(rows[1:]))
    with pytest.raises(DataError, match=r"repeat 0 lacks 1 of 70 windows, such as clip"):
        MotionFolder(made, asked)
    (made / "asked.jsonl").write_text('{"file": 1}\n')
    with pytest.raises(DataError, match=r"asked.jsonl:1: expected file, id and caption"):
        MotionFolder(made, asked)
    write_motion(walk, tmp_path / "walk.npz")
    assert read_features(tmp_path / "walk.npz").shape == (40, 263)
    with pytest.raises(MotionFileError, match="humanml3d-2022 takes HumanML3D features"):
        read_features(tmp_path / "walk.npz", "humanml3d-2022")
    np.save(tmp_path / "bad.npy", np.full((4, 263), np.nan))
    with pytest.raises(MotionFileError, match="2 or more frames of finite features"):
        read_any(tmp_path / "bad.npy")


def test_without_a_data_set_naturalness_is_measured(tmp_path: Path, walk: Clip) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / ".hidden").mkdir()
    write_motion(walk, tmp_path / "deep" / "walk.npz")
    write_motion(walk[:3], tmp_path / "short.npz")
    write_motion(walk, tmp_path / ".hidden" / "walk.npz")
    files = motion_files(tmp_path)
    assert [file.name for file in files] == ["walk.npz", "short.npz"]
    done = natural_alone([read_any(file) for file in files])
    assert done.scores["natural"][SYSTEM]["speed"].mean == pytest.approx(1.0, abs=0.02)
    assert done.notes == ["1 motions are too short to be measured"]
