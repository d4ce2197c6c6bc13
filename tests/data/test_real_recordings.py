"""Facts, captions and preparation on real recordings; skipped where the reference material is not there."""

import json
import random
import tarfile
from pathlib import Path

import numpy as np
import pytest

from bimotion.captions.claims import false_claims
from bimotion.captions.facts import measure_facts
from bimotion.captions.grammar import CaptionGrammar, Label
from bimotion.captions.mirror import swap_sides
from bimotion.data.prepare import prepare_dataset
from bimotion.data.sources.bandai_namco import _NAME
from bimotion.data.store import MotionStore
from bimotion.features import features_to_joints
from bimotion.features.clip_encoding import encode_clip
from bimotion.features.mirror import mirror_features


@pytest.fixture(scope="module")
def windows(shared: Path) -> dict[str, np.ndarray]:
    """Joints of some thirty windows of Bandai-Namco, of every content, by id."""
    with np.load(shared / "data" / "reference_features.npz") as stored:
        names = [key.removesuffix("/joints") for key in stored.files if key.endswith("/joints")]
        return {name: stored[f"{name}/joints"] for name in names if name.startswith("bn")}


def label_of(window: str) -> Label:
    number, content, style, take = window.partition("#")[0].split("_")
    assert _NAME.fullmatch(f"dataset-{number[2:]}_{content}_{style}_{take}")
    return Label(window.partition("#")[0], content, style, int(take))


def test_captions_of_real_windows_and_their_mirror_images_are_true(windows: dict[str, np.ndarray]) -> None:
    grammar = CaptionGrammar.load()
    assert len(windows) > 20
    for name, joints in windows.items():
        features = encode_clip(joints)
        for mirrored in (False, True):
            seen = mirror_features(features) if mirrored else features
            facts = measure_facts(features_to_joints(seen))
            description = grammar.describe(label_of(name), facts, np.random.default_rng(0), mirrored=mirrored)
            assert len(description.captions) >= 3, name
            for caption in description.captions:
                assert false_claims(caption, facts, description.content, description.gait) == [], name


def test_a_mirror_image_is_described_with_the_sides_swapped(windows: dict[str, np.ndarray]) -> None:
    grammar = CaptionGrammar.load()
    for name, joints in windows.items():
        features = encode_clip(joints)
        sides = []
        for mirrored in (False, True):
            seen = mirror_features(features) if mirrored else features
            facts = measure_facts(features_to_joints(seen))
            description = grammar.describe(label_of(name), facts, np.random.default_rng(0), mirrored=mirrored)
            sides.append((description.content, description.side))
        assert sides[1] == (sides[0][0], swap_sides(sides[0][1])), name


@pytest.fixture(scope="module")
def cmu(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> MotionStore:
    """Twenty recordings of the CMU eight-action set, prepared by two processes."""
    folder = tmp_path_factory.mktemp("cmu")
    with tarfile.open(shared / "data" / "cmu-8-actions-bvh.tar.xz") as archive:
        members = [member for member in archive if member.name.endswith(".bvh")]
        archive.extractall(folder, random.Random(0).sample(members, 20), filter="data")
    report = prepare_dataset("cmu", folder, folder / "out", workers=2)
    assert report.failures == ()
    return MotionStore.open(folder / "out")


def test_the_index_tells_the_truth_about_what_is_stored(cmu: MotionStore) -> None:
    for item in cmu:
        facts = measure_facts(features_to_joints(cmu.features(item)))
        assert json.loads(json.dumps(facts.to_json())) == item.facts
        for text in item.captions:
            assert false_claims(text.lower(), facts, item.content, item.gait) == []
        if item.side != "none":
            assert all(item.side in caption for caption in item.captions)


def test_takes_and_mirror_images_stay_in_one_split(cmu: MotionStore) -> None:
    splits: dict[str, set[str]] = {}
    for item in cmu:
        splits.setdefault(item.take, set()).add(item.split)
    assert all(len(found) == 1 for found in splits.values())
    assert {item.id + "M" for item in cmu.items(mirrored=False)} == {item.id for item in cmu if item.mirrored}


def test_every_recording_of_the_catalogue_has_a_known_content_and_one_split(shared: Path) -> None:
    from bimotion.data.sources.cmu import _load_table

    rows = [json.loads(line) for line in (shared / "data" / "recordings.jsonl").read_text().splitlines()]
    table = {row["id"]: row for row in _load_table()["recordings"]}
    for row in rows:
        if row["source"].startswith("cmu"):
            assert table[row["id"]]["content"] == row["content"]
            assert table[row["id"]]["use_text"] == row["use_text"]
        assert CaptionGrammar.load().group(Label(row["id"], row["content"])) != "other"
