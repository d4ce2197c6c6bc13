from pathlib import Path

import numpy as np
import pytest

import bimotion
from bimotion.errors import Cancelled, ConfigError
from bimotion.inference.model import MotionLanguageModel
from bimotion.motion.clip import Clip
from bimotion.motion.skeleton import PARENTS


@pytest.fixture(scope="module")
def model(micro_folder: Path) -> MotionLanguageModel:
    return bimotion.load(micro_folder)


def bones(joints: np.ndarray) -> np.ndarray:
    return np.median(np.linalg.norm(joints[:, 1:] - joints[:, list(PARENTS[1:])], axis=-1), axis=0)


@pytest.mark.parametrize("fps", [20, 30, 60, 24, 12.5])
def test_a_continued_clip_keeps_its_frames_and_adds_what_was_asked(
    model: MotionLanguageModel, walk: Clip, fps: float
) -> None:
    context = walk.resample(fps)
    longer = model.predict(context, seconds=1.5, seed=0)
    assert longer.fps == fps
    assert len(longer) == len(context) + round(1.5 * fps)
    np.testing.assert_array_equal(longer.joints[: len(context)], context.joints)
    # A network of random weights moves wildly, but does not leave the joint with a jump.
    over = np.linalg.norm(longer.joints[len(context)] - longer.joints[len(context) - 1], axis=-1).max()
    assert over < 0.7


def test_a_continued_clip_keeps_its_bones(model: MotionLanguageModel, walk: Clip) -> None:
    child = Clip(walk.joints * np.float32(0.6), walk.fps)
    longer = model.predict(child, seconds=2, seed=0)
    faded = round(0.4 * child.fps)
    np.testing.assert_allclose(bones(longer.joints[len(child) + faded :]), bones(child.joints), atol=5e-3)


def test_more_than_the_network_makes_at_once_is_made_in_pieces(
    model: MotionLanguageModel, walk: Clip
) -> None:
    longer = model.predict(walk, seconds=20, seed=0)
    assert len(longer) == len(walk) + 400
    np.testing.assert_array_equal(longer.joints, model.predict(walk, seconds=20, seed=0).joints)


def test_a_gap_between_parts_of_a_recording_is_filled_where_it_is(
    model: MotionLanguageModel, walk: Clip
) -> None:
    first, last = walk[:15], walk[30:]
    whole = model.inbetween(first, last, seconds=0.75, seed=0, fixed_end=True)
    assert len(whole) == len(walk)
    np.testing.assert_array_equal(whole.joints[:15], first.joints)
    np.testing.assert_array_equal(whole.joints[30:], last.joints)


def test_a_clip_of_another_rate_and_place_is_brought_along(model: MotionLanguageModel, walk: Clip) -> None:
    far = Clip(walk.joints + np.array([5, 0, -3], np.float32), 20.0).resample(30)
    whole = model.inbetween(walk, far, seconds=1, seed=0)
    assert whole.fps == walk.fps
    assert len(whole) == len(walk) + 20 + len(far.resample(20))
    step = np.linalg.norm(np.diff(whole.joints[:, 0, [0, 2]], axis=0), axis=-1)
    assert step[len(walk) + 19] < 0.3  # not the 5.8 m between their places


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), 601, 1e9, float("inf")])
def test_impossible_predictions_are_refused_at_once(
    model: MotionLanguageModel, walk: Clip, seconds: float
) -> None:
    with pytest.raises(ConfigError, match="seconds: "):
        model.predict(walk, seconds=seconds)


def test_a_prediction_reports_its_progress_and_can_be_cancelled(
    model: MotionLanguageModel, walk: Clip
) -> None:
    seen: list[tuple[int, int]] = []
    model.predict(walk, seconds=20, seed=0, progress=lambda done, total: seen.append((done, total)))
    assert seen[0] == (0, 400)
    assert seen[-1] == (400, 400)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    with pytest.raises(Cancelled, match=r"after \d+ of 400"):
        model.predict(walk, seconds=20, cancel=lambda: len(seen) > 0)


def test_new_frames_stay_above_the_floor_of_the_clip(model: MotionLanguageModel, walk: Clip) -> None:
    high = Clip(walk.joints + np.array([0, 0.7, 0], np.float32), walk.fps)
    longer = model.predict(high, seconds=3, seed=0)
    assert longer.joints[..., 1].min() >= high.joints[..., 1].min() - 1e-5
    both = model.inbetween(high, high, seconds=1.5, seed=1)
    assert both.joints[..., 1].min() >= high.joints[..., 1].min() - 1e-5


def test_the_old_names_work_and_warn(model: MotionLanguageModel, walk: Clip) -> None:
    with pytest.warns(DeprecationWarning, match="predict"):
        longer = model.continue_motion(walk, seconds=0.5, seed=0)
    np.testing.assert_array_equal(longer.joints, model.predict(walk, seconds=0.5, seed=0).joints)
    with pytest.warns(DeprecationWarning, match="inbetween"):
        both = model.fill_between(walk, walk, seconds=0.5, seed=0)
    np.testing.assert_array_equal(both.joints, model.inbetween(walk, walk, seconds=0.5, seed=0).joints)
    with pytest.warns(DeprecationWarning, match="fixed_end"):
        both = model.inbetween(walk, walk, seconds=0.5, seed=0, keep_places=True)
    fixed = model.inbetween(walk, walk, seconds=0.5, seed=0, fixed_end=True)
    np.testing.assert_array_equal(both.joints, fixed.joints)


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), 9])
def test_impossible_gaps_are_refused(model: MotionLanguageModel, walk: Clip, seconds: float) -> None:
    with pytest.raises(ConfigError, match="seconds: "):
        model.inbetween(walk, walk, seconds=seconds)


def test_a_sentence_guides_what_follows_and_what_lies_between(model: MotionLanguageModel, walk: Clip) -> None:
    free = model.predict(walk, seconds=2, seed=0)
    guided = model.predict(walk, seconds=2, seed=0, text="turns around")
    assert len(guided) == len(free)
    np.testing.assert_array_equal(guided.joints[: len(walk)], walk.joints)
    assert np.abs(guided.joints - free.joints).max() > 0.01
    whole = model.inbetween(walk, walk, seconds=2, seed=0, text="a person waves")
    assert len(whole) == 2 * len(walk) + 40
    np.testing.assert_array_equal(whole.joints[: len(walk)], walk.joints)
    with pytest.raises(ConfigError, match="expected a sentence"):
        model.predict(walk, text="  ")
