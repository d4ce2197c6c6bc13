"""The 22 joints of every clip: names, parents, chains, mirror and the uniform skeleton of the features.

Axes: Y up; a person facing +Z has +X on the left. J = 22 joints in the SMPL order.
"""

import numpy as np
from jaxtyping import Float

JOINT_NAMES: tuple[str, ...] = (
    "pelvis",
    "left_hip",
    "right_hip",
    "spine1",
    "left_knee",
    "right_knee",
    "spine2",
    "left_ankle",
    "right_ankle",
    "spine3",
    "left_foot",
    "right_foot",
    "neck",
    "left_collar",
    "right_collar",
    "head",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
)
"""The SMPL body joints without the hands; a `foot` is the ball of the foot."""

NUM_JOINTS = 22


def joint_indices(*names: str) -> tuple[int, ...]:
    """Indices of joints by name; `leg`, `arm` after a side stand for hip, knee, ankle and shoulder, elbow, wrist."""
    limbs = {"leg": ("hip", "knee", "ankle"), "arm": ("shoulder", "elbow", "wrist")}
    parts = (name.partition("_") for name in names)
    full = (f"{side}{mark}{joint}" for side, mark, part in parts for joint in limbs.get(part, (part,)))
    return tuple(JOINT_NAMES.index(name) for name in full)


PARENTS: tuple[int, ...] = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19)
"""Parent of each joint, -1 for the pelvis; a parent always stands before its children."""

CHILDREN: tuple[tuple[int, ...], ...] = tuple(
    tuple(child for child, parent in enumerate(PARENTS) if parent == joint) for joint in range(NUM_JOINTS)
)
"""The joints right below each joint."""

CHAINS: tuple[tuple[int, ...], ...] = (
    (0, 2, 5, 8, 11),
    (0, 1, 4, 7, 10),
    (0, 3, 6, 9, 12, 15),
    (9, 14, 17, 19, 21),
    (9, 13, 16, 18, 20),
)
"""HumanML3D's kinematic chains: right leg, left leg, spine and head, right arm, left arm."""

FACE_JOINTS = joint_indices("right_hip", "left_hip", "right_shoulder", "left_shoulder")
"""The joints from which the heading of a body is computed."""


def _frozen(array: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    array.setflags(write=False)
    return array


_LEFT, _RIGHT, _UP, _DOWN, _AHEAD = (1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1)

RAW_OFFSETS: Float[np.ndarray, "J 3"] = _frozen(
    np.array(
        [(0, 0, 0), _LEFT, _RIGHT, _UP, _DOWN, _DOWN, _UP, _DOWN, _DOWN, _UP, _AHEAD, _AHEAD]
        + [_UP, _LEFT, _RIGHT, _AHEAD, _DOWN, _DOWN, _DOWN, _DOWN, _DOWN, _DOWN],
        dtype=np.float32,
    )
)
"""Unit direction of the bone that ends in each joint when all rotations are the identity (HumanML3D)."""

TARGET_LENGTHS: tuple[float, ...] = (
    0.0,
    0.10307395,
    0.10988335,
    0.13156825,
    0.39362314,
    0.39018813,
    0.14319026,
    0.43243298,
    0.42564332,
    0.057364706,
    0.14338174,
    0.14941867,
    0.21936,
    0.13748683,
    0.14338283,
    0.10303927,
    0.13161398,
    0.122984305,
    0.25683984,
    0.26309186,
    0.26601186,
    0.2698763,
)
"""Bone lengths in metres of every published HumanML3D clip, all of which were put on one skeleton."""

TARGET_OFFSETS: Float[np.ndarray, "J 3"] = _frozen(
    RAW_OFFSETS * np.array(TARGET_LENGTHS, dtype=np.float32)[:, None]
)
"""The uniform skeleton in metres: features are computed from motion on it."""

REST_OFFSETS: Float[np.ndarray, "J 3"] = _frozen(
    np.array(
        [
            (0, 0, 0),
            (0.0594, -0.0864, -0.0156),
            (-0.0594, -0.0864, -0.0156),
            (0, 0.1244, -0.0384),
            (0, -0.386, 0),
            (0, -0.386, 0),
            (0, 0.1380, 0.0268),
            (0, -0.427, 0),
            (0, -0.427, 0),
            (0, 0.0560, 0.0030),
            (0, -0.0603, 0.1220),
            (0, -0.0603, 0.1220),
            (0, 0.2116, -0.0335),
            (0.0770, 0.1130, -0.0210),
            (-0.0770, 0.1130, -0.0210),
            (0, 0.0890, 0.0500),
            (0.1180, 0.0450, -0.0190),
            (-0.1180, 0.0450, -0.0190),
            (0.260, 0, 0),
            (-0.260, 0, 0),
            (0.249, 0, 0),
            (-0.249, 0, 0),
        ]
    )
)
"""Bones of a T-pose in metres: SMPL's mean body made symmetric, arms and legs straight and feet ahead."""


def _mirror() -> np.ndarray:
    swap = {"left": "right", "right": "left"}
    names = [
        f"{swap[side]}_{rest}" if (side := name.partition("_")[0]) in swap else name
        for name in JOINT_NAMES
        for rest in [name.partition("_")[2]]
    ]
    order = np.array([JOINT_NAMES.index(name) for name in names])
    order.setflags(write=False)
    return order


MIRROR: np.ndarray = _mirror()
"""`joints[:, MIRROR]` swaps left and right."""
