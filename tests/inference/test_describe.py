from pathlib import Path

import numpy as np
import pytest

import bimotion
from bimotion.inference.describe import change_points, merged, movement, parts_of, story
from bimotion.inference.timed_text import TIMED_FORMATS
from bimotion.inference.timeline import TimedPhrase, read_timeline
from bimotion.motion.clip import Clip

PHRASES = [TimedPhrase("walks <fast> & far", 0, 2.5), TimedPhrase('sits, "slowly"', 2.5, 3725.25)]


def test_a_change_of_the_movement_is_found_where_it_is() -> None:
    course = np.zeros((20, 3))
    course[8:] = 1.5
    course += np.random.default_rng(0).normal(0, 0.1, course.shape)
    assert change_points(course, 20) == [0, 8, 20]
    assert change_points(np.zeros((20, 3)), 20) == [0, 20]
    assert max(np.diff(change_points(np.zeros((50, 3)), 20))) <= 20


def test_walking_then_standing_is_two_parts(walk: Clip) -> None:
    still = np.repeat(walk.joints[-1:], 60, axis=0)
    joints = np.concatenate([walk.joints, still])
    (first, second) = parts_of(joints, 196)
    assert (first[0], second[1]) == (0, len(joints))
    assert first[1] == second[0] == pytest.approx(len(walk), abs=10)


def test_movement_measures_speed_and_turning(walk: Clip) -> None:
    course = movement(walk.joints)
    np.testing.assert_allclose(course[:, 0] * 0.5, 1.0, atol=0.05)  # 1 m/s
    np.testing.assert_allclose(course[:, 1] * 0.5, 1.0, atol=0.05)  # forwards
    np.testing.assert_allclose(course[:, 2], 0, atol=0.1)


def test_neighbours_with_one_text_are_one() -> None:
    parts = [TimedPhrase("walks", 0, 2), TimedPhrase("walks", 2, 3), TimedPhrase("sits", 3, 4)]
    assert merged(parts) == [TimedPhrase("walks", 0, 3), TimedPhrase("sits", 3, 4)]


def test_a_description_covers_the_whole_clip(micro_folder: Path, walk: Clip) -> None:
    joints = np.concatenate([walk.joints, np.repeat(walk.joints[-1:], 80, axis=0)])
    phrases = bimotion.load(micro_folder).describe(Clip(joints, 20.0).resample(30))
    assert phrases[0].start == 0
    assert phrases[-1].end == pytest.approx(len(joints) / 20, abs=0.1)
    assert all(a.end == b.start for a, b in zip(phrases[:-1], phrases[1:], strict=True))


def test_timed_captions_are_written_in_the_forms_of_their_suffixes(tmp_path: Path) -> None:
    srt = TIMED_FORMATS[".srt"](PHRASES)
    assert srt.split("\n")[:3] == [
        "1",
        "00:00:00,000 --> 00:00:02,500",
        "walks <fast> & far",
    ]
    vtt = TIMED_FORMATS[".vtt"](PHRASES)
    assert vtt.startswith("WEBVTT\n\n00:00:00.000 --> 00:00:02.500\nwalks &lt;fast&gt; &amp; far\n\n")
    assert "00:00:02.500 --> 01:02:05.250" in vtt
    assert TIMED_FORMATS[".csv"](PHRASES).split("\n")[2] == '2.50,3725.25,"sits, ""slowly"""'
    timeline = tmp_path / "story.txt"
    timeline.write_text(
        TIMED_FORMATS[".txt"]([TimedPhrase("walks", 0, 2.5), TimedPhrase("sits", 2.5, 4)]), "utf-8"
    )
    assert [(phrase.text, phrase.seconds) for phrase in read_timeline(timeline)] == [
        ("walks", 2.5),
        ("sits", 1.5),
    ]


def test_a_long_clip_gets_one_text_of_its_moments(walk: Clip) -> None:
    model = bimotion.load()
    standing = np.repeat(walk.joints[-1:], 160, axis=0)
    clip = Clip(np.concatenate([walk.joints, standing]).astype(np.float32), 20.0)
    assert len(clip) > model.max_frames
    text, phrases = model.motion_to_text(clip), model.describe(clip)
    assert text == story(phrases)
    assert all(phrase.text in text for phrase in phrases)
    assert "walk" in phrases[0].text
    assert "stand" in phrases[-1].text
    assert "; then" in model.motion_to_text(clip, best=1) or ";" not in text
