"""The measuring of quality, on a made-up data set, a model of random weights and a classifier that knows nothing."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import save_file

import bimotion
from benchmarks.quality import asked, bars, classifier, making, measure
from bimotion.captions.contents import CONTENT_GROUPS
from bimotion.captions.facts import measure_facts
from bimotion.captions.mentions import content_of, side_of
from bimotion.data.store import Item, MotionStore, write_index
from bimotion.features import features_to_joints
from bimotion.features.clip_encoding import encode_clip
from bimotion.features.normalise import FeatureStats
from bimotion.motion.clip import Clip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, walk: Clip) -> MotionStore:
    """Six windows of a walk, in pairs of test and training; the last pair is said to be a turn to the left."""
    folder = tmp_path_factory.mktemp("data")
    features = encode_clip(walk.joints)
    items = [
        Item(
            id=f"clip{number}#0",
            take=f"take{number}",
            split="train" if number % 2 else "test",
            source="made-up",
            content="turn" if number >= 4 else "walk",
            label="walk",
            style="none",
            side="left" if number >= 4 else "none",
            gait="walk",
            start=0,
            num_frames=len(features),
            offset=number * len(features),
            mirrored=False,
            text=True,
            captions=("a person walks and turns to the left.",)
            if number >= 4
            else ("a person walks.", "someone walks."),
            licence="none",
            facts=measure_facts(np.asarray(features_to_joints(features))).to_json(),
        )
        for number in range(6)
    ]
    items += [replace(item, id=f"{item.id}M", mirrored=True) for item in items]
    np.save(folder / "features.npy", np.tile(features, (6, 1)))
    write_index(items, folder / "index.jsonl")
    FeatureStats.of(iter([features])).save(folder / "stats.npz")
    (folder / "meta.json").write_text(json.dumps({"version": 1}), encoding="utf-8")
    return MotionStore.open(folder)


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier that calls everything a turn."""
    folder = tmp_path_factory.mktemp("classifier")
    net = classifier.ContentNet()
    net.out[-1].weight.data.zero_()
    net.out[-1].bias.data.zero_()[classifier.CONTENTS.index("turn")] = 1
    save_file(net.state_dict(), folder / "classifier-0.safetensors")
    record = {"contents": list(classifier.CONTENTS), "networks": 1}
    (folder / "classifier.json").write_text(json.dumps(record), "utf-8")
    return folder


def test_the_report_counts_what_was_named_and_shown(
    store: MotionStore, judge: Path, micro_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "report.json"
    parts = ["reconstruction", "text-to-motion", "motion-to-text", "prompts"]
    measure.main([str(micro_folder), str(store.folder), str(judge), "--out", str(out), "--parts", *parts])
    report = json.loads(out.read_text("utf-8"))
    made = report["text_to_motion"]
    assert made["content"]["per_content"] == {"walk": {"right": 0, "of": 2}, "turn": {"right": 1, "of": 1}}
    assert made["content_of_recorded"] == made["content"]
    assert made["side_of_recorded"]["left_or_right"] == {"right": 0, "of": 1}  # it walks straight
    assert made["side_of_recorded"]["failures"][0]["shown"] == "none"
    said = report["motion_to_text"]
    assert said["content_of_written"]["right"] == 1
    assert said["side_of_written"]["left_or_right"] == {"right": 1, "of": 1}
    assert report["prompts"]["groups"]["common"] == {"right": 11, "of": 60}
    assert {row["name"] for row in report["bars"]} == {bar.name for bar in bars.BARS if bar.key != "speed"}
    table = capsys.readouterr().out
    assert "| text to motion: content | 33.3% | >= 90.0% | **no** | 33.3% |" in table
    assert "| size of the model folder |" in table


def test_motions_are_those_that_users_get(store: MotionStore, micro_folder: Path) -> None:
    model = bimotion.load(micro_folder)
    sentences = asked.captions_asked(store.items("test", mirrored=False), rounds=7, seed=0)
    made = making.make_motions(model, sentences, making.Settings(seed=5, steps=3), "test")
    assert len(made.clips) == 21
    for number in (0, 18):
        alone = model.text_to_motion(sentences[number].text, seed=5 + number, steps=3)
        np.testing.assert_allclose(made.clips[number].joints, alone.joints, atol=1e-4)


def test_every_round_asks_another_caption_of_a_window(store: MotionStore) -> None:
    windows = store.items("test", mirrored=False)
    texts = [each.text for each in asked.captions_asked(windows, rounds=2, seed=0)]
    assert {texts[0], texts[3]} == set(windows[0].captions)
    assert asked.test_windows(store, 2, text=True) == asked.test_windows(store, 2, text=False)


def test_the_bars_hold_where_they_are_met() -> None:
    by_name = {bar.name: bar for bar in bars.BARS}
    error, content = by_name["VAE: mean root-relative error"], by_name["text to motion: content"]
    assert (error.holds(41.9), error.holds(42.0), error.shown(41.94)) == (True, False, "41.9 mm")
    assert (content.holds(0.9), content.holds(0.899), content.wanted) == (True, False, ">= 90.0%")


@pytest.mark.parametrize(("name", "count"), [("prompts", 100), ("prompts_blind", 106)])
def test_there_are_prompts_of_known_contents(name: str, count: int) -> None:
    prompts = asked.prompts_asked(name, 1)
    assert len({each.id for each in prompts}) == len({each.text for each in prompts}) == count
    assert {content for each in prompts for content in each.contents} <= set(CONTENT_GROUPS)


@pytest.mark.parametrize(
    ("caption", "content", "side"),
    [
        ("a person walks with no energy left.", "walk", "none"),
        ("a person walks at a right angle.", "walk", "none"),
        ("someone walks ahead and turns to the right.", "turn", "right"),
        ("a person waves both arms.", "wave", "both"),
    ],
)
def test_captions_are_read_by_rules(caption: str, content: str, side: str) -> None:
    assert (content_of(caption), side_of(caption)) == (content, side)


@pytest.mark.parametrize(
    ("model", "data", "message"),
    [
        ("nowhere", "nowhere", "nowhere: no model folder"),
        ("", "nowhere", "nowhere: expected a prepared data set"),
    ],
)
def test_what_is_missing_is_named(
    model: str, data: str, message: str, micro_folder: Path, judge: Path
) -> None:
    with pytest.raises(SystemExit, match=message):
        measure.main([model or str(micro_folder), data, str(judge)])
