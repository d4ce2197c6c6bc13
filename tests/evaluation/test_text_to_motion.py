"""Text to motion: systems of which the scores are known."""

from collections.abc import Sequence

import numpy as np
import pytest

from bimotion.data.store import MotionStore
from bimotion.errors import ConfigError, DataError
from bimotion.evaluation.evaluate import EvaluationConfig, evaluate
from bimotion.evaluation.evaluation_set import Asked
from bimotion.evaluation.protocols import BIMOTION_1, HUMANML3D_2022
from bimotion.evaluation.scores import REAL, SYSTEM
from bimotion.evaluation.text_to_motion import text_to_motion
from tests.evaluation.numbered_motions import NUM, Oracle, number_of, track


class Recorded:
    """Gives back the recorded motion of a caption's number, plus `step`."""

    def __init__(self, store: MotionStore, step: int = 0) -> None:
        self._motions = {
            number_of(store.features(item)): store.features(item) for item in store.items("test")
        }
        self._step = step
        self.seeds: list[int] = []

    def text_to_features(
        self, texts: Sequence[str], frames: Sequence[int] | None, seed: int
    ) -> list[np.ndarray]:
        if frames is None:
            raise ConfigError("no lengths")
        self.seeds.append(seed)
        return [self._motions[(int(text.split()[1]) + self._step) % NUM] for text in texts]

    def features_to_text(self, motions: Sequence[np.ndarray]) -> list[str]:
        return [f"motion {number_of(motion)} walks." for motion in motions]


def test_the_real_motions_and_their_copies_are_perfect(store: MotionStore, oracle: Oracle) -> None:
    system = Recorded(store)
    measured = text_to_motion(Asked(store, BIMOTION_1), system, oracle, 3, track)
    real, made = measured.scores[REAL], measured.scores[SYSTEM]
    # the caption of motion 1 is "motion 0": it finds its motion only where motion 0 is in its group
    assert 1 - 1 / NUM <= real["top_1"].mean <= 1
    assert real["fid"].mean == pytest.approx(0, abs=1e-6)
    assert made["top_1"].mean == 1
    # what is made for motion 1 is motion 0, which FID sees twice
    assert 0 < made["fid"].mean < 0.05
    assert made["multimodality"].mean == 0
    assert real["diversity"].mean == pytest.approx(made["diversity"].mean, rel=0.05)
    assert (made["top_1"].repeats, made["top_1"].interval) == (3, 0)
    assert len(set(system.seeds)) == 6


def test_wrong_motions_are_found_by_chance_only(store: MotionStore, oracle: Oracle) -> None:
    scores = text_to_motion(Asked(store, BIMOTION_1), Recorded(store, step=7), oracle, 4, track).scores
    assert scores[SYSTEM]["top_1"].mean < 0.15
    assert scores[SYSTEM]["mm_dist"].mean > 2
    assert scores[SYSTEM]["fid"].mean < 0.05  # they are real motions all the same


def test_the_same_seed_gives_the_same_numbers(store: MotionStore, oracle: Oracle) -> None:
    runs = [
        text_to_motion(Asked(store, BIMOTION_1, seed=seed), Recorded(store, 1), oracle, 2, track).scores
        for seed in (3, 3, 4)
    ]
    assert runs[0] == runs[1] != runs[2]


def test_only_ours_counts_the_remainder_and_true_captions(store: MotionStore, oracle: Oracle) -> None:
    ours = text_to_motion(Asked(store, BIMOTION_1), None, oracle, 1, track)
    assert len(ours.first.retrieval_of_real.items) == NUM
    published = Asked(store, HUMANML3D_2022)
    with pytest.raises(DataError, match="300 pairs cannot be drawn from 70 motions"):
        text_to_motion(published, None, oracle, 1, track)


def test_a_published_protocol_needs_the_published_evaluator(store: MotionStore, oracle: Oracle) -> None:
    with pytest.raises(ConfigError, match="humanml3d-2022 is defined by the published evaluator"):
        evaluate(Asked(store, HUMANML3D_2022), None, oracle, EvaluationConfig(), track)


def test_everything_at_once(store: MotionStore, oracle: Oracle) -> None:
    done = evaluate(Asked(store, BIMOTION_1), Recorded(store), oracle, EvaluationConfig(repeats=2), track)
    assert list(done.scores) == [
        "text_to_motion",
        "natural",
        "asked",
        "motion_to_text",
        "captions_raw",
        "captions_tokens",
    ]
    assert done.notes == ["The system chooses no lengths: their error is not measured."]
    assert {row: len(curve) for row, curve in done.curves.items()} == {REAL: 32, SYSTEM: 32}
    assert sum(line["count"] for line in done.by_content) == NUM
    assert [case.kind for case in done.cases] == ["best"] * 3 + ["worst"] * 3
    natural = done.scores["natural"]
    assert natural[SYSTEM]["speed"].mean == pytest.approx(1.0, abs=0.02)
    assert natural[REAL]["jitter"].mean == pytest.approx(natural[SYSTEM]["jitter"].mean, rel=0.05)


def test_settings_out_of_range_are_named() -> None:
    with pytest.raises(ConfigError, match="protocol: expected one of"):
        EvaluationConfig(protocol="other")
    with pytest.raises(ConfigError, match="1 or more repeats"):
        EvaluationConfig(repeats=0)
    with pytest.raises(ConfigError, match="seed: expected 0 or more"):
        EvaluationConfig(seed=-1)
