"""Windows, captions and crops of an evaluation: determined by the seed and the protocol."""

import numpy as np
import pytest

from bimotion.data.store import MotionStore
from bimotion.errors import DataError
from bimotion.evaluation.evaluation_set import EvaluationSet
from bimotion.evaluation.protocols import BIMOTION_1, HUMANML3D_2022


def test_whole_windows_and_every_caption_once(store: MotionStore) -> None:
    evaluation_set = EvaluationSet(store, BIMOTION_1)
    repeats = [evaluation_set.repeat(number) for number in range(3)]
    for index, item in enumerate(evaluation_set.items):
        assert {repeat.captions[index] for repeat in repeats} == set(item.captions)
        np.testing.assert_array_equal(repeats[0].motions[index], store.features(item))
    assert evaluation_set.repeat(3).captions == repeats[0].captions
    lengths = [item.num_frames for item in evaluation_set.items]
    assert lengths == sorted(lengths)


def test_published_crops_are_multiples_of_four_a_third_of_them_shorter(store: MotionStore) -> None:
    evaluation_set = EvaluationSet(store, HUMANML3D_2022)
    shorter = []
    for number in range(20):
        repeat = evaluation_set.repeat(number)
        for item, motion, frames in zip(evaluation_set.items, repeat.motions, repeat.frames, strict=True):
            assert len(motion) == frames
            assert item.num_frames // 4 - frames // 4 in (0, 1)
            assert frames % 4 == 0
            shorter.append(item.num_frames // 4 - frames // 4)
    assert np.mean(shorter) == pytest.approx(1 / 3, abs=0.05)
    assert evaluation_set.repeat(0).frames != evaluation_set.repeat(1).frames
    assert evaluation_set.repeat(1).frames == EvaluationSet(store, HUMANML3D_2022).repeat(1).frames
    assert (
        evaluation_set.repeat(1).captions != EvaluationSet(store, HUMANML3D_2022, seed=1).repeat(1).captions
    )


def test_a_caption_that_is_true_of_both_makes_both_right(store: MotionStore) -> None:
    evaluation_set = EvaluationSet(store, BIMOTION_1)
    correct = evaluation_set.repeat(0).correct
    assert correct is not None
    twins = [index for index, item in enumerate(evaluation_set.items) if item.id in ("clip00#0", "clip01#0")]
    assert correct.sum() == len(evaluation_set) + 2
    assert correct[np.ix_(twins, twins)].all()
    assert EvaluationSet(store, HUMANML3D_2022).repeat(0).correct is None


def test_the_second_draw_is_cropped_independently(store: MotionStore) -> None:
    for protocol in (BIMOTION_1, HUMANML3D_2022):
        evaluation_set = EvaluationSet(store, protocol)
        first, second = evaluation_set.repeat(0).motions, evaluation_set.second_draw(0)
        assert all(length % 4 == 0 for length in second.lengths)
        assert first.lengths != second.lengths != evaluation_set.second_draw(1).lengths
        assert second.lengths == EvaluationSet(store, protocol).second_draw(0).lengths


def test_published_references_are_three(store: MotionStore) -> None:
    evaluation_set = EvaluationSet(store, HUMANML3D_2022)
    item = evaluation_set.items[0]
    assert evaluation_set.references(item) == list(item.captions)
    from dataclasses import replace

    assert evaluation_set.references(replace(item, captions=("a.", "b."))) == ["a.", "b.", "a."]
    assert len(evaluation_set.references(replace(item, captions=tuple("abcd")))) == 3
    assert len(EvaluationSet(store, BIMOTION_1).references(replace(item, captions=tuple("abcd")))) == 4


def test_the_fingerprint_tells_other_windows(store: MotionStore) -> None:
    whole = EvaluationSet(store, BIMOTION_1)
    assert whole.fingerprint() == EvaluationSet(store, BIMOTION_1, seed=5).fingerprint()
    assert whole.fingerprint() != EvaluationSet(store, BIMOTION_1, count=30).fingerprint()
    assert len(EvaluationSet(store, BIMOTION_1, count=30)) == 30


def test_faults_are_named(store: MotionStore) -> None:
    with pytest.raises(DataError, match="no windows with captions in the split val"):
        EvaluationSet(store, BIMOTION_1, split="val")
