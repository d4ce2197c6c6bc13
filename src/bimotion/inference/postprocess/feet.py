"""Foot locking: feet are fixed while they stand, leave the floor between, and the body follows.

Legend: T frames, J = 22 joints, metres, Y up.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float

from bimotion.features.smooth import gaussian_smooth
from bimotion.inference.postprocess.stance import contacts, median, runs, standing, swing_lift
from bimotion.motion.easing import smooth_step
from bimotion.motion.rotations import cross
from bimotion.motion.skeleton import joint_indices

LEGS = joint_indices("left_leg", "left_foot"), joint_indices("right_leg", "right_foot")
"""Hip, knee, ankle and ball of the foot: left, right."""

EASE_FRAMES = 4
"""Frames before and after a contact over which the correction of a foot fades in and out."""

FOLDED = 0.2, 0.45
"""Distance of hip and ankle, as a share of the leg: below the first a foot is not moved, above the second wholly."""

STEADY_FRAMES = 1.5
"""Standard deviation of the Gaussian that smooths corrections of the path, frames."""

PATH_FRAMES = 40
"""Standard deviation of the Gaussian above which the path stays unchanged, frames: steps are corrected, the destination
is not."""


def steady_root(
    joints: Float[np.ndarray, "T J 3"], features: Float[np.ndarray, "T 263"]
) -> Float[np.ndarray, "T J 3"]:
    """The joints moved along the floor, all by the same vector in a frame, so that the feet in contact hardly move.

    Within a step the body follows the standing foot; over seconds the path stays the same, because a wrongly predicted
    contact would lead it astray. In the air the correction is interpolated from the last contact to the next.
    """
    touches = contacts(features)
    standing = touches[1:] & touches[:-1]
    known = standing.any(1)
    if not known.any():
        return joints
    balls = joints[:, [leg[3] for leg in LEGS]][:, :, [0, 2]].astype(np.float64)
    steps = np.diff(balls, axis=0) * standing[..., None]
    slide = steps.sum(1) / np.maximum(standing.sum(1), 1)[:, None]
    frames, at = np.arange(len(slide)), np.flatnonzero(known)
    filled = np.stack([np.interp(frames, at, slide[at, axis]) for axis in range(2)])
    path = np.pad(gaussian_smooth(filled, STEADY_FRAMES, np).cumsum(-1), ((0, 0), (1, 0)))
    path -= path[:, -1:] * np.linspace(0, 1, path.shape[1])
    out = joints.astype(np.float64)
    out[:, :, [0, 2]] -= (path - gaussian_smooth(path, PATH_FRAMES, np)).T[:, None]
    return out.astype(np.float32)


def plant_feet(
    joints: Float[np.ndarray, "T J 3"], features: Float[np.ndarray, "T 263"], fixed: int = 0
) -> Float[np.ndarray, "T J 3"]:
    """The joints with each foot locked while it stands (`stance.standing`), and raised from the floor between.

    Ankle and ball of the foot are moved, the knee follows so that thigh and shin keep their lengths.
    All other joints stay unchanged, and so do the first `fixed` frames: a foot that stands in the last of them stays
    where it is.
    """
    return plant_feet_of_clips([joints], [features], fixed)[0]


def plant_feet_of_clips(
    joints: Sequence[Float[np.ndarray, "_ J 3"]],
    features: Sequence[Float[np.ndarray, "_ 263"]],
    fixed: int = 0,
) -> list[Float[np.ndarray, "_ J 3"]]:
    """`plant_feet` of several clips; the limbs of all of them are bent at once."""
    out = [each.astype(np.float64) for each in joints]
    touches = [contacts(each) for each in features]
    for side, (hip, knee, ankle, ball) in enumerate(LEGS):
        shifts = [
            _shifts(each[:, ball], on[:, side], each[:, 0, 1], fixed)
            for each, on in zip(out, touches, strict=True)
        ]
        moved = [number for number, shift in enumerate(shifts) if shift.any()]
        if not moved:
            continue
        legs = np.concatenate([out[number][:, [hip, knee, ankle]] for number in moved])
        target = legs[:, 2] + np.concatenate([shifts[number] for number in moved]) * _stretched(legs)
        bent = np.stack(two_bone_limb(legs[:, 0], legs[:, 1], legs[:, 2], target), axis=1)
        ends = np.cumsum([len(out[number]) for number in moved])[:-1]
        for number, limb in zip(moved, np.split(bent, ends), strict=True):
            each = out[number]
            each[:, ball] += limb[:, 1] - each[:, ankle]
            each[:, knee], each[:, ankle] = limb[:, 0], limb[:, 1]
    return [each.astype(np.float32) for each in out]


def _stretched(legs: Float[np.ndarray, "T 3 3"]) -> Float[np.ndarray, "T 1"]:
    """Share of a foot's shift that a leg follows: 0 where it is folded, since the knee would turn to any side."""
    thigh, shin, whole = (
        np.linalg.norm(legs[:, b] - legs[:, a], axis=-1) for a, b in ((0, 1), (1, 2), (0, 2))
    )
    return np.asarray(smooth_step(whole / (thigh + shin), *FOLDED)[:, None])


def _shifts(
    ball: Float[np.ndarray, "T 3"],
    touches: Bool[np.ndarray, "T"],
    pelvis: Float[np.ndarray, "T"],
    fixed: int,
) -> Float[np.ndarray, "T 3"]:
    """How far the foot is moved in each frame: not to move while it stands, and not to drag between."""
    num = len(ball)
    stands = standing(ball, touches)
    known = np.zeros(num, dtype=bool)
    shift = np.zeros((num, 3))
    for start, stop in runs(stands):
        target = ball[fixed - 1] if start < fixed < stop else median(ball[start:stop])
        moved = target - ball[start:stop]
        moved[:, 1] = 0
        moved[: max(0, fixed - start)] = 0
        shift[start:stop], known[start:stop] = moved, True
    if not known.any():
        return shift
    lift = swing_lift(ball, stands, pelvis)
    # Between contacts the shift eases out to nothing, or straight over where the next contact is near.
    at = np.flatnonzero(known)
    frames = np.arange(num)
    before = at[np.clip(np.searchsorted(at, frames, side="right") - 1, 0, None)]
    after = at[np.clip(np.searchsorted(at, frames), None, len(at) - 1)]
    for near in (before, after):
        distance = np.abs(frames - near)
        weight = 1 - smooth_step(distance, 0, EASE_FRAMES + 1)[:, None]
        eased = np.where(known[:, None], 0, weight * shift[near])
        shift = np.where(
            known[:, None], shift, shift + np.where(before[:, None] == after[:, None], eased / 2, eased)
        )
    shift[:, 1] = lift
    shift[:fixed] = 0
    return shift


def two_bone_limb(
    root: Float[np.ndarray, "T 3"],
    middle: Float[np.ndarray, "T 3"],
    end: Float[np.ndarray, "T 3"],
    target: Float[np.ndarray, "T 3"],
) -> tuple[Float[np.ndarray, "T 3"], Float[np.ndarray, "T 3"]]:
    """Knee and ankle, or elbow and wrist, of a limb whose end goes to `target` as far as it reaches.

    Both bones keep their lengths, and the limb bends to the side that it bent to.
    """
    upper, lower = (np.linalg.norm(b - a, axis=-1, keepdims=True) for a, b in ((root, middle), (middle, end)))
    to_target = target - root
    distance = np.linalg.norm(to_target, axis=-1, keepdims=True)
    reach = np.clip(distance, np.abs(upper - lower) + 1e-4, (upper + lower) * 0.9999)
    along = to_target / np.maximum(distance, 1e-9)
    bend = (middle - root) - ((middle - root) * along).sum(-1, keepdims=True) * along
    length = np.linalg.norm(bend, axis=-1, keepdims=True)
    # A straight limb has no plane that it bends in: any direction across it will do.
    across = np.where(length > 1e-5, bend / np.maximum(length, 1e-9), _any_across(along))
    part = (upper**2 - lower**2 + reach**2) / (2 * reach)
    height = np.sqrt(np.maximum(upper**2 - part**2, 0))
    return root + part * along + height * across, root + reach * along


def _any_across(along: Float[np.ndarray, "T 3"]) -> Float[np.ndarray, "T 3"]:
    across: Float[np.ndarray, "T 3"] = cross(along, np.array([1.0, 0.0, 0.0]))
    across /= np.maximum(np.linalg.norm(across, axis=-1, keepdims=True), 1e-9)
    return across
