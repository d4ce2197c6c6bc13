"""Bones of constant length: limbs keep their directions, hips and shoulders their arrangement.

Positions in features are independent of each other, so that bones of generated motion change their lengths and the
joints around the pelvis and the chest their arrangement. Files and characters have rigid bones.

Legend: N and T frames, J = 22 joints; metres.
"""

from functools import cache

import numpy as np
from jaxtyping import Float

from bimotion.features.mirror import symmetric_skeleton
from bimotion.motion.skeleton import CHILDREN, PARENTS, REST_OFFSETS, joint_indices
from bimotion.motion.solve import bone_vectors, mean_shape, rigid_fit

LEG = joint_indices("left_leg")
"""The length of the leg stands for the size of the body."""

SAME = 1e-3
"""Bodies whose bones differ by less are the same, metres."""

RIGID = 0.01
"""A body whose bones change their lengths by more is not rigid; its bones are not transferred, metres."""

_FORKS = tuple(joint for joint, children in enumerate(CHILDREN) if len(children) > 1)
"""Pelvis and chest."""


@cache
def uniform_body() -> Float[np.ndarray, "J 3"]:
    """The body of cleaned motion: bones as long as the uniform skeleton's, arranged as in the T-pose.

    The uniform skeleton itself has hips and collars that point straight to the sides. That is a convention for
    rotations, from which the features' positions do not follow; no recorded body is built like that.
    """
    lengths = np.linalg.norm(symmetric_skeleton(), axis=-1, keepdims=True)
    size = np.maximum(np.linalg.norm(REST_OFFSETS, axis=-1, keepdims=True), 1e-9)
    body = np.asarray(REST_OFFSETS / size * lengths, np.float64)
    body.setflags(write=False)
    return body


def with_bones(
    joints: Float[np.ndarray, "N J 3"], offsets: Float[np.ndarray, "J 3"], root_scale: float = 1.0
) -> Float[np.ndarray, "N J 3"]:
    """The motion on a skeleton with these offsets; the root's position is multiplied.

    A bone keeps its direction. Where several bones start in a joint, they keep the arrangement of `offsets`, turned
    so that their ends are nearest to where they were.
    """
    bones = bone_vectors(joints.astype(np.float64))
    size = np.linalg.norm(offsets, axis=-1)
    bones *= (size / np.maximum(np.linalg.norm(bones, axis=-1), 1e-9))[..., None]
    for joint in _FORKS:
        below = list(CHILDREN[joint])
        shape = offsets[below].astype(np.float64)
        bones[:, below] = np.einsum("tij,kj->tki", rigid_fit(bones[:, below], shape), shape)
    out = bones
    out[:, 0] = joints[:, 0] * root_scale
    for joint, parent in enumerate(PARENTS[1:], start=1):
        out[:, joint] += out[:, parent]
    return out.astype(np.float32)


def with_bones_of(
    joints: Float[np.ndarray, "N J 3"], body: Float[np.ndarray, "T J 3"]
) -> Float[np.ndarray, "N J 3"]:
    """The motion on the skeleton of `body`: directions stay, steps and height scale with the legs.

    The floor is y = 0 in `joints` and in the result. Bones that agree to a millimetre stay unchanged.
    """
    old, new = bone_offsets(joints), bone_offsets(body)
    if np.abs(old - new).max() < SAME:
        return joints
    leg = list(LEG[1:])
    legs = [np.linalg.norm(offsets[leg], axis=-1).sum() for offsets in (old, new)]
    return with_bones(joints, new, float(legs[1] / max(legs[0], 1e-6)))


def rigid_bones_of(
    joints: Float[np.ndarray, "N J 3"], body: Float[np.ndarray, "T J 3"]
) -> Float[np.ndarray, "N J 3"]:
    """The motion with the bones of `body`, whose size it has; unchanged where those of `body` are not rigid."""
    lengths = np.linalg.norm(bone_vectors(body), axis=-1)
    return joints if np.ptp(lengths, axis=0).max() > RIGID else with_bones(joints, bone_offsets(body))


def bone_offsets(joints: Float[np.ndarray, "T J 3"]) -> Float[np.ndarray, "J 3"]:
    """The skeleton of a motion: median lengths, and the mean arrangement of bones that start in one joint.

    Only a single bone's length counts: it points up.
    """
    bones = bone_vectors(joints.astype(np.float64))
    lengths = np.median(np.linalg.norm(bones, axis=-1), axis=0)
    offsets: Float[np.ndarray, "J 3"] = lengths[:, None] * np.array([0.0, 1.0, 0.0])
    for joint in _FORKS:
        below = list(CHILDREN[joint])
        shape = mean_shape(bones[:, below], REST_OFFSETS[below])
        seen = np.linalg.norm(shape, axis=-1, keepdims=True)
        offsets[below] = shape / np.maximum(seen, 1e-9) * lengths[below, None]
    return offsets
