"""Foot planting: the feet of a character do not slide or sink into the floor while the clip's feet stand.

T frames; lengths in the character's unit.
"""

import numpy as np
from jaxtyping import Bool, Float

from bimotion.motion.easing import smooth_step
from bimotion.motion.retarget.character import Character
from bimotion.motion.retarget.node_motion import NodeMotion
from bimotion.motion.retarget.tree import path_to
from bimotion.motion.rotations import quat_between, quat_conjugate, quat_multiply, quat_rotate
from bimotion.motion.skeleton import joint_indices

CONTACT_HEIGHT, CONTACT_SPEED = 0.06, 0.25
"""A ball of a foot stands while it is lower than this above the floor, metres, and slower, metres per second."""

_SHORTEST, _EASE = 0.15, 0.2
"""Seconds: shorter contacts are noise; over this time before and after a contact a foot is led to and from it."""

_MAX_STRETCH = 0.99999
"""Part of the leg's length to which it is stretched at most."""


def contacts(joints: Float[np.ndarray, "T J 3"], fps: float) -> Bool[np.ndarray, "T 2"]:
    """Whether the ball of the left and of the right foot stands on the floor, metres."""
    balls = joints[:, joint_indices("left_foot", "right_foot")]
    floor = np.percentile(joints[..., 1].min(1), 5)
    speed = np.linalg.norm(np.gradient(balls, axis=0), axis=-1) * fps if len(balls) > 1 else np.zeros((1, 2))
    still = (balls[..., 1] - floor < CONTACT_HEIGHT) & (speed < CONTACT_SPEED)
    for side in range(2):
        for start, stop in runs(still[:, side]):
            if stop - start < _SHORTEST * fps:
                still[start:stop, side] = False
    return np.asarray(still)


def runs(mask: Bool[np.ndarray, "T"]) -> list[tuple[int, int]]:
    """Start and end of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(int), [0]])))
    return [(int(start), int(stop)) for start, stop in zip(edges[::2], edges[1::2], strict=True)]


def plant_feet(
    motion: NodeMotion, character: Character, joints: Float[np.ndarray, "T J 3"], fps: float
) -> None:
    """Move hips a little and bend legs so that standing feet stay in place and no sole is below the floor."""
    standing = contacts(joints, fps)
    up = character.axes[:, 1]
    # the body follows its standing feet, along the floor and in height ...
    for _ in range(2):
        shift_to_contact = _contact_shift(motion, character, standing, fps)
        motion.hips = motion.hips + _mean_shift(shift_to_contact, standing, 0.1 * fps)
    # without a standing foot nothing holds the body down: it is raised before legs are bent
    holds = standing | ~standing.any(1, keepdims=True)
    depth = np.where(holds, _sole_heights(motion, character), 0).min(1)
    raised = np.maximum(_gaussian(_widest(-depth, round(0.2 * fps))[:, None], 0.1 * fps)[:, 0], -depth)
    motion.hips = motion.hips + raised[:, None] * up
    # ... and the legs do the rest
    shift = _contact_shift(motion, character, standing, fps)
    heights = _sole_heights(motion, character)
    for side in range(2):
        level = shift[:, side] - (shift[:, side] @ up)[:, None] * up
        below = np.maximum(-heights[:, side], 0)
        eased = np.maximum(_gaussian(below[:, None], 0.04 * fps)[:, 0], below)
        shift[:, side] = level + eased[:, None] * up
    targets = _balls(motion, character) + shift
    _lower_hips(motion, character, shift, standing, fps)
    balls = _balls(motion, character)
    for side, name in enumerate(("left", "right")):
        _bend_leg(motion, character, name, targets[:, side] - balls[:, side])


def _contact_shift(
    motion: NodeMotion, character: Character, standing: Bool[np.ndarray, "T 2"], fps: float
) -> Float[np.ndarray, "T 2 3"]:
    """Distance of each foot from its position in the contact along the floor, and from the floor while it stands."""
    up = character.axes[:, 1]
    level = np.eye(3) - np.outer(up, up)
    balls = _balls(motion, character) @ level
    shift = np.stack([_shift_to_contact(balls[:, k], standing[:, k], fps) for k in range(2)], axis=1)
    heights = np.where(standing, _sole_heights(motion, character), 0)
    return np.asarray(shift - heights[..., None] * up)


def _mean_shift(
    shift: Float[np.ndarray, "T 2 3"], standing: Bool[np.ndarray, "T 2"], sigma: float
) -> Float[np.ndarray, "T 3"]:
    """The mean shift of the standing feet, interpolated over times in which none stands."""
    weight = standing.sum(1)
    supported = np.flatnonzero(weight)
    if not supported.size:
        return np.zeros_like(shift[:, 0])
    mean = (shift * standing[..., None]).sum(1)[supported] / weight[supported, None]
    frames = np.arange(len(weight))
    return _gaussian(np.stack([np.interp(frames, supported, mean[:, k]) for k in range(3)], axis=1), sigma)


def _widest(values: Float[np.ndarray, "T"], radius: int) -> Float[np.ndarray, "T"]:
    """The largest value of the frames around."""
    padded = np.pad(values, radius, mode="edge")
    return np.asarray(np.max([padded[k : k + len(values)] for k in range(2 * radius + 1)], axis=0))


def _shift_to_contact(
    ball: Float[np.ndarray, "T 3"], standing: Bool[np.ndarray, "T"], fps: float
) -> Float[np.ndarray, "T 3"]:
    """Shift that keeps a foot in one position for each contact; eased out before and after it."""
    shift = np.zeros_like(ball)
    weight = np.zeros(len(ball))
    ease = max(1, round(_EASE * fps))
    for start, stop in runs(standing):
        contact = np.median(ball[start:stop], axis=0)
        around = np.arange(max(start - ease, 0), min(stop + ease, len(ball)))
        distance = np.maximum(np.maximum(start - around, around - (stop - 1)), 0) / (ease + 1)
        fade = 1 - smooth_step(distance)
        inside = np.clip(around, start, stop - 1)
        better = fade > weight[around]
        shift[around[better]] = (fade[:, None] * (contact - ball[inside]))[better]
        weight[around[better]] = fade[better]
    return shift


def _balls(motion: NodeMotion, character: Character) -> Float[np.ndarray, "T 2 3"]:
    """Where the balls of the feet are: toe joints, or ankles of a character without."""
    positions, _ = motion.world(character)
    return positions[:, [_ball(character, side) for side in ("left", "right")]]


def _ball(character: Character, side: str) -> int:
    return character.joints.get(f"{side}_foot", character.joints[f"{side}_ankle"])


def _sole_heights(motion: NodeMotion, character: Character) -> Float[np.ndarray, "T 2"]:
    """Height of the lowest point of each foot above the floor."""
    positions, rotations = motion.world(character)
    up, floor = character.axes[:, 1], character.floor()
    heights = []
    for side in ("left", "right"):
        ankle = character.joints[f"{side}_ankle"]
        points = sole_points(character, side) - character.positions[ankle]
        held = quat_rotate(quat_conjugate(character.rotations[ankle]), points)
        moved = positions[:, ankle, None] + quat_rotate(rotations[:, ankle, None], held[None])
        heights.append((moved @ up).min(1) - floor)
    return np.stack(heights, axis=1)


def sole_points(character: Character, side: str) -> Float[np.ndarray, "P 3"]:
    """Points under a foot in the rest pose: the lowest vertices of its mesh, or points under ankle, ball and toes."""
    up, floor = character.axes[:, 1], character.floor()
    ankle, ball = character.joints[f"{side}_ankle"], _ball(character, side)
    if character.skin is not None:
        below = {i for i in range(len(character.parents)) if ankle in path_to(character.parents, i)}
        points = character.skin.positions[np.isin(character.skin.nodes, list(below))]
        if len(points) >= 8:
            height = points @ up - floor
            low = points[height <= np.percentile(height, 25)]
            return np.asarray(low[:: max(1, len(low) // 60)])
    start, end = character.positions[ankle], character.positions[ball]
    foot = (end - start) - ((end - start) @ up) * up
    points = np.stack([start - 0.25 * foot, start, end, end + 0.35 * foot])
    return np.asarray(points - ((points @ up) - floor)[:, None] * up)


def _lower_hips(
    motion: NodeMotion,
    character: Character,
    shift: Float[np.ndarray, "T 2 3"],
    standing: Bool[np.ndarray, "T 2"],
    fps: float,
) -> None:
    """Lower the hips where a standing leg would be too short for where its foot stands."""
    positions, _ = motion.world(character)
    up = character.axes[:, 1]
    drop = np.zeros(len(shift))
    for side, name in enumerate(("left", "right")):
        hip, ankle = (positions[:, character.joints[f"{name}_{j}"]] for j in ("hip", "ankle"))
        longest = _MAX_STRETCH * character.length(f"{name}_hip", f"{name}_knee", f"{name}_ankle")
        leg = ankle + shift[:, side] - hip
        down = -(leg @ up)
        aside = np.maximum(longest**2 - (leg**2).sum(-1) + down**2, 0)
        drop = np.maximum(drop, np.where(standing[:, side], down - np.sqrt(aside), 0))
    if drop.max() > 0:
        wide = np.maximum(drop, _gaussian(drop[:, None], 0.1 * fps)[:, 0])
        motion.hips = motion.hips - wide[:, None] * up


def _bend_leg(motion: NodeMotion, character: Character, side: str, shift: Float[np.ndarray, "T 3"]) -> None:
    """Move the ankle by `shift` with thigh and shin, the knee in the plane it is in; the foot keeps its rotation."""
    positions, _ = motion.world(character)
    nodes = [character.joints[f"{side}_{joint}"] for joint in ("hip", "knee", "ankle")]
    hip, knee, ankle = (positions[:, node] for node in nodes)
    thigh, shin = np.linalg.norm(knee - hip, axis=-1), np.linalg.norm(ankle - knee, axis=-1)
    leg = ankle + shift - hip
    distance = np.linalg.norm(leg, axis=-1)
    length = np.clip(distance, np.abs(thigh - shin) * 1.001 + 1e-9, (thigh + shin) * 0.9999)
    direction = leg / np.maximum(distance, 1e-9)[:, None]
    bend = knee - hip
    bend = bend - (bend * direction).sum(-1, keepdims=True) * direction
    ahead = quat_rotate(
        motion.rotations[character.trunk[0]],
        quat_rotate(quat_conjugate(character.rotations[character.trunk[0]]), character.axes[:, 2]),
    )
    bend = bend + 1e-4 * thigh[:, None] * ahead  # a straight leg bends ahead
    bend = bend - (bend * direction).sum(-1, keepdims=True) * direction
    bend /= np.maximum(np.linalg.norm(bend, axis=-1, keepdims=True), 1e-12)
    cos = np.clip((thigh**2 + length**2 - shin**2) / (2 * thigh * length), -1, 1)
    new_knee = hip + thigh[:, None] * (cos[:, None] * direction + np.sqrt(1 - cos**2)[:, None] * bend)
    new_ankle = hip + length[:, None] * direction
    turns = (quat_between(knee - hip, new_knee - hip), quat_between(ankle - knee, new_ankle - new_knee))
    for node, turn in zip(nodes[:2], turns, strict=True):
        motion.rotations[node] = quat_multiply(turn, motion.rotations[node])


def _gaussian(values: Float[np.ndarray, "T W"], sigma: float) -> Float[np.ndarray, "T W"]:
    radius = max(int(np.ceil(3 * sigma)), 1)
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / max(sigma, 1e-6)) ** 2)
    padded = np.pad(values, ((radius, radius), (0, 0)), mode="edge")
    columns = [
        np.convolve(padded[:, i], weights / weights.sum(), mode="valid") for i in range(values.shape[1])
    ]
    return np.stack(columns, axis=1)
