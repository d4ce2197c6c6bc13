import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bimotion.captions.content_words import content_of_words
from bimotion.data.prepare import prepare_dataset
from bimotion.data.spans import first_mention
from bimotion.data.store import MotionStore
from bimotion.data.windows import WindowConfig
from bimotion.errors import DataError
from bimotion.features import features_to_joints
from tests.data.made_up import make_motion

WALK, WAVE, TEST = 300, 80, 220


def write_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A training recording of two windows, one of a wave, a test recording, and a broken one."""
    raw = tmp_path / "raw"
    raw.mkdir()
    clips = [
        make_motion(WALK, speed=1.0, turn_deg=60),
        make_motion(WAVE, hand="left", swings=3),
        make_motion(TEST, speed=0.5),
        make_motion(40),
    ]
    np.save(raw / "joints.npy", np.concatenate(clips))
    offsets = np.cumsum([0, *map(len, clips)])
    names, splits = ("walk", "wave", "held", "broken"), ("train", "train", "test", "train")
    write_lines(
        raw / "recordings.jsonl",
        [
            {"id": name, "offset": int(offset), "frames": len(clip), "split": split, "description": None}
            | ({"max_relative_speed": 20.0} if name == "broken" else {})
            for name, offset, clip, split in zip(names, offsets, clips, splits, strict=False)
        ],
    )
    first = [[0.0, 4.0, "walks forward"], [4.0, 7.45, "walks on, curving left"]]
    second = [[0.0, 3.0, "turns left again"], [3.0, 7.4, "raises the left hand"]]
    write_lines(
        raw / "captions.jsonl",
        [
            {"id": "walk", "start": 0, "end": 150, "captions": ["a person walks ahead"], "events": first},
            {"id": "walk", "start": 150, "end": 299, "captions": ["he turns left"], "events": second},
            {"id": "wave", "start": 0, "end": 79, "captions": ["someone waves the left hand"], "events": []},
        ],
    )
    write_lines(
        raw / "captions_reference.jsonl",
        [
            {"id": "held", "start_s": 1.0, "end_s": 6.0, "captions": ["a man moves on"]},
            {"id": "held", "start_s": 1.0, "end_s": 6.0, "captions": ["a figure glides"]},
            {"id": "held", "start_s": 0.0, "end_s": 10.95, "captions": ["too long for a window"]},
            {"id": "walk", "start_s": 0.0, "end_s": 5.0, "captions": ["never to be learnt"]},
        ],
    )
    return raw


def prepared(folder: Path, out: Path, **settings: Any) -> MotionStore:
    prepare_dataset("joints", folder, out, config=WindowConfig(**settings), workers=1)
    return MotionStore.open(out)


def test_windows_take_the_captions_and_phrases_written_for_them(folder: Path, tmp_path: Path) -> None:
    items = {item.id: item for item in prepared(folder, tmp_path / "out")}
    window = items["walk#01"]
    assert (window.start, window.num_frames, window.split) == (150, 149, "train")
    assert window.captions == ("he turns left",)
    assert window.events[1] == (3.0, 7.4, "raises the left hand")
    assert "broken#00" not in items


def test_joints_come_back_where_they_were(folder: Path, tmp_path: Path) -> None:
    store = prepared(folder, tmp_path / "out", mirror=False)
    item = next(item for item in store if item.id == "walk#00")
    joints = features_to_joints(store.features(item).astype(np.float64))
    path = np.load(folder / "joints.npy")[:150, 0]
    apart = np.linalg.norm(joints[-1, 0, [0, 2]] - joints[0, 0, [0, 2]])
    assert apart == pytest.approx(np.linalg.norm(path[-1, [0, 2]] - path[0, [0, 2]]), rel=0.02)


def test_delta_coded_joints_give_the_same_windows(folder: Path, tmp_path: Path) -> None:
    plain = prepared(folder, tmp_path / "plain")
    joints = np.load(folder / "joints.npy")
    table = [json.loads(line) for line in (folder / "recordings.jsonl").read_text().splitlines()]
    deltas = np.zeros(joints.shape, np.int16)
    for row in table:
        rows = slice(row["offset"], row["offset"] + row["frames"])
        deltas[rows] = np.diff(np.round(joints[rows] / 0.0005), axis=0, prepend=0.0).astype(np.int16)
    np.save(folder / "joints_delta_halfmm.npy", deltas)
    (folder / "joints.npy").unlink()
    coded = prepared(folder, tmp_path / "coded")
    assert [item.id for item in coded] == [item.id for item in plain]
    for one, other in zip(plain, coded, strict=True):
        positions = [
            features_to_joints(store.features(item)) for store, item in ((plain, one), (coded, other))
        ]
        np.testing.assert_allclose(*positions, atol=5e-3)


def test_mirror_images_swap_sides_in_captions_and_phrases(folder: Path, tmp_path: Path) -> None:
    items = {item.id: item for item in prepared(folder, tmp_path / "out")}
    assert items["wave#00M"].captions == ("someone waves the right hand",)
    assert items["walk#01M"].events[1].text == "raises the right hand"
    assert items["wave#00M"].motion_facts().right.hand_range == pytest.approx(  # type: ignore[union-attr]
        items["wave#00"].facts["left"]["hand_range"], abs=1e-3
    )


def test_reference_captions_make_test_windows_and_nothing_else(folder: Path, tmp_path: Path) -> None:
    store = prepared(folder, tmp_path / "out", mirror=False)
    with_text = store.items("test", text=True)
    assert [(item.id, item.start, item.num_frames, item.captions) for item in with_text] == [
        ("held#r00", 20, 100, ("a man moves on", "a figure glides"))
    ]
    learnt = {caption for item in store.items("train") for caption in item.captions}
    assert "never to be learnt" not in learnt


def test_spans_say_their_phrases_in_order_across_windows(folder: Path, tmp_path: Path) -> None:
    store = prepared(folder, tmp_path / "out", mirror=False, spans=20.0)
    spans = [item for item in store if "#s" in item.id]
    assert {len(item.events) for item in spans} >= {1, 2}
    assert any(item.start < 150 < item.start + item.num_frames for item in spans)
    for item in spans:
        assert item.num_frames == pytest.approx(20 * item.events[-1].end, abs=1)
        for caption in item.captions:
            locations = [caption.find(event.text) for event in item.events]
            assert locations == sorted(locations)
            assert locations[0] >= 0
    assert any("turns left again" in event.text for item in spans for event in item.events[1:])
    assert all("again" not in item.events[0].text for item in spans)


def test_first_mentions_refer_to_nothing() -> None:
    assert first_mention("jumps forward a third time") == "jumps forward"
    assert first_mention("makes another left turn") == "makes a left turn"
    assert first_mention("kicks again and again") == "kicks again and again"


def test_a_window_that_does_not_fit_its_recording_is_named(folder: Path, tmp_path: Path) -> None:
    write_lines(folder / "captions.jsonl", [{"id": "wave", "start": 0, "end": 80, "captions": ["x"]}])
    with pytest.raises(DataError, match=r"captions.jsonl:1: wave has 80 frames, .* 0 to 80"):
        prepare_dataset("joints", folder, tmp_path / "out", workers=1)


@pytest.mark.parametrize(
    ("file", "row", "message"),
    [
        (
            "captions",
            {"id": "wave", "start": 0, "end": 79, "captions": "waves"},
            "captions: expected `array`",
        ),
        ("captions", {"id": "wave", "start": "0", "end": 79, "captions": ["waves"]}, "start: expected `int`"),
        (
            "captions",
            {"id": "wave", "start": 0, "end": 79, "captions": ["he <|endoftext|>"]},
            "special token",
        ),
        (
            "captions",
            {"id": "wave", "start": 0, "end": 79, "captions": [], "events": [[0, "waves"]]},
            "events",
        ),
        (
            "captions_reference",
            {"id": "held", "start_s": 5, "end_s": 1, "captions": ["x"]},
            "held has 10.95 sec",
        ),
        ("recordings", {"id": "wave", "offset": -1, "frames": 80}, "offset must be at least 0"),
        ("recordings", {"id": "wave", "offset": 0, "frames": 80, "split": "dev"}, "expected one of 'train'"),
    ],
)
def test_lines_of_other_types_and_values_are_refused(
    folder: Path, tmp_path: Path, file: str, row: dict[str, Any], message: str
) -> None:
    write_lines(folder / f"{file}.jsonl", [row])
    with pytest.raises(DataError, match=f"{file}.jsonl:1: .*{message}"):
        prepare_dataset("joints", folder, tmp_path / "out", workers=1)


@pytest.mark.parametrize("value", [np.nan, 1e30])
def test_recordings_with_impossible_positions_are_left_out(
    folder: Path, tmp_path: Path, value: float
) -> None:
    joints = np.load(folder / "joints.npy").astype(np.float64)
    joints[WALK + 1, 3, 1] = value
    np.save(folder / "joints.npy", joints)
    report = prepare_dataset("joints", folder, tmp_path / "out", workers=1)
    assert [failure.reason for failure in report.failures] == [
        "wave has positions that are not finite, or exceed 100000 m"
    ]


def test_recordings_can_be_left_out_by_a_catalogue(folder: Path, tmp_path: Path) -> None:
    write_lines(tmp_path / "catalogue.jsonl", [{"id": "wave", "use": False}])
    prepare_dataset("joints", folder, tmp_path / "out", catalogue=tmp_path / "catalogue.jsonl", workers=1)
    assert {item.take for item in MotionStore.open(tmp_path / "out")} == {"walk", "held"}


def test_contents_are_told_by_the_rarest_word() -> None:
    assert content_of_words(["a person walks and then kicks"]) == "kick"
    assert content_of_words(["", "walk on uneven terrain"]) == "walk"
    assert content_of_words(["qwertz"]) == "other"
