"""The columns of the HumanML3D features: 263 numbers a frame, at 20 frames per second.

Source: HumanML3D (Guo et al. 2022), `process_file`.
"""

from typing import Final

from bimotion.motion.skeleton import FACE_JOINTS, joint_indices

FPS: Final = 20
"""Frames per second of the features; a velocity is metres (or half radians) a frame."""

MAX_FEATURE: Final = 1000.0
"""Largest magnitude of a feature (metres, metres or radians a frame, entries of rotation matrices) and of its
statistics: beyond it there is no body."""

FEATURE_DIM: Final = 263
"""Feature columns of one frame."""

R_VEL: Final = slice(0, 1)
"""Half of the turn of the world-to-root rotation about +Y from frame t to t + 1, radians."""

ROOT_XZ_VEL: Final = slice(1, 3)
"""Step of the root on the floor from frame t to t + 1, seen from the root at t + 1: x, z in metres."""

ROOT_Y: Final = slice(3, 4)
"""Height of the root above the floor, metres."""

RIC: Final = slice(4, 67)
"""Joints 1 to 21, (21, 3): x, z relative to the root and turned with it, y above the floor; metres."""

ROT6D: Final = slice(67, 193)
"""Local rotations of joints 1 to 21, (21, 6): the first two columns of the rotation matrix."""

LOCAL_VEL: Final = slice(193, 259)
"""Step of all 22 joints from frame t to t + 1, seen from the root at t, (22, 3); metres."""

CONTACTS: Final = slice(259, 263)
"""1 where a foot joint stands still: left ankle, left foot, right ankle, right foot."""

ROOT: Final = slice(0, 4)
"""All columns of the root: turn, step and height."""

FORWARD_SIGMA: Final = 20.0
"""Standard deviation, in frames, of the filter over the facing direction."""

CONTACT_THRESHOLD: Final = 0.002
"""A foot joint touches the floor while its squared step, in square metres a frame, is below this."""

CONTACT_JOINTS: Final = joint_indices("left_ankle", "left_foot", "right_ankle", "right_foot")
"""The joints of the columns `CONTACTS`."""

LEG_JOINTS: Final = joint_indices("right_knee", "right_ankle")
"""The lengths of their bones in frame 0 are the measure of a body's size."""

ROOT_BONES: Final = tuple(
    joint - 1 for joint in joint_indices("left_hip", "right_hip", "spine1", "left_collar", "right_collar")
)
"""Rows of the columns `ROT6D` whose rotations are relative to the root's."""

IK_FACE_JOINTS: Final = (FACE_JOINTS[1], FACE_JOINTS[0], *FACE_JOINTS[2:])
"""The facing joints as the published inverse kinematics reads them.

It takes the first two for left and right hip and so subtracts the line of the hips from that of the
shoulders: where the torso twists, the root turns further than the shoulders do. All published features are
computed this way, and so are ours.
"""
