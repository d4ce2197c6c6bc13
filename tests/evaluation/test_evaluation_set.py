"""What a system is asked: the same for the same seed, as the protocol says."""

import numpy as np
import pytest

from bimotion.data.store import MotionStore
from bimotion.errors import ConfigError, DataError
from bimotion.evaluation.evaluation_set import Asked
from bimotion.evaluation.protocols import BIMOTION_1, HUMANML3D_2022, protocol_named


def test_whole_windows_and_every_caption_once(store: MotionStore) -> None:
    asked = Asked(store, BIMOTION_1)
    rounds = [asked.round(number) for number in range(3)]
    for place, item in enumerate(asked.items):
        assert {part.captions[place] for part in rounds} == set(item.captions)
        np.testing.assert_array_equal(rounds[0].motions[place], store.features(item))
    assert asked.round(3).captions == rounds[0].captions
    assert [item.num_frames for item in asked.items] == sorted(item.num_frames for item in asked.items)


def test_published_crops_are_multiples_of_four_a_third_of_them_shorter(store: MotionStore) -> None:
    asked = Asked(store, HUMANML3D_2022)
    shorter = []
    for number in range(20):
        part = asked.round(number)
        for item, motion, frames in zip(asked.items, part.motions, part.frames, strict=True):
            assert len(motion) == frames
            assert item.num_frames // 4 - frames // 4 in (0, 1)
            assert frames % 4 == 0
            shorter.append(item.num_frames // 4 - frames // 4)
    assert np.mean(shorter) == pytest.approx(1 / 3, abs=0.05)
    assert asked.round(0).frames != asked.round(1).frames
    assert asked.round(1).frames == Asked(store, HUMANML3D_2022).round(1).frames
    assert asked.round(1).captions != Asked(store, HUMANML3D_2022, seed=1).round(1).captions


def test_a_caption_that_is_true_of_both_makes_both_right(store: MotionStore) -> None:
    asked = Asked(store, BIMOTION_1)
    alike = asked.round(0).alike
    assert alike is not None
    twins = [place for place, item in enumerate(asked.items) if item.id in ("clip00#0", "clip01#0")]
    assert alike.sum() == len(asked) + 2
    assert alike[np.ix_(twins, twins)].all()
    assert Asked(store, HUMANML3D_2022).round(0).alike is None


def test_published_references_are_three(store: MotionStore) -> None:
    asked = Asked(store, HUMANML3D_2022)
    item = asked.items[0]
    assert asked.references(item) == list(item.captions)
    from dataclasses import replace

    assert asked.references(replace(item, captions=("a.", "b."))) == ["a.", "b.", "a."]
    assert len(asked.references(replace(item, captions=tuple("abcd")))) == 3
    assert len(Asked(store, BIMOTION_1).references(replace(item, captions=tuple("abcd")))) == 4


def test_the_fingerprint_tells_other_windows(store: MotionStore) -> None:
    whole = Asked(store, BIMOTION_1)
    assert whole.fingerprint() == Asked(store, BIMOTION_1, seed=5).fingerprint()
    assert whole.fingerprint() != Asked(store, BIMOTION_1, count=30).fingerprint()
    assert len(Asked(store, BIMOTION_1, count=30)) == 30


def test_faults_are_named(store: MotionStore) -> None:
    with pytest.raises(DataError, match="no windows with captions in the split val"):
        Asked(store, BIMOTION_1, split="val")
    with pytest.raises(ConfigError, match="expected one of bimotion-1, humanml3d-2022, got 'fid'"):
        protocol_named("fid")
