import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bimotion.captions.facts import measure_facts
from bimotion.data import shards
from bimotion.data.merge import merge_datasets, merge_folder
from bimotion.data.prepare import find_recordings, prepare_dataset
from bimotion.data.recording import Reading
from bimotion.data.store import MotionStore
from bimotion.data.windows import WindowConfig
from bimotion.errors import DataError
from bimotion.features import features_to_joints, joints_to_features
from bimotion.features.mirror import mirror_features, symmetric_skeleton
from tests.data.made_up import make_motion

LONG = 500


@pytest.fixture
def takes(tmp_path: Path) -> Path:
    """Eight own recordings with captions: seven short ones, and one of 500 frames."""
    folder = tmp_path / "takes"
    folder.mkdir()
    rows = ["file,caption,start,end"]
    for i in range(7):
        np.save(folder / f"wave{i}.npy", make_motion(60 + i, hand="left", swings=i))
        rows.append(f"wave{i}.npy,a person waves the left hand.,,")
    np.save(folder / "long.npy", make_motion(LONG, speed=1.0, turn_deg=300))
    rows += ["long.npy,someone walks.,0,9", "long.npy,someone turns left.,9,25"]
    (folder / "captions.csv").write_text("\n".join(rows))
    return folder


def test_long_takes_are_cut_without_losing_a_frame(takes: Path, tmp_path: Path) -> None:
    report = prepare_dataset("bvh", takes, tmp_path / "out", workers=1)
    store = MotionStore.open(tmp_path / "out")
    windows = [item for item in store.items(mirrored=False) if item.take == "long"]
    assert [item.num_frames for item in windows] == [166, 167, 166]
    assert sum(item.num_frames for item in windows) == LONG - 1
    whole = joints_to_features(
        make_motion(LONG, speed=1.0, turn_deg=300), uniform_skeleton=symmetric_skeleton()
    )
    np.testing.assert_allclose(store.features(windows[1])[:, 0], whole[166:333, 0], atol=5e-3)
    assert [item.captions for item in windows] == [("someone walks.",), ("someone turns left.",)] * 1 + [
        ("someone turns left.",)
    ]
    assert report.num_frames == sum(item.num_frames for item in store.items(mirrored=False))
    assert report.failures == ()


def test_no_take_and_no_mirror_image_stands_in_two_splits(takes: Path, tmp_path: Path) -> None:
    prepare_dataset("bvh", takes, tmp_path / "out", workers=1)
    splits: dict[str, set[str]] = {}
    for item in MotionStore.open(tmp_path / "out"):
        splits.setdefault(item.take, set()).add(item.split)
    assert all(len(found) == 1 for found in splits.values())
    assert set().union(*splits.values()) == {"train", "val", "test"}


def test_mirror_images_swap_motion_and_words(takes: Path, tmp_path: Path) -> None:
    prepare_dataset("bvh", takes, tmp_path / "out", workers=1)
    store = MotionStore.open(tmp_path / "out")
    items = {item.id: item for item in store}
    item, image = items["wave5#00"], items["wave5#00M"]
    assert (item.captions, image.captions) == (
        ("a person waves the left hand.",),
        ("a person waves the right hand.",),
    )
    np.testing.assert_array_equal(store.features(image), mirror_features(store.features(item)))
    measured = measure_facts(features_to_joints(store.features(image)))
    assert measured.to_json() == image.facts
    assert measured.right.swings == item.facts["left"]["swings"] > 0


def test_a_broken_file_is_reported_and_the_rest_used(takes: Path, tmp_path: Path) -> None:
    (takes / "broken.bvh").write_text("HIERARCHY\nnothing")
    np.save(takes / "brief.npy", make_motion(12))
    report = prepare_dataset("bvh", takes, tmp_path / "out", workers=1)
    reasons = {Path(failure.path).name: failure.reason for failure in report.failures}
    assert set(reasons) == {"broken.bvh", "brief.npy"}
    assert "expected 20 or more" in reasons["brief.npy"]
    assert report.num_recordings == 8
    assert "broken.bvh" in (tmp_path / "out" / "README.md").read_text()
    again = prepare_dataset("bvh", takes, tmp_path / "out", workers=1)
    assert again == report


def test_an_interrupted_run_goes_on(takes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = prepare_dataset("bvh", takes, tmp_path / "whole", workers=1)
    cut, done = shards.cut_recording, []

    def stop_at_the_fourth(recording: object, config: object) -> object:
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(recording)
        return cut(recording, config)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(shards, "cut_recording", stop_at_the_fourth)
        with pytest.raises(KeyboardInterrupt):
            prepare_dataset("bvh", takes, tmp_path / "out", workers=1)
    with pytest.raises(DataError, match="run the same command again"):
        MotionStore.open(tmp_path / "out")
    with monkeypatch.context() as patch:
        patch.setattr(
            shards,
            "cut_recording",
            lambda recording, config: done.append(recording) or cut(recording, config),
        )
        report = prepare_dataset("bvh", takes, tmp_path / "out", workers=1)
    assert len(done) == 8  # none was made twice
    assert report.num_windows == expected.num_windows
    for name in ("index.jsonl", "features.npy", "README.md"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert not (tmp_path / "out" / "parts").exists()


def test_processes_make_the_same_data_set(takes: Path, tmp_path: Path) -> None:
    prepare_dataset("bvh", takes, tmp_path / "one", workers=1)
    prepare_dataset("bvh", takes, tmp_path / "two", workers=2)
    for name in ("index.jsonl", "features.npy"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_other_settings_are_not_mixed_into_a_finished_data_set(takes: Path, tmp_path: Path) -> None:
    prepare_dataset("bvh", takes, tmp_path / "out", workers=1)
    with pytest.raises(DataError, match="a data set from another folder, with other settings"):
        prepare_dataset("bvh", takes, tmp_path / "out", config=WindowConfig(mirror=False), workers=1)


def test_statistics_are_those_of_the_training_split_with_its_mirror_images(
    takes: Path, tmp_path: Path
) -> None:
    prepare_dataset("bvh", takes, tmp_path / "out", workers=1)
    store = MotionStore.open(tmp_path / "out")
    rows = np.concatenate([store.features(item) for item in store.items("train")])
    np.testing.assert_allclose(store.stats.mean, rows.mean(0), atol=1e-4)
    assert store.stats.mean[0] == pytest.approx(0, abs=1e-6)  # left and right turns cancel
    np.testing.assert_allclose(store.stats.std[4:67], np.maximum(rows.std(0), 1e-4)[4:67].mean(), rtol=1e-3)


def test_joined_data_sets_keep_splits_and_refuse_doubles(takes: Path, tmp_path: Path) -> None:
    other = tmp_path / "others"
    other.mkdir()
    np.save(other / "bow.npy", make_motion(50))
    prepare_dataset("bvh", takes, tmp_path / "a", workers=1)
    prepare_dataset("bvh", other, tmp_path / "b", workers=1)
    report = merge_datasets([tmp_path / "a", tmp_path / "b"], tmp_path / "all")
    store, first = MotionStore.open(tmp_path / "all"), MotionStore.open(tmp_path / "a")
    assert {item.id: item.split for item in first}.items() <= {item.id: item.split for item in store}.items()
    bow = next(item for item in store if item.take == "bow")
    np.testing.assert_array_equal(
        store.features(bow),
        MotionStore.open(tmp_path / "b").features(list(MotionStore.open(tmp_path / "b"))[0]),
    )
    assert (bow.text, bow.captions) == (False, ())
    assert report.num_recordings == 9
    with pytest.raises(DataError, match="are in two of the data sets: "):
        merge_datasets([tmp_path / "a", tmp_path / "a"], tmp_path / "twice")


def test_the_data_sets_of_a_folder_are_joined_once(takes: Path, tmp_path: Path) -> None:
    sets = tmp_path / "sets"
    with pytest.raises(DataError, match="sets: expected a folder of prepared data sets; it does not exist"):
        merge_folder(sets, tmp_path / "all")
    for name in ("b", "a"):
        source = tmp_path / f"raw-{name}"
        source.mkdir()
        np.save(source / f"{name}.npy", make_motion(50))
        prepare_dataset("bvh", source, sets / name, workers=1)
    out = sets / "all"
    report = merge_folder(sets, out)
    assert [item.id for item in MotionStore.open(out)] == ["a#00", "a#00M", "b#00", "b#00M"]
    written = (out / "features.npy").stat().st_mtime_ns
    assert merge_folder(sets, out) == report
    assert (out / "features.npy").stat().st_mtime_ns == written
    prepare_dataset("bvh", takes, sets / "c", workers=1)
    with pytest.raises(DataError, match="all: contains another data set"):
        merge_folder(sets, out)
    (sets / "raw").mkdir()
    with pytest.raises(DataError, match="raw: expected a prepared data set, features.npy is missing"):
        merge_folder(sets, tmp_path / "new")


def test_the_published_layout_keeps_its_splits_and_times(tmp_path: Path) -> None:
    source = tmp_path / "humanml3d"
    for name in ("new_joint_vecs", "texts"):
        (source / name).mkdir(parents=True)
    features = joints_to_features(make_motion(151, speed=1.0, hand="left"))
    for name, length in (("000001", 150), ("M000001", 150), ("000002", 45), ("000003", 30)):
        np.save(source / "new_joint_vecs" / f"{name}.npy", features[:length])
        (source / "texts" / f"{name}.txt").write_text("a man walks.#a/DET man/NOUN walk/VERB#0.0#0.0\n")
    with (source / "texts" / "000001.txt").open("a") as text:
        text.write("he lifts an arm.#he/PRON lift/VERB#2.0#5.5\nhe blinks.#he/PRON blink/VERB#0.0#0.5\n")
    (source / "train.txt").write_text("000001\nM000001\n000003\n")
    (source / "test.txt").write_text("000002\n")
    report = prepare_dataset("humanml3d", source, tmp_path / "out", workers=1)
    items = {item.id: item for item in MotionStore.open(tmp_path / "out")}
    assert {name: (item.split, item.num_frames, item.captions) for name, item in items.items()} == {
        "000001#00": ("train", 150, ("a man walks.",)),
        "000001#01": ("train", 70, ("he lifts an arm.",)),
        "M000001#00": ("train", 150, ("a man walks.",)),
        "000002#00": ("test", 45, ("a man walks.",)),
    }
    assert items["M000001#00"].take == items["000001#00"].take
    assert [Path(failure.path).name for failure in report.failures] == ["000003.npy"]


def test_a_catalogue_names_contents(tmp_path: Path) -> None:
    source, catalogue = tmp_path / "takes", tmp_path / "catalogue.jsonl"
    source.mkdir()
    np.save(source / "a.npy", make_motion(80, hand="right", swings=5))
    catalogue.write_text(
        json.dumps({"id": "a", "content": "wave-left-hand", "style": "sad", "use_text": True})
    )
    prepare_dataset("bvh", source, tmp_path / "out", catalogue=catalogue, workers=1)
    item = MotionStore.open(tmp_path / "out").items(mirrored=False)[0]
    assert (item.content, item.side, item.style, item.text) == ("wave", "right", "sad", True)
    assert len(item.captions) >= 4
    for line, message in (
        ("{}", "catalogue.jsonl:1: Object missing required field `id`"),
        ('{"id": "a", "captions": "a person juggles."}', "catalogue.jsonl:1.*captions"),
        ('{"id": "a", "use_text": "yes"}', "catalogue.jsonl:1.*use_text"),
        ('{"id": "a", "captions": ["a person walks", " "]}', "catalogue.jsonl:1.*the caption has no words"),
    ):
        catalogue.write_text(line)
        with pytest.raises(DataError, match=message):
            prepare_dataset("bvh", source, tmp_path / "out2", catalogue=catalogue, workers=1)


def test_lines_of_a_catalogue_that_change_nothing_are_remarked(tmp_path: Path) -> None:
    source, catalogue = tmp_path / "takes", tmp_path / "catalogue.jsonl"
    source.mkdir()
    np.save(source / "a.npy", make_motion(30))
    rows = [
        {"id": "a", "captions": ["one"]},
        {"id": "b"},
        {"id": "../a"},
        {"id": "a", "captions": [" two\n"]},
    ]
    catalogue.write_text("\n".join(map(json.dumps, rows)))
    report = prepare_dataset("bvh", source, tmp_path / "out", catalogue=catalogue, workers=1)
    assert MotionStore.open(tmp_path / "out").items()[0].captions == ("two",)
    assert [remark.split(": ", 1)[1] for remark in report.remarks] == [
        "2 ids match no recording of this folder: 'b', '../a'",
        "1 ids occur more than once, the last line counts: 'a'",
    ]


def test_captions_of_a_catalogue_stand_also_where_the_grammar_knows_the_content(tmp_path: Path) -> None:
    source, catalogue = tmp_path / "takes", tmp_path / "catalogue.jsonl"
    source.mkdir()
    np.save(source / "a.npy", make_motion(80, hand="right", swings=5))
    row = {"id": "a", "content": "wave-left-hand", "captions": ["hello there, with the right hand."]}
    catalogue.write_text(json.dumps(row))
    prepare_dataset("bvh", source, tmp_path / "own", catalogue=catalogue, workers=1)
    item, image = MotionStore.open(tmp_path / "own")
    assert item.captions == ("hello there, with the right hand.",)
    assert image.captions == ("hello there, with the left hand.",)
    assert item.content == "wave"
    config = WindowConfig(grammar_captions=True)
    prepare_dataset("bvh", source, tmp_path / "grammar", catalogue=catalogue, config=config, workers=1)
    item = next(iter(MotionStore.open(tmp_path / "grammar")))
    assert len(item.captions) >= 4
    assert "hello" not in " ".join(item.captions)


def test_up_axis_and_rate_of_the_files_can_be_given(tmp_path: Path) -> None:
    folder = tmp_path / "raw"
    folder.mkdir()
    joints = make_motion(81, speed=1.0)
    np.save(folder / "walk.npy", joints[..., [0, 2, 1]] * [1, -1, 1])
    config = WindowConfig(mirror=False)
    prepare_dataset(
        "bvh", folder, tmp_path / "out", config=config, reading=Reading(up="z", rate=10), workers=1
    )
    store = MotionStore.open(tmp_path / "out")
    (item,) = store.items()
    assert item.num_frames == 2 * (len(joints) - 1)  # 10 frames per second became 20
    pelvis = store.features(item)[:, 3]
    np.testing.assert_allclose(pelvis, pelvis[0], atol=0.01)
    assert pelvis[0] > 0.7


def test_shards_of_older_versions_stay_valid(takes: Path) -> None:
    """Options that are not given stand in no shard's name."""
    first = find_recordings("bvh", takes).recordings[0]
    plain = replace(first, reading=Reading())
    key = shards.shard_keys([plain], WindowConfig())[first.id]
    assert "up" not in repr(plain.reading)
    for given in (Reading(up="z"), Reading(rate=60)):
        other = replace(first, reading=given)
        assert shards.shard_keys([other], WindowConfig())[first.id] != key
