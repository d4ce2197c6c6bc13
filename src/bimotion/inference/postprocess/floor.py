"""Floor correction: bodies neither float above the floor nor sink into it.

Legend: T frames, J = 22 joints, F = 263 feature columns; metres, Y up, floor at y = 0, frames at 20 per second.
"""

import numpy as np
from jaxtyping import Float

from bimotion.features.layout import FPS
from bimotion.inference.postprocess.feet import two_bone_limb
from bimotion.inference.postprocess.stance import contacts
from bimotion.motion.filters import gaussian_filter, maximum_filter
from bimotion.motion.skeleton import JOINT_NAMES

ARMS = tuple(
    tuple(JOINT_NAMES.index(f"{side}_{joint}") for joint in ("shoulder", "elbow", "wrist"))
    for side in ("left", "right")
)
"""Shoulder, elbow and wrist: left, right."""

FOREARMS = tuple(joint for arm in ARMS for joint in arm[1:])
"""Elbows and wrists, which do not carry the body."""

MAX_CORRECTION = 0.4
"""Larger heights of a foot in contact are taken for wrong contacts, metres."""

SETTLE_FRAMES = 3.0
"""Deviation of the Gaussian that smooths the height of the body's correction, frames."""

FADE_SECONDS = 0.25
"""Time over which a lift fades towards given frames."""

LIFT_FRAMES = 2.0
"""Deviation of the Gaussian that smooths the last lift above the floor, frames."""


def stand_on_floor(
    joints: Float[np.ndarray, "T J 3"], features: Float[np.ndarray, "T 263"]
) -> Float[np.ndarray, "T J 3"]:
    """The joints at a height at which the feet in contact touch the floor and nothing is below it.

    Where a foot touches the floor, by its contact columns, the whole body is moved up or down until its lowest joint,
    arms excepted, is at y = 0; in between, in the air, the correction leads from the last contact to the next. Hands
    that are still below the floor are raised by bending the arms; what is then left is a smooth lift of the whole body.
    """
    if len(joints) < 2:
        return joints
    out = joints.astype(np.float64)
    lowest = np.delete(out[..., 1], FOREARMS, axis=1).min(1)
    out[..., 1] += _settled(lowest, np.asarray(contacts(features).any(1)))[:, None]
    for shoulder, elbow, wrist in ARMS:
        below = out[:, wrist, 1] < 0
        if below.any():
            arm = out[below]
            target = arm[:, wrist] * np.array([1.0, 0.0, 1.0])
            out[below, elbow], out[below, wrist] = two_bone_limb(
                arm[:, shoulder], arm[:, elbow], arm[:, wrist], target
            )
    out[..., 1] += _lift(-out[..., 1].min(1))[:, None]
    return out.astype(np.float32)


def _settled(lowest: Float[np.ndarray, "T"], touches: np.ndarray) -> Float[np.ndarray, "T"]:
    """Correction of the height of each frame that puts the lowest joint of frames in contact at 0."""
    known = touches & (np.abs(lowest) <= MAX_CORRECTION)
    if not known.any():
        return np.zeros(len(lowest))
    frames, index = np.arange(len(lowest)), np.flatnonzero(known)
    correction = np.interp(frames, index, -lowest[index])
    smooth: Float[np.ndarray, "T"] = gaussian_filter(correction, SETTLE_FRAMES, "nearest")
    return smooth


def raise_above_floor(
    joints: Float[np.ndarray, "T J 3"], fps: float, *, fixed_end: bool = False
) -> Float[np.ndarray, "T J 3"]:
    """New frames between given ones, smoothly raised where a joint is below y = 0.

    The lift fades to what is needed towards the first frame, and with `fixed_end` towards the last one, so that the
    joints to the given frames stay without a step.
    """
    needed = np.maximum(-joints[..., 1].min(1).astype(np.float64), 0)
    if not needed.any():
        return joints
    frames = np.arange(len(joints))
    fade = np.minimum(1, (frames + 1) / (FADE_SECONDS * fps))
    if fixed_end:
        fade = np.minimum(fade, fade[::-1])
    out = joints.astype(np.float64)
    out[..., 1] += np.maximum(needed, _lift(needed, fps / FPS) * fade)[:, None]
    return out.astype(np.float32)


def _lift(depth: Float[np.ndarray, "T"], stretch: float = 1.0) -> Float[np.ndarray, "T"]:
    """A smooth height that is nowhere less than `depth`, and 0 far from where that is above 0.

    `stretch` multiplies the time that it is smoothed over.
    """
    needed, deviation = np.maximum(depth, 0), LIFT_FRAMES * stretch
    reach = int(np.ceil(4 * deviation))
    widened = maximum_filter(needed, reach)
    lift: Float[np.ndarray, "T"] = gaussian_filter(widened, deviation, "nearest")
    return np.asarray(np.maximum(lift, needed))
