"""Retrieval from the training split: what stands nearest by the evaluator, cut to the length that is asked for."""

import numpy as np
import pytest

from bimotion.data.store import MotionStore
from bimotion.errors import DataError
from bimotion.evaluation.baselines import NearestTraining
from bimotion.evaluation.systems import TextMotionSystem
from tests.evaluation.numbered_motions import Oracle, number_of


def test_motions_and_captions_find_themselves(store: MotionStore, oracle: Oracle) -> None:
    system = NearestTraining(store, oracle, split="test")
    assert isinstance(system, TextMotionSystem)
    items = store.items("test", text=True)[2:5]
    motions = [np.asarray(store.features(item)) for item in items]
    texts = [item.captions[0] for item in items]
    found = system.text_to_motions(texts, [20] * 3, 0)
    assert [number_of(motion) for motion in found] == [number_of(motion) for motion in motions]
    assert [len(motion) for motion in found] == [20] * 3
    assert [caption.split()[1] for caption in system.features_to_text(motions)] == [
        text.split()[1] for text in texts
    ]


def test_a_split_without_captions_has_nothing_to_retrieve(store: MotionStore, oracle: Oracle) -> None:
    with pytest.raises(DataError, match="train split"):
        NearestTraining(MotionStore(store.folder, [], store.meta), oracle)
