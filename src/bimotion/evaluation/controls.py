"""How well composed motions meet controls: paths, keys of hands, poses, loops.

Metres at 20 frames per second.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bimotion.errors import ConfigError
from bimotion.evaluation.long_motion import Joints, Track
from bimotion.inference.controls import Key
from bimotion.inference.model import MotionLanguageModel
from bimotion.inference.steering import pose_error
from bimotion.motion.clip import Clip
from bimotion.motion.quality import motion_quality


def control_scores(
    model: MotionLanguageModel, *, count: int, seed: int, track: Track
) -> dict[str, dict[str, float]]:
    """How well controls are met, by `count` motions of each kind: misses, refusals, and skating with and without.

    `miss_cm`: mean of the largest miss of each motion; `worst_cm` the worst; `refused` the share of refusals;
    `skating_speed` and `free_skating_speed`: speed of feet in contact, and that of the same phrases and seeds without
    controls.
    """
    rng = np.random.default_rng([seed, 21])
    kinds: dict[str, Callable[[int], Trial]] = {
        "path": lambda index: _path_trial(model, rng, seed + index),
        "hand key": lambda index: _hand_trial(model, rng, seed + index),
        "pose key": lambda index: _pose_trial(model, seed + index),
        "loop": lambda index: _loop_trial(model, seed + index),
    }
    scores = {}
    for kind, attempt in kinds.items():
        trials = [attempt(index) for index in track(range(count), kind)]
        met = [trial for trial in trials if trial.joints is not None]
        feet = [
            np.array(
                [(quality.skating_speed, quality.contact_ratio * quality.num_frames) for quality in measured]
            )
            for measured in (
                [motion_quality(trial.joints) for trial in met if trial.joints is not None],
                [motion_quality(trial.free) for trial in met],
            )
        ]
        speeds = (
            [float(np.average(each[:, 0], weights=each[:, 1] + 1e-9)) for each in feet] if met else [0, 1]
        )
        scores[kind] = {
            "miss_cm": 100 * float(np.mean([trial.miss for trial in met])) if met else float("nan"),
            "worst_cm": 100 * max((trial.miss for trial in met), default=float("nan")),
            "refused": 1 - len(met) / len(trials),
            "skating_speed": speeds[0],
            "free_skating_speed": speeds[1],
        }
    return scores


@dataclass(frozen=True)
class Trial:
    """One motion with a control, and the one without."""

    joints: Joints | None
    """With the control; None where it was refused."""
    free: Joints
    """Without it."""
    miss: float = 0.0
    """Largest distance from the control's target, metres."""


def _path_trial(model: MotionLanguageModel, rng: np.random.Generator, seed: int) -> Trial:
    """A walk of 6 s along three waypoints, at 0.7 to 1.2 m/s, with a turn of up to 90 degrees."""
    length, turn = rng.uniform(4.2, 7.2), rng.uniform(-np.pi / 2, np.pi / 2)
    half = length / 2
    path = [(0.0, 0.0), (0.0, half), (half * float(np.sin(turn)), half * (1 + float(np.cos(turn))))]
    phrases = [("a person walks", 6.0)]
    free = model.compose(phrases, seed=seed).joints
    try:
        joints = model.compose(phrases, seed=seed, path=path).joints
    except ConfigError:
        return Trial(None, free)
    pelvis = joints[:, 0, [0, 2]]
    return Trial(joints, free, max(float(np.linalg.norm(pelvis - point, axis=-1).min()) for point in path))


def _hand_trial(model: MotionLanguageModel, rng: np.random.Generator, seed: int) -> Trial:
    """A hand 10 to 25 cm from where it would be after 2 s of 4, towards the shoulder or lower."""
    phrases = [("a person waves with the right hand", 4.0)]
    free = model.compose(phrases, seed=seed).joints
    wrist, shoulder = free[40, 21], free[40, 17]
    aim = shoulder + rng.uniform(-0.3, 0.3, 3).astype(np.float32)
    step = rng.uniform(0.1, 0.25) / max(float(np.linalg.norm(aim - wrist)), 1e-6)
    position = wrist + min(step, 1.0) * (aim - wrist)
    try:
        joints = model.compose(phrases, seed=seed, keys=[Key(2.0, "right_hand", position.tolist())]).joints
    except ConfigError:
        return Trial(None, free)
    return Trial(joints, free, float(np.linalg.norm(joints[40, 21] - position)))


def _pose_trial(model: MotionLanguageModel, seed: int) -> Trial:
    """A pose of another motion in the middle of a walk."""
    other = model.text_to_motion("a person waves with the right hand", seconds=3, seed=seed + 500)
    pose = Clip(other.joints[30:31], other.fps)
    phrases = [("a person walks", 4.0)]
    free = model.compose(phrases, seed=seed).joints
    try:
        joints = model.compose(phrases, seed=seed, keys=[Key(2.0, pose=pose)]).joints
    except ConfigError:
        return Trial(None, free)
    return Trial(joints, free, pose_error(joints[40], pose.joints[0]))


def _loop_trial(model: MotionLanguageModel, seed: int) -> Trial:
    """A walk of 3 s that starts again: distance of the first pose, moved there, from where the last step leads."""
    phrases = [("a person walks", 3.0)]
    free = model.compose(phrases, seed=seed).joints
    joints = model.compose(phrases, seed=seed, loop=True).joints
    ahead = 2 * joints[-1] - joints[-2]
    return Trial(joints, free, pose_error(ahead, joints[0]))
