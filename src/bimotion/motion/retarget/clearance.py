"""Arm clearance: the arms of a character do not pass through its body, which may be wider than the recorded one.

T frames; lengths in the character's unit.
"""

import numpy as np
from jaxtyping import Float

from bimotion.motion.retarget.character import Character
from bimotion.motion.retarget.node_motion import NodeMotion
from bimotion.motion.rotations import axis_angle_to_quat, quat_conjugate, quat_multiply, quat_rotate

_LEVELS = 10
_TOUCH = 0.85
"""Share of the thickness of trunk and arm that counts: soft tissue gives way where an arm lies against the body."""

_LARGEST = np.radians(25.0)
"""Largest angle by which an arm is lifted sideways."""


def clear_arms(motion: NodeMotion, character: Character) -> None:
    """Lift the upper arms sideways where elbow, wrist or hand would be inside the trunk.

    The trunk is a stack of ellipses around the mesh that follows it; without a mesh nothing is done.
    """
    if character.skin is None:
        return
    widths = _trunk_shape(character)
    if widths is None:
        return
    hips, chest = character.trunk[0], character.trunk[-1]
    for side, sign in (("left", 1.0), ("right", -1.0)):
        angle = np.zeros(len(motion.hips))
        for joint in ("elbow", "wrist"):
            # the trunk bends: a joint is inside where hips and chest agree that it is
            needed = [_needed(motion, character, side, sign, joint, widths, node) for node in (hips, chest)]
            angle = np.maximum(angle, np.minimum(*needed))
        if angle.max() <= 0:
            continue
        angle = np.minimum(_spread(angle), _LARGEST)
        held = quat_rotate(quat_conjugate(character.rotations[chest]), character.axes[:, 2])
        forward = quat_rotate(motion.rotations[chest], held)
        turn = axis_angle_to_quat(forward * (sign * angle)[:, None])
        for name in ("shoulder", "elbow", "wrist"):
            node = character.joints[f"{side}_{name}"]
            motion.rotations[node] = quat_multiply(turn, motion.rotations[node])


def _local(character: Character, points: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 3"]:
    """Left, up and forward of the middle of the hips in the rest pose."""
    hips = [character.positions[character.joints[f"{side}_hip"]] for side in ("left", "right")]
    return np.asarray((points - np.mean(hips, axis=0)) @ character.axes)


def _trunk_shape(character: Character) -> tuple[Float[np.ndarray, "L"], Float[np.ndarray, "L 2"]] | None:
    """Heights above the hips, and half the width and depth of the trunk there."""
    assert character.skin is not None
    points = _local(character, character.skin.positions[np.isin(character.skin.nodes, character.trunk)])
    if len(points) < 50:
        return None
    top = _local(character, character.positions[character.joints["left_shoulder"]])[1]
    heights = np.linspace(-0.15 * top, 0.9 * top, _LEVELS)
    half = (heights[1] - heights[0]) / 2
    widths = []
    for height in heights:
        near = points[np.abs(points[:, 1] - height) < 1.5 * half]
        widths.append(np.percentile(np.abs(near[:, [0, 2]]), 85, axis=0) if len(near) > 5 else np.zeros(2))
    return heights, np.array(widths)


def _needed(
    motion: NodeMotion,
    character: Character,
    side: str,
    sign: float,
    joint: str,
    shape: tuple[Float[np.ndarray, "L"], Float[np.ndarray, "L 2"]],
    base: int,
) -> Float[np.ndarray, "T"]:
    """The angle by which the arm must be lifted so that a joint of it, with its thickness, is outside the trunk, which
    moves with the node `base`."""
    assert character.skin is not None
    positions, rotations = motion.world(character)
    back = quat_multiply(character.rotations[base], quat_conjugate(rotations[:, base]))

    def local(joint: str) -> Float[np.ndarray, "T 3"]:
        moved = positions[:, character.joints[f"{side}_{joint}"]] - positions[:, base]
        return _local(character, quat_rotate(back, moved) + character.positions[base])

    at = local(joint)
    arm = np.linalg.norm(at - local("shoulder"), axis=-1)
    heights, widths = shape
    thickness = _thickness(character, side, joint)
    width, depth = (np.interp(at[:, 1], heights, widths[:, k], left=0, right=0) for k in range(2))
    inside = 1 - (at[:, 2] / np.maximum(depth + thickness, 1e-9)) ** 2
    border = _TOUCH * (width + thickness) * np.sqrt(np.maximum(inside, 0))
    missing = np.where((inside > 0) & (width > 0), border - sign * at[:, 0], 0)
    missing = np.where(
        missing < 2 * border, missing, 0
    )  # a hand on the other side of the body is there on purpose
    return np.asarray(np.arcsin(np.clip(np.maximum(missing, 0) / np.maximum(arm, 1e-9), 0, 1)))


def _thickness(character: Character, side: str, joint: str) -> float:
    """Radius of the arm at a joint: the median distance of its vertices from the bone."""
    assert character.skin is not None
    start = {"elbow": "shoulder", "wrist": "elbow"}[joint]
    nodes = [character.joints[f"{side}_{name}"] for name in (start, joint)]
    points = character.skin.positions[character.skin.nodes == nodes[0]]
    if len(points) < 8:
        return 0.0
    a, b = (character.positions[node] for node in nodes)
    bone = (b - a) / np.linalg.norm(b - a)
    return float(np.median(np.linalg.norm(np.cross(points - a, bone), axis=-1)))


def _spread(angle: Float[np.ndarray, "T"]) -> Float[np.ndarray, "T"]:
    """The largest angle of the frames around, smoothed: at least what is needed, without jumps."""
    padded = np.pad(angle, 4, mode="edge")
    most = np.max([padded[k : k + len(angle)] for k in range(9)], axis=0)
    padded = np.pad(most, 4, mode="edge")
    return np.asarray(np.mean([padded[k : k + len(angle)] for k in range(9)], axis=0))
