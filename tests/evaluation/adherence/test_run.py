"""The runner: systems that do what they are asked, and systems that stand still."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bimotion
from bimotion.data.store import MotionStore
from bimotion.errors import DataError
from bimotion.evaluation.adherence import classifier as classifier_module
from bimotion.evaluation.adherence.check import check, rates_to_json, table
from bimotion.evaluation.adherence.classifier import Classifier, Training, activity_scores, train
from bimotion.evaluation.adherence.doubt import doubt_rates, fit_limit, halves, measure_doubt
from bimotion.evaluation.adherence.motions import ModelMotions
from bimotion.evaluation.adherence.natural import Sample, compare, ends_well
from bimotion.evaluation.adherence.prompts import Contrast, Prompts, Request, SidePrompt, TwoActions
from bimotion.evaluation.adherence.recordings import Event, Window
from bimotion.evaluation.adherence.reference import (
    recorded_contrasts,
    recorded_order,
    recorded_requests,
    recorded_sides,
)
from bimotion.evaluation.adherence.run import measure
from bimotion.evaluation.adherence.targets import Targets, markdown, rows
from bimotion.evaluation.adherence.test_set import measure_test_set
from bimotion.inference.settings import Sampling
from tests.evaluation.adherence.puppet import Puppet, jumping, ramp, walking
from tests.evaluation.adherence.test_judges import raised, turning

PROMPTS = Prompts(
    contrasts=(
        Contrast(
            "speed-1",
            "speed",
            "rule",
            "slow walk",
            "fast walk",
            both=("walk",),
            measure="speed",
            ratio=1.25,
            recorded=("walks slowly", "walks fast"),
        ),
        Contrast("count-1", "count", "hand", "jump", "two jumps", a_rules=("jump:1",), b_rules=("jump:2",)),
    ),
    requests=(
        Request("sport-1", "sport", "jump", ("jump:1",), recorded="jumps"),
        Request("daily-1", "daily", "left hand up", ("raise_left", "!raise_right"), idle="right_arm"),
        Request("dance-1", "dance", "salsa", activity="salsa"),
    ),
    two_actions=(TwoActions("two-1", "jump, then turn", ("jump", "turn")),),
    sides=(
        SidePrompt("hands-1", "hands", "left", "left hand up", "raise"),
        SidePrompt("turns-1", "turns", "right", "turn right", "turn"),
    ),
)

JUMP_THEN_TURN = Puppet(
    5, flight=np.pad(jumping(1).flight, (0, 100))[:100], yaw_deg=ramp((2.5, 0), (3.5, 120), seconds=5)
)
MOTIONS = {
    "slow walk": walking(6, step_seconds=0.9),
    "fast walk": walking(6, step_seconds=0.5),
    "jump": jumping(1),
    "two jumps": jumping(2),
    "left hand up": raised("left"),
    "salsa": Puppet(3),
    "jump, then turn": JUMP_THEN_TURN,
    "turn right": turning(-90),
}


class Obedient:
    def motions(self, texts: Sequence[str], seed: int) -> list[np.ndarray]:
        return [MOTIONS[text].joints().astype(np.float32) for text in texts]


class Statue:
    def motions(self, texts: Sequence[str], seed: int) -> list[np.ndarray]:
        return [Puppet(3).joints().astype(np.float32) for _ in texts]


def window(
    name: str, puppet: Puppet, caption: str, *events: tuple[float, float, str], split: str = "train"
) -> Window:
    return Window(name, split, puppet.joints(), (caption,) * 3, tuple(Event(*event) for event in events), "")  # type: ignore[arg-type]


WINDOWS = [
    window("a/0", walking(8, step_seconds=0.9), "a person walks slowly", (0.5, 7.5, "walks slowly")),
    window("b/0", walking(8, step_seconds=0.4), "a person walks fast", (0.5, 3.5, "walks fast")),
    window("c/0", jumping(1), "a person jumps", (1.0, 1.5, "jumps up")),
    window("d/0", raised("left"), "raises the left hand", (1.0, 3.6, "raises the left hand")),
]


def test_a_system_that_obeys_is_right_everywhere() -> None:
    results = measure(Obedient(), seeds=2, prompts=PROMPTS)
    for name in ("contrasts", "requests", "two_actions", "sides"):
        assert results[name]["share"] == 1.0, name
    assert results["contrasts"]["of"] == 4
    assert results["requests"]["of"] == 4  # without a classifier nothing is said of salsa
    assert results["requests_left_out"] == ["dance-1"]
    assert all(row.met for row in rows(results))


def test_a_system_that_stands_still_is_right_nowhere() -> None:
    results = measure(Statue(), seeds=1, prompts=PROMPTS)
    assert [results[name]["right"] for name in ("contrasts", "requests", "two_actions", "sides")] == [
        0,
        0,
        0,
        0,
    ]
    assert not any(row.met for row in rows(results))
    assert "| contrasts | 0.00 | >= 0.80 | **no** |" in markdown(results)


def test_recordings_stand_beside_and_naturalness_is_compared() -> None:
    results = measure(Obedient(), seeds=1, prompts=PROMPTS, windows=WINDOWS)
    assert results["recorded"]["contrasts"]["share"] == 1.0
    assert results["recorded"]["requests"]["share"] == 1.0
    assert results["natural"]["contents"]["jump"]["jitter_times"] == pytest.approx(1.0, rel=0.2)
    assert results["natural"]["idle"]["jitter_times"] == pytest.approx(1.0, abs=0.1)
    assert {row["name"] for row in results["targets"]["rows"]} >= {"jitter, worst content, times recorded"}


def test_what_recordings_reach_is_judged_by_the_same_rules() -> None:
    assert recorded_contrasts(PROMPTS.contrasts, WINDOWS).total.share == 1.0
    assert recorded_requests(PROMPTS.requests, WINDOWS, {}).total.of == 1
    assert recorded_sides(WINDOWS).by["hands"].share == 1.0
    both = window("e/0", JUMP_THEN_TURN, "jumps and stands", (0.8, 1.7, "jumps"), (3.9, 5.0, "stands still"))
    assert recorded_order([both]).total.share == 1.0


def test_judges_are_counted_on_phrases_and_on_others() -> None:
    rates = check(WINDOWS, ["walk", "jump", "raise_left"])
    assert rates["walk"].asserted == 2
    assert rates["walk"].accepts == 1.0
    assert rates["jump"].accepts == 1.0
    assert rates["jump"].rejects == 1.0
    wrong = window("f/0", Puppet(3), "a person jumps", (0.5, 1.0, "jumps up"))
    missed = check([wrong], ["jump"])["jump"]
    assert missed.accepts == 0.0
    assert missed.missed == ["f/0 0.5-1.0: jumps up"]
    assert "| walk | 1.00 | 2 |" in table(rates)
    assert rates_to_json(rates)["walk"]["accepts"] == 1.0


def test_jitter_of_a_shaking_arm_shows_only_there() -> None:
    calm = raised("left").joints()
    shaking = calm.copy()
    shaking[:, [19, 21]] += 0.01 * np.random.default_rng(0).standard_normal((len(calm), 2, 3))
    compared = compare([Sample("hands", shaking, "right_arm")], [Sample("hands", calm, "right_arm")])
    limbs = compared["contents"]["hands"]["limbs"]
    assert limbs["right_arm"] > 10
    assert limbs["left_leg"] == pytest.approx(1.0)
    assert compared["idle"]["jitter_times"] > 10


def test_floating_is_the_height_of_the_lowest_joint() -> None:
    standing = Puppet(3).joints()
    compared = compare([Sample("stand", standing + [0, 0.04, 0])], [Sample("stand", standing)])
    offset = compared["contents"]["stand"]
    assert offset["floor_offset"] - offset["floor_offset_recorded"] == pytest.approx(0.04)


def test_a_motion_ends_well_at_rest_or_on_both_feet() -> None:
    walk = walking(4).joints()
    assert ends_well(walk)
    middle_of_a_step = round((0.5 + 2.5 * 0.6) * 20)
    assert not ends_well(walk[:middle_of_a_step])


def test_the_classifier_learns_what_is_easily_told_apart() -> None:
    def make(number: int, name: str) -> Window:
        puppet = turning(300.0 + 10 * number) if name == "salsa" else walking(4, 0.4 + 0.02 * number)
        caption = "a salsa dance" if name == "salsa" else "a person walks over uneven ground"
        return window(f"{name}{number}/0", puppet, caption)

    windows = [make(number, name) for number in range(16) for name in ("salsa", "uneven")]
    classifier = train(windows, Training(epochs=12, batch=8))
    scores = activity_scores(classifier, windows)
    assert scores["salsa"]["accepts"] >= 0.85
    assert scores["salsa"]["rejects"] == 1.0
    assert classifier.shows([turning(355.0).joints()], "salsa") == [True]


@pytest.mark.parametrize(
    ("others", "threshold"), [(0.0, 0.03), (0.05, 0.05), (0.5, 0.10)], ids=["easy", "near", "alike"]
)
def test_a_threshold_accepts_what_it_can_while_it_rejects_others(others: float, threshold: float) -> None:
    shown = np.linspace(0, 1, 101)
    assert classifier_module._threshold(shown, np.full(50, others)) == pytest.approx(threshold, abs=1e-6)
    assert classifier_module._threshold(shown[:0], shown) == 1.0


def test_a_classifier_comes_back_from_its_folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("classifier")
    windows = [window(f"{number}/0", turning(200.0 + number), "salsa") for number in range(9)]
    classifier = train(windows, Training(epochs=1, batch=4))
    classifier.scores = {"salsa": {"accepts": 1.0, "rejects": 0.9}}
    classifier.save(folder)
    again = Classifier.load(folder)
    assert again.thresholds == classifier.thresholds
    assert again.scores == classifier.scores
    motions = [each.joints for each in windows[:2]]
    assert again.shows(motions, "salsa") == classifier.shows(motions, "salsa")


def verdict(number: int, right: bool, score: float | None, warned: bool = False) -> dict[str, Any]:
    return {"id": f"r-{number // 2}", "right": right, "score": score, "warned": warned}


def test_warnings_are_rated_as_given_and_by_a_limit_of_the_other_half() -> None:
    rng = np.random.default_rng(0)
    verdicts = [
        verdict(number, number % 3 == 0, rng.normal(0.6 if number % 3 == 0 else 0.2, 0.1), number % 2 == 0)
        for number in range(600)
    ]
    found = measure_doubt(verdicts)
    assert found is not None
    assert (found["wrong"], found["right"]) == (400, 200)
    assert found["warns_wrong"] == found["warns_right"] == 0.5
    assert found["by_score"]["warns_wrong"] > 0.95
    assert 0.04 < found["by_score"]["warns_right"] < 0.18
    assert doubt_rates(verdicts, fit_limit(verdicts, 0.1))["warns_right"] == pytest.approx(0.1)
    first, second = halves(verdicts)
    assert not {each["id"] for each in first} & {each["id"] for each in second}


def test_without_scores_only_the_warnings_are_rated() -> None:
    found = measure_doubt([verdict(number, number % 3 == 0, None, number % 3 != 0) for number in range(60)])
    assert found is not None
    assert (found["warns_wrong"], found["warns_right"]) == (1.0, 0.0)
    assert "by_score" not in found
    assert measure_doubt([verdict(number, False, None) for number in range(60)]) is None
    with pytest.raises(DataError, match="some are right and some wrong"):
        doubt_rates([verdict(0, True, None)])


def test_a_model_is_asked_what_it_doubts(micro_folder: Path) -> None:
    source = ModelMotions(bimotion.load(micro_folder), Sampling(steps=2))
    motions = source.motions(["a person jumps"], 0)
    (found,) = source.doubts(["a person jumps"], motions)
    assert found["warned"] == bool(found["warnings"])
    assert found["score"] is None or 0 <= found["score"] <= 1


def test_test_windows_give_reconstruction_and_true_captions(store: MotionStore, micro_folder: Path) -> None:
    found = measure_test_set(bimotion.load(micro_folder), store)
    assert found["windows"] == len(store.items("test", mirrored=False))
    errors = found["reconstruction"]
    assert 0 < errors["root_mm_median"] <= errors["world_mm_median"]
    assert found["captions"]["of"] == found["windows"]
    results = measure(Obedient(), seeds=1, prompts=PROMPTS, test_set=found)
    names = {row["name"]: row for row in results["targets"]["rows"]}
    assert names["VAE: error relative to the root, mean"]["value"] == errors["root_mm"]
    assert names["captions without a false claim"]["value"] == found["captions"]["share"]


def test_bars_are_one_config() -> None:
    assert Targets().contrasts == 0.80
    results = measure(Obedient(), seeds=1, prompts=PROMPTS, targets=Targets(contrasts=1.1))
    assert results["targets"]["rows"][0]["met"] is False
