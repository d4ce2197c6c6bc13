import json
from importlib.resources import files

import numpy as np

from bimotion.motion.skeleton import JOINT_NAMES
from bimotion.render.body import body_points, body_scale, body_shape, floor_height, frame_axes
from tests.render.drawn_person import make_clip


def definition() -> dict:
    return json.loads((files("bimotion.render") / "static" / "body.json").read_text(encoding="utf-8"))


def test_the_viewer_counts_joints_as_the_skeleton_does() -> None:
    assert tuple(definition()["joints"]) == JOINT_NAMES


def test_points_are_means_of_joints() -> None:
    np.testing.assert_allclose(body_shape().weights.sum(axis=1), 1, atol=1e-9)


def test_left_and_right_are_drawn_alike() -> None:
    def mirrored(name: str) -> str:
        swap = {"left": "right", "right": "left"}
        return "_".join(swap.get(word, word) for word in name.split("_"))

    cones = {tuple(cone) for cone in definition()["cones"]}
    assert {(mirrored(a), mirrored(b), ra, rb, mirrored(c)) for a, b, ra, rb, c in cones} == cones


def test_soles_stand_on_the_floor() -> None:
    clip = make_clip(3)
    sunk = make_clip(3).joints + np.array([0, -0.7, 0], dtype=np.float32)
    points = body_points(clip)
    feet = [cone for cone in body_shape().cones if JOINT_NAMES.index("left_foot") in (cone.a, cone.b)]
    lowest = min(points[:, cone.b, 1].min() - cone.radius_b * body_scale(clip) for cone in feet)
    assert abs(lowest) < 0.01
    assert floor_height(type(clip)(joints=sunk, fps=20.0)) < -0.69


def test_the_head_of_one_who_stands_looks_ahead() -> None:
    head = body_shape().ellipsoids[-1].frame
    axes = frame_axes(body_points(make_clip(1)), head)[0]
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-9)
    np.testing.assert_allclose(axes[0], [1, 0, 0], atol=0.03)
    assert axes[2] @ [0, 0, 1] > np.cos(np.radians(10))


def test_a_child_is_drawn_smaller() -> None:
    clip = make_clip(1)
    child = type(clip)(joints=clip.joints * np.float32(0.6), fps=20.0)
    np.testing.assert_allclose(body_scale(child), 0.6 * body_scale(clip), rtol=1e-5)


def test_a_momentary_dip_does_not_lower_the_floor() -> None:
    clip = make_clip(40)
    joints = clip.joints.copy()
    joints[7, :, 1] -= 0.3
    assert abs(floor_height(type(clip)(joints=joints, fps=20.0)) - floor_height(clip)) < 1e-6
