"""Joint rotations from joint positions (inverse kinematics).

The direction of a bone fixes its swing; how a limb turns about itself (its twist) follows from the plane in which
it bends, from the foot, and over time: a limb that is straight for a while keeps turning evenly.
T frames, J = 22 joints, metres; rotations are world rotations in the axes of the T-pose `skeleton.REST_OFFSETS`.
"""

import numpy as np
from jaxtyping import Float

from bimotion.motion.easing import smooth_step
from bimotion.motion.filters import mean_filter
from bimotion.motion.rotations import (
    axis_angle_to_quat,
    cross,
    matrix_to_quat,
    quat_between,
    quat_conjugate,
    quat_multiply,
    quat_normalise,
    quat_rotate,
    slerp,
)
from bimotion.motion.skeleton import CHILDREN, NUM_JOINTS, PARENTS, REST_OFFSETS, joint_indices

_PELVIS, _SPINE1, _SPINE2, _CHEST, _NECK = joint_indices("pelvis", "spine1", "spine2", "spine3", "neck")
_COLLARS = joint_indices("left_collar", "right_collar")
_LEFT = (1.0, 0.0, 0.0)
_LIMBS: tuple[tuple[tuple[int, ...], tuple[float, float, float]], ...] = (
    (joint_indices("left_leg"), _LEFT),
    (joint_indices("right_leg"), _LEFT),
    (joint_indices("left_arm"), (0.0, -1.0, 0.0)),
    (joint_indices("right_arm"), (0.0, 1.0, 0.0)),
)
"""Upper joint, hinge, lower joint, and the axis in the T-pose about which the hinge bends: shins bend back, forearms
(palms down) ahead."""

_STRAIGHT, _BENT, _CERTAIN = np.radians([8.0, 25.0, 35.0])
"""Bends of a limb: below the first, its plane is noise; above the second, the plane is defined; above the third, so is
the side to which it bends, because real knees and elbows hyperextend by less."""

_FOOT_WEIGHT, _NEUTRAL_WEIGHT = 0.3, 0.01
"""How much the foot's direction and the shortest swing from the T-pose count beside a plane that is certain."""

_INERTIA = 0.2
"""Seconds over which an unknown twist continues a known one with a weight of 1 %."""

_TWIST_SPEED = np.radians(260.0)
"""How fast a limb may turn about itself against the trunk, per second: 13 degrees a frame at 20 per second."""


_SPIN = 0.2
"""Seconds over which the trunk's own turning is averaged before limbs follow it: a jerk is spread, a spin is not."""


def bone_vectors(joints: Float[np.ndarray, "*batch J 3"]) -> Float[np.ndarray, "*batch J 3"]:
    """From each joint's parent to the joint; zero for the pelvis."""
    bones = np.asarray(joints - joints[..., np.array(PARENTS), :])
    bones[..., 0, :] = 0
    return bones


def mean_offsets(
    world: Float[np.ndarray, "T J 4"], joints: Float[np.ndarray, "T J 3"], lengths: Float[np.ndarray, "J"]
) -> Float[np.ndarray, "J 3"]:
    """Each joint from its parent in the rest pose: the mean direction seen in the parent's axes, of given length."""
    directions = quat_rotate(quat_conjugate(world[:, np.array(PARENTS)]), bone_vectors(joints)).mean(0)
    directions[0] = 0
    return np.asarray(
        directions * (lengths / np.maximum(np.linalg.norm(directions, axis=-1), 1e-12))[:, None]
    )


def aim(
    world: Float[np.ndarray, "T J 4"], offsets: Float[np.ndarray, "J 3"], joints: Float[np.ndarray, "T J 3"]
) -> tuple[Float[np.ndarray, "T J 4"], Float[np.ndarray, "T 3"]]:
    """The rotations with every single bone turned the shortest way to point at the target of its end, and the
    root's positions.

    Errors of a joint with several children, which are not quite rigid in generated motion, are spread over it and
    its children.
    """
    targets = joints.copy()
    for joint, children in enumerate(CHILDREN):
        if len(children) > 1:
            errors = [bone_vectors(joints)[:, c] - quat_rotate(world[:, joint], offsets[c]) for c in children]
            targets[:, joint] += np.sum(errors, axis=0) / (len(children) + 1)
    out = world.copy()
    positions = targets.copy()
    turn = np.tile([1.0, 0.0, 0.0, 0.0], (len(joints), NUM_JOINTS, 1))
    for joint, children in enumerate(CHILDREN):
        parent = PARENTS[joint]
        if parent >= 0:
            positions[:, joint] = positions[:, parent] + quat_rotate(out[:, parent], offsets[joint])
        if len(children) == 1:
            child = children[0]
            bone = quat_rotate(out[:, joint], offsets[child])
            turn[:, joint] = quat_between(bone, targets[:, child] - positions[:, joint])
        elif not children:
            turn[:, joint] = turn[:, parent]
        out[:, joint] = quat_multiply(turn[:, joint], out[:, joint])
    return out, positions[:, 0]


def solve_rotations(
    joints: Float[np.ndarray, "T J 3"], lengths: Float[np.ndarray, "J"], fps: float
) -> Float[np.ndarray, "T J 4"]:
    """World rotations that turn the T-pose's bones, with these lengths, to those of the joints."""
    bones = bone_vectors(joints)
    rest = _unit(REST_OFFSETS) * lengths[:, None]
    world = np.empty((*joints.shape[:-1], 4))

    def swing(joint: int, frame: Float[np.ndarray, "T 4"]) -> None:
        child = CHILDREN[joint][0]
        turn = quat_between(quat_rotate(frame, rest[child]), bones[:, child])
        world[:, joint] = quat_multiply(turn, frame)

    world[:, _PELVIS] = _rigid_rotation(rest, bones, CHILDREN[_PELVIS])
    world[:, _CHEST] = _rigid_rotation(rest, bones, CHILDREN[_CHEST])
    for joint, part in ((_SPINE1, 1 / 3), (_SPINE2, 2 / 3)):
        swing(joint, slerp(world[:, _PELVIS], world[:, _CHEST], part))
    for joint in (_NECK, *_COLLARS):
        swing(joint, world[:, _CHEST])
    for (upper, hinge, lower), axis in _LIMBS:
        trunk = world[:, _PELVIS if PARENTS[upper] == _PELVIS else _CHEST]
        world[:, upper] = _limb_rotation(trunk, rest[hinge], bones, upper, np.array(axis), fps)
        for joint in (hinge, lower) if CHILDREN[lower] else (hinge,):
            swing(joint, world[:, PARENTS[joint]])
            carried = _twist_steps(_unit(bones[:, joint]), world[:, PARENTS[joint]])
            world[:, joint] = _steady(world[:, joint], _unit(bones[:, CHILDREN[joint][0]]), carried, fps)
    for joint, children in enumerate(CHILDREN):
        if not children:
            world[:, joint] = world[:, PARENTS[joint]]
    return world


def _limb_rotation(
    trunk: Float[np.ndarray, "T 4"],
    rest_bone: Float[np.ndarray, "3"],
    bones: Float[np.ndarray, "T J 3"],
    upper: int,
    axis: Float[np.ndarray, "3"],
    fps: float,
) -> Float[np.ndarray, "T 4"]:
    """World rotation of a thigh or an upper arm: along its bone, twisted so that the limb bends about its hinge."""
    hinge = CHILDREN[upper][0]
    lower = CHILDREN[hinge][0]
    along, beyond = _unit(bones[:, hinge]), _unit(bones[:, lower])
    local = quat_rotate(quat_conjugate(trunk), along)
    frame = quat_multiply(trunk, _transported(rest_bone, local))
    zero = quat_rotate(frame, axis)
    across = cross(along, beyond)
    bend = np.arctan2(np.linalg.norm(across, axis=-1), (along * beyond).sum(-1))
    bend = np.minimum(bend, np.pi - bend)  # a limb folded up has no plane either
    plane = _angle_about(along, zero, across)
    neutral = quat_rotate(
        quat_multiply(trunk, quat_between(np.broadcast_to(rest_bone, local.shape), local)), axis
    )
    opposite = 0.5 + 0.5 * (local @ _unit(rest_bone))
    known = _NEUTRAL_WEIGHT * opposite * np.exp(1j * _angle_about(along, zero, neutral))
    if CHILDREN[lower]:
        foot = cross(_unit(bones[:, CHILDREN[lower][0]]), along)
        weight = _FOOT_WEIGHT * smooth_step(np.linalg.norm(foot, axis=-1), 0.3, 0.8)
        known = known + weight * np.exp(1j * _angle_about(along, zero, foot))
    certain = smooth_step(bend, _BENT, _CERTAIN)
    guess = np.angle(_smoothed(known + certain * np.exp(1j * plane), fps))
    # A limb that is nearly straight may be bent the wrong way: its plane is the same, the hinge's sign is not.
    plane = np.where((np.cos(plane - guess) < 0) & (bend < _CERTAIN), plane + np.pi, plane)
    bent = smooth_step(bend, _STRAIGHT, _BENT)
    twist = np.unwrap(np.angle(_smoothed(known * (1 - bent) + bent * np.exp(1j * plane), fps)))
    turned = quat_multiply(axis_angle_to_quat(along * twist[:, None]), frame)
    return _steady(turned, along, _twist_steps(along, frame), fps)


def _steady(
    rotation: Float[np.ndarray, "T 4"],
    along: Float[np.ndarray, "T 3"],
    carried: Float[np.ndarray, "N"],
    fps: float,
) -> Float[np.ndarray, "T 4"]:
    """The rotations with the bone's turning about itself limited to `_TWIST_SPEED`, or to the spin of its parent.

    `carried` is the parent's turning from each frame to the next, N = T - 1.
    """
    twist = np.concatenate([[0.0], np.cumsum(_twist_steps(along, rotation))])
    width = 2 * round(_SPIN * fps / 2) + 1
    spin = mean_filter(np.abs(carried), width, "nearest") if len(carried) else carried
    back = _limit_steps(twist, np.maximum(spin, _TWIST_SPEED / fps)) - twist
    return quat_multiply(axis_angle_to_quat(along * back[:, None]), rotation)


def _transported(
    rest_bone: Float[np.ndarray, "3"], along: Float[np.ndarray, "T 3"]
) -> Float[np.ndarray, "T 4"]:
    """Rotations that bring the rest bone along `along`, each the shortest way from the frame before it."""
    start = np.concatenate([rest_bone[None], along])
    steps = quat_between(start[:-1], start[1:])
    shift = 1
    while shift < len(steps):  # products of all steps up to each frame, in log2(T) passes
        steps[shift:] = quat_multiply(steps[shift:], steps[:-shift])
        shift *= 2
    return quat_normalise(steps)


def _smoothed(weighted: np.ndarray, fps: float) -> np.ndarray:
    """The complex numbers that lie near `weighted` where it is large and change slowly where it is small.

    Minimises sum |w| |u - w / |w||^2 + inertia sum |du|^2 over time, a tridiagonal system.
    """
    if len(weighted) == 1:
        return weighted
    inertia = 0.01 * (_INERTIA * fps) ** 2
    diagonal = np.abs(weighted) + 2 * inertia + 1e-9
    diagonal[[0, -1]] -= inertia
    return np.array(_tridiagonal(diagonal.tolist(), -inertia, weighted.tolist()))


def _tridiagonal(diagonal: list[float], beside: float, right: list[complex]) -> list[complex]:
    """Solution of a system with `beside` on both sides of its diagonal, which is larger than those two together.

    Thomas's algorithm; `scipy.linalg` would be imported for a tenth of a second to save milliseconds.
    """
    ratios, values = [0.0], [0j]
    for pivot, value in zip(diagonal, right, strict=True):
        pivot -= beside * ratios[-1]
        ratios.append(beside / pivot)
        values.append((value - beside * values[-1]) / pivot)
    solution = [values[-1]]
    for ratio, value in zip(ratios[-2:0:-1], values[-2:0:-1], strict=True):
        solution.append(value - ratio * solution[-1])
    return solution[::-1]


def _twist_steps(
    along: Float[np.ndarray, "T 3"], rotation: Float[np.ndarray, "T 4"]
) -> Float[np.ndarray, "N"]:
    """How far each frame has turned about the bone since the frame before, beyond the shortest way; N = T - 1."""
    moved = quat_multiply(rotation[1:], quat_conjugate(rotation[:-1]))
    twist = quat_multiply(quat_conjugate(quat_between(along[:-1], along[1:])), moved)
    twist = np.where(twist[:, :1] < 0, -twist, twist)
    return np.asarray(2 * np.arctan2((twist[:, 1:] * along[:-1]).sum(-1), twist[:, 0]))


def _limit_steps(angle: Float[np.ndarray, "T"], steps: Float[np.ndarray, "N"]) -> Float[np.ndarray, "T"]:
    """The angle with no change larger than `steps`: the mean of the tightest such curves above and below it."""
    ramp = np.concatenate([[0.0], np.cumsum(steps)])

    def below(values: np.ndarray) -> np.ndarray:
        ahead = np.minimum.accumulate(values - ramp) + ramp
        back = np.minimum.accumulate((values + ramp)[::-1])[::-1] - ramp
        return np.asarray(np.minimum(ahead, back))

    return np.asarray((below(angle) - below(-angle)) / 2)


def _angle_about(
    axis: Float[np.ndarray, "T 3"], start: Float[np.ndarray, "T 3"], end: Float[np.ndarray, "T 3"]
) -> Float[np.ndarray, "T"]:
    """Angle about a unit axis from one direction to another, both seen along the axis."""
    start, end = (v - (v * axis).sum(-1, keepdims=True) * axis for v in (start, end))
    return np.asarray(np.arctan2((cross(start, end) * axis).sum(-1), (start * end).sum(-1)))


def _rigid_rotation(
    rest: Float[np.ndarray, "J 3"], bones: Float[np.ndarray, "T J 3"], children: tuple[int, ...]
) -> Float[np.ndarray, "T 4"]:
    """Rotations that bring several bones of one joint nearest to their positions, in the clip's own arrangement."""
    seen = bones[:, list(children)]
    return matrix_to_quat(rigid_fit(seen, mean_shape(seen, rest[list(children)], passes=1)))


def mean_shape(
    bones: Float[np.ndarray, "T K 3"], guess: Float[np.ndarray, "K 3"], passes: int = 2
) -> Float[np.ndarray, "K 3"]:
    """The mean arrangement of bones in the axes of `guess`, after fitting it to them `passes` times."""
    for _ in range(passes):
        guess = np.einsum("tij,tki->kj", rigid_fit(bones, guess), bones) / len(bones)
    return guess


def rigid_fit(
    bones: Float[np.ndarray, "T K 3"], shape: Float[np.ndarray, "K 3"]
) -> Float[np.ndarray, "T 3 3"]:
    """Rotations that bring an arrangement of bones nearest to their positions.

    Source: Kabsch 1976.
    """
    u, _, vh = np.linalg.svd(np.einsum("tki,kj->tij", bones, shape))
    u[..., -1] *= np.linalg.det(u @ vh)[:, None]
    return np.asarray(u @ vh)


def _unit(v: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 3"]:
    return np.asarray(v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-12))
