"""Text to motion: systems of which the scores are known."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bimotion.data.store import MotionStore
from bimotion.errors import ConfigError, DataError
from bimotion.evaluation.checkpoint import Checkpoint
from bimotion.evaluation.evaluate import EvaluationConfig, Part, evaluate
from bimotion.evaluation.evaluation_set import EvaluationSet
from bimotion.evaluation.protocols import BIMOTION_1, HUMANML3D_2022
from bimotion.evaluation.scores import PUBLISHED, REAL, SYSTEM, Scores
from bimotion.evaluation.shards import Subject
from bimotion.evaluation.text_to_motion import TextToMotion
from tests.evaluation.numbered_motions import NUM, Oracle, number_of, track


class Recorded:
    """Gives back the recorded motion of a caption's number, plus `step`."""

    def __init__(self, store: MotionStore, step: int = 0) -> None:
        self._motions = {
            number_of(store.features(item)): store.features(item) for item in store.items("test")
        }
        self._step = step
        self.seeds: list[int] = []

    def text_to_motions(
        self, texts: Sequence[str], frames: Sequence[int] | None, seed: int
    ) -> list[np.ndarray]:
        if frames is None:
            raise ConfigError("no lengths")
        self.seeds.append(seed)
        return [self._motions[(int(text.split()[1]) + self._step) % NUM] for text in texts]

    def features_to_text(self, motions: Sequence[np.ndarray]) -> list[str]:
        return [f"motion {number_of(motion)} walks." for motion in motions]


def scored(store: MotionStore, system: Recorded, oracle: Oracle, repeats: int, seed: int = 0) -> Scores:
    """Scores of text to motion alone."""
    parts: tuple[Part, ...] = ("text-to-motion",)
    config = EvaluationConfig(repeats=repeats, parts=parts)
    return evaluate(EvaluationSet(store, BIMOTION_1, seed=seed), system, oracle, config, track).scores


def test_the_real_motions_and_their_copies_are_perfect(store: MotionStore, oracle: Oracle) -> None:
    system = Recorded(store)
    scores = scored(store, system, oracle, 3)["text_to_motion"]
    real, generated = scores[REAL], scores[SYSTEM]
    # the caption of motion 1 is "motion 0": it finds its motion only where motion 0 is in its group
    assert 1 - 1 / NUM <= real["top_1"].mean <= 1
    assert real["fid"].mean == pytest.approx(0, abs=1e-6)
    assert generated["top_1"].mean == 1
    # what is made for motion 1 is motion 0, which FID sees twice
    assert 0 < generated["fid"].mean < 0.05
    assert generated["multimodality"].mean == 0
    assert real["diversity"].mean == pytest.approx(generated["diversity"].mean, rel=0.05)
    assert (generated["top_1"].repeats, generated["top_1"].interval) == (3, 0)
    assert len(set(system.seeds)) == 6


def test_wrong_motions_are_found_by_chance_only(store: MotionStore, oracle: Oracle) -> None:
    scores = scored(store, Recorded(store, step=7), oracle, 4)["text_to_motion"]
    assert scores[SYSTEM]["top_1"].mean < 0.15
    assert scores[SYSTEM]["mm_dist"].mean > 2
    assert scores[SYSTEM]["fid"].mean < 0.05  # they are real motions all the same


def test_the_same_seed_gives_the_same_numbers(store: MotionStore, oracle: Oracle) -> None:
    runs = [scored(store, Recorded(store, 1), oracle, 2, seed) for seed in (3, 3, 4)]
    assert runs[0] == runs[1] != runs[2]


def test_only_ours_counts_the_remainder_and_true_captions(store: MotionStore, oracle: Oracle) -> None:
    _, first = TextToMotion(Subject(EvaluationSet(store, BIMOTION_1), None, oracle), track).repeat(0)
    assert first is not None
    assert sum(line["count"] for line in first.by_content) == NUM
    published = EvaluationSet(store, HUMANML3D_2022)
    with pytest.raises(DataError, match="300 pairs cannot be drawn from 70 motions"):
        TextToMotion(Subject(published, None, oracle), track).repeat(0)


def test_a_published_protocol_needs_the_published_evaluator(store: MotionStore, oracle: Oracle) -> None:
    with pytest.raises(ConfigError, match="humanml3d-2022 is defined by the published evaluator"):
        evaluate(EvaluationSet(store, HUMANML3D_2022), None, oracle, EvaluationConfig(), track)


def test_everything_at_once(store: MotionStore, oracle: Oracle) -> None:
    done = evaluate(
        EvaluationSet(store, BIMOTION_1), Recorded(store), oracle, EvaluationConfig(repeats=2), track
    )
    assert list(done.scores) == [
        "text_to_motion",
        "natural",
        "adherence",
        "motion_to_text",
        "captions_raw",
        "captions_tokens",
    ]
    assert done.notes == ["The system chooses no lengths: length errors are not measured."]
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


class Crops(Oracle):
    """Adds the length of a motion to its embedding, so that crops matter."""

    def embed_motions(self, motions: Sequence[np.ndarray]) -> np.ndarray:
        lengths = np.array([[0.01 * len(motion)] for motion in motions], dtype=np.float32)
        return super().embed_motions(motions) + lengths


def test_fid_of_the_recorded_motions_is_between_two_draws(store: MotionStore) -> None:
    evaluation_set = EvaluationSet(store, BIMOTION_1)
    task = TextToMotion(Subject(evaluation_set, None, Crops()), track)
    fids = [task.repeat(number)[0][REAL]["fid"] for number in range(3)]
    assert all(0 < fid < 0.01 for fid in fids)
    assert len(set(fids)) == 3
    assert "fid" not in task.repeat(3)[0][REAL]  # bimotion-1 measures it in three repeats only
    config = EvaluationConfig(repeats=5, parts=("text-to-motion",))
    measured = evaluate(evaluation_set, None, Crops(), config, track).scores["text_to_motion"][REAL]
    assert (measured["fid"].repeats, measured["top_1"].repeats) == (3, 5)
    assert measured["fid"].mean == pytest.approx(np.mean(fids), rel=1e-6)


class Published(Oracle):
    kind = "published"


def test_the_published_protocol_prints_the_published_row(store: MotionStore, oracle: Oracle) -> None:
    small = replace(HUMANML3D_2022, diversity_pairs=60)
    config = EvaluationConfig(protocol="humanml3d-2022", repeats=2, parts=("text-to-motion",))
    done = evaluate(EvaluationSet(store, small), None, Published(), config, track)
    published = done.scores["text_to_motion"][PUBLISHED]
    assert [published[name].mean for name in ("top_1", "top_2", "top_3", "mm_dist", "diversity")] == [
        *(0.511, 0.703, 0.797, 2.974, 9.503)
    ]
    (note,) = [note for note in done.notes if "published row" in note]
    assert "MM-Dist 0.000 instead of 2.974" in note or "MM-Dist" in note
    actual = evaluate(
        EvaluationSet(store, BIMOTION_1), None, oracle, replace(config, protocol="bimotion-1"), track
    )
    assert PUBLISHED not in actual.scores["text_to_motion"]


class Interrupted(Recorded):
    """Fails after some calls."""

    def __init__(self, store: MotionStore, calls: int) -> None:
        super().__init__(store, step=1)
        self.calls, self.left = 0, calls

    def text_to_motions(
        self, texts: Sequence[str], frames: Sequence[int] | None, seed: int
    ) -> list[np.ndarray]:
        if frames is not None:
            self.calls += 1
            self.left -= 1
            if self.left < 0:
                raise KeyboardInterrupt
        return super().text_to_motions(texts, frames, seed)


def test_an_interrupted_evaluation_continues_and_gives_the_same_report(
    store: MotionStore, oracle: Oracle, tmp_path: Path
) -> None:
    evaluation_set, config = EvaluationSet(store, BIMOTION_1), EvaluationConfig(repeats=3)
    whole = evaluate(evaluation_set, Recorded(store, step=1), oracle, config, track)
    stopped = Interrupted(store, calls=3)  # two calls a repeat: motions, and those for MultiModality
    with pytest.raises(KeyboardInterrupt):
        evaluate(evaluation_set, stopped, oracle, config, track, Checkpoint(tmp_path, {"a": 1}))
    again = Checkpoint(tmp_path, {"a": 1})
    assert again.finished() == 1
    system = Interrupted(store, calls=100)
    done = evaluate(evaluation_set, system, oracle, config, track, again)
    assert system.calls == 4
    assert done.scores == whole.scores
    assert (done.curves, done.points, done.by_content, done.notes) == (
        *(whole.curves, whole.points, whole.by_content, whole.notes),
    )
    for actual, reference in zip(done.cases, whole.cases, strict=True):
        assert (actual.id, actual.distance) == (reference.id, reference.distance)
        np.testing.assert_array_equal(actual.clip.joints, reference.clip.joints)
    assert Checkpoint(tmp_path, {"a": 2}).finished() == 0  # other settings begin anew
    again.discard()
    assert list(tmp_path.iterdir()) == []


def test_chunks_do_not_change_the_scores(
    store: MotionStore, oracle: Oracle, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = scored(store, Recorded(store, 1), oracle, 2)
    small = Recorded(store, 1)
    monkeypatch.setattr("bimotion.evaluation.shards.CHUNK", 16)
    monkeypatch.setattr(
        "bimotion.evaluation.shards.chunks",
        lambda count, size=16: [range(a, min(a + size, count)) for a in range(0, count, size)],
    )
    assert scored(store, small, oracle, 2) == whole
    assert small.seeds[:2] == [0, 16]
