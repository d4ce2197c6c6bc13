import numpy as np
import pytest

from bimotion.evaluation.adherence.judges import JUDGES
from bimotion.evaluation.long_motion import Composed, jerk, transition_scores
from bimotion.evaluation.long_report import long_tables
from bimotion.evaluation.phrase_order import ACTIONS, order_requests, order_scores
from bimotion.motion.clip import Clip


def test_jerk_is_the_third_derivative_of_the_fastest_joint() -> None:
    time = np.arange(40) / 20
    joints = np.zeros((40, 22, 3))
    joints[:, 5, 0] = 2 * time**3
    np.testing.assert_allclose(jerk(joints)[2:-1], 12, atol=1e-6)


def test_a_jump_at_a_border_shows_in_jerk_and_turning_there_only(walk: Clip) -> None:
    walks = np.concatenate([walk.joints, walk.joints[1:] + (walk.joints[-1, 0] - walk.joints[0, 0])])
    smooth = Composed(walks, (0, 40, len(walks)))
    turned = walks.copy()
    turned[40:, :, [0, 2]] = turned[40:, :, [2, 0]] * [1, -1]  # a quarter turn at the border
    jumping = Composed(turned, (0, 40, len(walks)))
    usual = float(jerk(walks).mean())
    before, after = transition_scores([smooth], usual), transition_scores([jumping], usual)
    assert before["turn_deg"] < 5
    assert after["turn_deg"] == pytest.approx(90, abs=5)
    assert after["peak_jerk"] > 10 * before["peak_jerk"]
    assert after["jerk_area"] > 10 * before["jerk_area"]


def test_height_drift_is_the_change_of_the_lowest_joint() -> None:
    joints = np.zeros((400, 22, 3), np.float32)
    joints[..., 1] = np.linspace(0, 1, 400)[:, None]
    drift = transition_scores([Composed(joints, (0, 200, 400))], 0.0)["height_drift"]
    assert drift == pytest.approx(300 / 399, abs=1e-4)


def test_the_tables_leave_out_what_was_not_measured() -> None:
    tables = long_tables({"recorded": {"peak_jerk": 12.3}}, {}, {"loop": {"miss_cm": 1.25}})
    assert [table.heading for table in tables] == ["Long motion", "Controls"]
    assert tables[0].rows == [["recorded", "12", *[""] * 10]]
    assert tables[1].rows == [["loop", "1.2", "", "", "", ""]]


def test_requests_of_an_order_have_different_actions_and_are_judged_by_their_rules(walk: Clip) -> None:
    requests = order_requests(3, 20, 0)
    assert all(
        len(set(request.captions)) == 3 and set(request.captions) <= set(ACTIONS) for request in requests
    )
    standing = Composed(np.repeat(walk.joints[:1], 120, axis=0), (0, 60, 120))
    assert order_scores({"still": lambda request: standing}, 2, 0, lambda indices, name: iter(indices)) == {
        "still": {"order_2": 0.0, "order_3": 0.0}
    }
    assert all(name in JUDGES for rule in ACTIONS.values() for name in rule.split("|"))
