"""Motions of another system, scored from files."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bimotion.data.store import MotionStore
from bimotion.errors import DataError, MotionFileError
from bimotion.evaluation.evaluate import EvaluationConfig, evaluate, evaluate_files
from bimotion.evaluation.evaluation_set import EvaluationSet
from bimotion.evaluation.motion_folder import MotionFolder, export_prompts
from bimotion.evaluation.protocols import BIMOTION_1
from bimotion.evaluation.scores import SYSTEM
from bimotion.features.files import read_any, read_clip_or_features
from bimotion.motion.clip import Clip
from bimotion.motion.formats import motion_files, write_motion
from bimotion.motion.quality import motion_quality
from tests.evaluation.numbered_motions import NUM, Oracle, track


@pytest.fixture
def generated(tmp_path: Path, store: MotionStore) -> Path:
    """What is evaluation_set in two repeats, answered with the recorded motions."""
    evaluation_set = EvaluationSet(store, BIMOTION_1)
    rows = [
        json.loads(line)
        for line in export_prompts(evaluation_set, 2, tmp_path / "made").read_text().splitlines()
    ]
    items = {item.id: item for item in evaluation_set.items}
    for row in rows:
        path = tmp_path / "made" / row["file"]
        path.parent.mkdir(exist_ok=True)
        np.save(path, store.features(items[row["id"]]))
        assert row["frames"] == items[row["id"]].num_frames
    return tmp_path / "made"


def test_a_folder_is_scored_as_a_system_is(generated: Path, store: MotionStore, oracle: Oracle) -> None:
    evaluation_set = EvaluationSet(store, BIMOTION_1)
    folder = MotionFolder(generated, evaluation_set)
    assert folder.num_sets == 2
    assert folder.repeat(evaluation_set, 1).captions == evaluation_set.repeat(1).captions
    done = evaluate(evaluation_set, folder, oracle, EvaluationConfig(repeats=3), track)
    scores = done.scores["text_to_motion"][SYSTEM]
    assert scores["fid"].mean == pytest.approx(0, abs=1e-6)
    assert scores["top_1"] == done.scores["text_to_motion"]["real"]["top_1"]
    assert "multimodality" not in scores
    assert done.notes[0].startswith("3 repeats over 2 set(s) of motions")


def test_no_two_windows_share_a_file(tmp_path: Path, store: MotionStore) -> None:
    evaluation_set = EvaluationSet(store, BIMOTION_1)
    names = ("a/b#0", "a__b#0", "a%2Fb#0", "a%b#0")
    for index, name in enumerate(names):
        evaluation_set.items[index] = replace(evaluation_set.items[index], id=name)
    rows = export_prompts(evaluation_set, 1, tmp_path).read_text().splitlines()[: len(names)]
    files = [json.loads(row)["file"] for row in rows]
    assert len({*files}) == len(names)
    assert all(file.startswith("00/") and file.count("/") == 1 for file in files)


def test_captions_of_the_list_are_the_ones_asked(generated: Path, store: MotionStore) -> None:
    rows = [json.loads(line) for line in (generated / "prompts.jsonl").read_text().splitlines()][:NUM]
    text = "\n".join(json.dumps({"file": row["file"], "id": row["id"], "caption": "hop"}) for row in rows)
    (generated / "prompts.jsonl").write_text(text)
    evaluation_set = EvaluationSet(store, BIMOTION_1)
    folder = MotionFolder(generated, evaluation_set)
    assert (folder.num_sets, set(folder.repeat(evaluation_set, 0).captions)) == (1, {"hop"})


def test_faults_are_named(generated: Path, store: MotionStore, tmp_path: Path, walk: Clip) -> None:
    evaluation_set = EvaluationSet(store, BIMOTION_1)
    with pytest.raises(DataError, match=r"--export-prompts .*nowhere` writes the list"):
        MotionFolder(tmp_path / "nowhere", evaluation_set)
    rows = (generated / "prompts.jsonl").read_text().splitlines()
    (generated / "prompts.jsonl").write_text("\n".join(rows[1:]))
    with pytest.raises(DataError, match=r"repeat 0 has no motion for 1 of 70 windows, such as clip"):
        MotionFolder(generated, evaluation_set)
    (generated / "prompts.jsonl").write_text('{"file": 1}\n')
    with pytest.raises(DataError, match=r"prompts.jsonl:1: file: expected `str`, got 1"):
        MotionFolder(generated, evaluation_set)
    write_motion(walk, tmp_path / "walk.npz")
    assert isinstance(read_clip_or_features(tmp_path / "walk.npz"), Clip)
    assert isinstance(read_clip_or_features(next((generated / "00").iterdir())), np.ndarray)
    with pytest.raises(MotionFileError, match="humanml3d-2022 takes HumanML3D features"):
        read_clip_or_features(tmp_path / "walk.npz", "humanml3d-2022")
    np.save(tmp_path / "bad.npy", np.full((4, 263), np.nan))
    with pytest.raises(MotionFileError, match="not finite"):
        read_any(tmp_path / "bad.npy")


def test_without_a_data_set_naturalness_is_measured(tmp_path: Path, walk: Clip) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / ".hidden").mkdir()
    write_motion(walk, tmp_path / "deep" / "walk.npz")
    write_motion(walk[:3], tmp_path / "short.npz")
    write_motion(walk, tmp_path / ".hidden" / "walk.npz")
    files = motion_files(tmp_path)
    assert [file.name for file in files] == ["walk.npz", "short.npz"]
    (tmp_path / "broken.bvh").write_text("HIERARCHY\n")
    done = evaluate_files(motion_files(tmp_path))
    assert done.scores["natural"][SYSTEM]["speed"].mean == pytest.approx(1.0, abs=0.02)
    assert done.notes[0].startswith(f"not measured: {tmp_path / 'broken.bvh'}: ")
    assert done.notes[1:] == ["1 motion(s) of fewer than 4 frames are not in the quality measures"]
    with pytest.raises(DataError, match="broken.bvh"):
        evaluate_files([tmp_path / "broken.bvh"])


def test_lists_of_earlier_versions_are_read(generated: Path, store: MotionStore) -> None:
    (generated / "prompts.jsonl").rename(generated / "asked.jsonl")
    assert MotionFolder(generated, EvaluationSet(store, BIMOTION_1)).num_sets == 2


def sunk_walk() -> np.ndarray:
    """A walk of 60 frames whose frames 20 to 39 are 30 cm lower."""
    joints = np.load(Path(__file__).parents[1] / "cases" / "sunk_walk.npy")
    assert joints.shape == (60, 22, 3)
    return np.asarray(joints)


def test_a_walk_that_sinks_is_measured_where_it_stands(tmp_path: Path) -> None:
    """Putting the clip on its lowest joint reported 0.0 mm below and 122.5 mm above the floor."""
    np.save(tmp_path / "sunk.npy", sunk_walk())
    scores = evaluate_files([tmp_path / "sunk.npy"]).scores["natural"][SYSTEM]
    assert scores["penetration_mm"].mean == pytest.approx(97.2, abs=0.05)
    assert scores["floating_mm"].mean == pytest.approx(10.3, abs=0.05)
    quality = motion_quality(sunk_walk()).scores()
    assert {name: scores[name].mean for name in quality} == quality


def test_a_foot_that_slides_at_a_known_speed(tmp_path: Path, store: MotionStore, oracle: Oracle) -> None:
    """A standing body pushed at 1 m/s skates in every step, at any height up to the contact height."""
    standing = np.repeat(sunk_walk()[:1], 40, axis=0)
    standing[..., 1] -= standing[..., 1].min()
    standing[..., 0] += np.arange(40)[:, None] / 20
    np.save(tmp_path / "slide.npy", standing)
    scores = evaluate_files([tmp_path / "slide.npy"]).scores["natural"][SYSTEM]
    assert scores["skating_ratio"].mean == 1
    assert scores["skating_speed"].mean == pytest.approx(1.0, rel=1e-4)
    np.save(tmp_path / "slide.npy", standing + np.float32([0, 0.06, 0]))
    assert evaluate_files([tmp_path / "slide.npy"]).scores["natural"][SYSTEM]["skating_ratio"].mean == 0
