"""Reconstruction, prediction and in-betweening by systems whose errors are known."""

from collections.abc import Sequence

import numpy as np
import pytest

from bimotion.data.store import MotionStore
from bimotion.engines.local import LocalEngine
from bimotion.evaluation.completion import completion_errors, displacement_scores, reconstruction
from bimotion.evaluation.evaluation_set import EvaluationSet
from bimotion.evaluation.protocols import BIMOTION_1
from bimotion.evaluation.shards import Spread, Subject
from bimotion.features import features_to_joints
from bimotion.features.layout import ROOT_Y
from tests.evaluation.numbered_motions import Oracle, track


class Shifted:
    """Knows every motion, and generates it `metres` too high."""

    def __init__(self, store: MotionStore, metres: float) -> None:
        whole = max((store.features(item) for item in store.items("test")), key=len)
        self._whole, self._metres = np.asarray(features_to_joints(whole), dtype=np.float32), metres

    def reconstruct(self, motions: Sequence[np.ndarray]) -> list[np.ndarray]:
        generated = [motion.copy() for motion in motions]
        for motion in generated:
            motion[:, ROOT_Y] += self._metres
        return generated

    def predict(self, begin: np.ndarray, num_frames: int, seed: int) -> np.ndarray:
        np.testing.assert_allclose(begin, self._whole[: len(begin)], atol=1e-5)
        return self._moved(num_frames, slice(len(begin), None))

    def inbetween(self, begin: np.ndarray, end: np.ndarray, num_frames: int, seed: int) -> np.ndarray:
        np.testing.assert_allclose(end, self._whole[num_frames - len(end) : num_frames], atol=1e-5)
        return self._moved(num_frames, slice(len(begin), num_frames - len(end)))

    def _moved(self, num_frames: int, part: slice) -> np.ndarray:
        joints = self._whole[:num_frames].copy()
        joints[part] += np.float32([0, self._metres, 0])
        return joints


@pytest.mark.parametrize(("flat", "factor"), [(False, 1.0), (True, 22**0.5)])
def test_displacements_of_what_was_not_given(store: MotionStore, flat: bool, factor: float) -> None:
    evaluation_set = EvaluationSet(store, BIMOTION_1, count=6)
    perfect = completion_errors(evaluation_set, Shifted(store, 0), range(6), flat=flat)
    for task in ("prediction", "inbetween"):
        assert displacement_scores(perfect[task]) == {
            "ade_m": pytest.approx(0, abs=1e-5),
            "fde_m": pytest.approx(0, abs=1e-5),
        }
    shifted = completion_errors(evaluation_set, Shifted(store, 0.5), range(6), flat=flat)
    for task in ("prediction", "inbetween"):
        assert displacement_scores(shifted[task]) == {
            "ade_m": pytest.approx(0.5 * factor, rel=1e-4),
            "fde_m": pytest.approx(0.5 * factor, rel=1e-4),
        }


def test_errors_of_reconstruction(store: MotionStore, oracle: Oracle) -> None:
    evaluation_set = EvaluationSet(store, BIMOTION_1, count=20)

    def errors(shift: float) -> dict[str, float]:
        subject = Subject(evaluation_set, Shifted(store, shift), oracle)
        return reconstruction(subject, Spread(LocalEngine(), lambda: subject, track))

    perfect = errors(0)
    assert perfect == pytest.approx(dict.fromkeys(perfect, 0.0), abs=1e-3)
    # a root 0.1 m too high leaves the other joints where they are: 21 of them are 0.1 m off, seen from the root
    high = errors(0.1)
    assert high["mpjpe_mm"] == pytest.approx(100 * 21 / 22, rel=1e-3)
    assert 0 < high["pa_mpjpe_mm"] < high["mpjpe_mm"]
    assert high["acceleration_mm"] == pytest.approx(0, abs=1e-2)
