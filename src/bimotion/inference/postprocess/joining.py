"""Joining generated frames to existing ones without a jump in position, heading, pose or speed.

Legend: N new frames, T existing frames, S steps between frames, J = 22 joints. All at one frame rate, metres, Y up;
`yaw` is the angle about +Y from +Z to where the body faces.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from bimotion.features.clips import FloorTransform
from bimotion.motion.clip import heading as body_heading
from bimotion.motion.easing import fading_offset, smooth_step


@dataclass(frozen=True)
class Path:
    """A motion split into the path of the body over the floor and the pose relative to the body."""

    yaw: Float[np.ndarray, "T"]
    """Heading, radians, unwrapped."""
    xz: Float[np.ndarray, "T 2"]
    """Pelvis on the floor, metres."""
    pose: Float[np.ndarray, "T J 3"]
    """Joints, with the pelvis over the origin and facing +Z."""

    @classmethod
    def of(cls, joints: Float[np.ndarray, "T J 3"]) -> "Path":
        """Split joints in the world."""
        joints = joints.astype(np.float64)
        yaw = body_heading(joints)
        pose = joints.copy()
        pose[..., [0, 2]] = _rotated(joints[..., [0, 2]] - joints[:, :1, [0, 2]], -yaw[:, None])
        return cls(yaw, joints[:, 0, [0, 2]], pose)

    def joints(self) -> Float[np.ndarray, "T J 3"]:
        """The joints in the world, float32."""
        world = self.pose.copy()
        world[..., [0, 2]] = _rotated(self.pose[..., [0, 2]], self.yaw[:, None]) + self.xz[:, None]
        return world.astype(np.float32)

    def turns(self) -> Float[np.ndarray, "S"]:
        """Change of heading from each frame to the next."""
        return np.diff(self.yaw)

    def steps(self) -> Float[np.ndarray, "S 2"]:
        """Step on the floor from each frame to the next, relative to the body in the first."""
        return _rotated(np.diff(self.xz, axis=0), -self.yaw[:-1])


def bridge(
    before: Float[np.ndarray, "T J 3"],
    new: Float[np.ndarray, "N J 3"],
    after: Float[np.ndarray, "T2 J 3"] | None = None,
    *,
    window: int,
    fixed_end: bool = False,
) -> tuple[Float[np.ndarray, "N J 3"], Float[np.ndarray, "T2 J 3"] | None]:
    """`new`, moved to continue `before` and to lead to `after`; and `after`, moved to where `new` arrives.

    Differences at a joint (pose, speed, turning) fade over `window` frames along a cubic that starts with their value
    and rate of change. With `fixed_end` `after` stays where it is, and the path of `new` is bent to lead there.
    Two frames are needed on either side of a joint.

    Source: inertialisation as in Bollo, "Inertialization: high-performance animation transitions" (GDC 2018).
    """
    context, path = Path.of(before), Path.of(new)
    num = len(new)
    window = max(1, min(window, num))
    fade = _fade(num, window)
    turns, steps, pose = path.turns(), path.steps(), path.pose
    # The step over a joint is the mean of the steps on either side; half of the difference fades on each side.
    turn_in, step_in = context.turns()[-1], context.steps()[-1]
    if num > 1:
        turn_in, step_in = (turn_in + path.turns()[0]) / 2, (step_in + path.steps()[0]) / 2
        turns = turns + (turn_in - turns[0]) * fade[1:]
        steps = steps + (step_in - steps[0]) * fade[1:, None]
    pose = pose + _offset(context.pose[-2:], pose[:2], num, window)
    turn_out, step_out = turn_in, step_in
    if after is not None:
        target = Path.of(after)
        turn_out, step_out = target.turns()[0], target.steps()[0]
        ending = _offset(target.pose[1::-1], path.pose[: -3 if num > 1 else None : -1], num, window)
        pose = pose + ending[::-1]
        if num > 1:
            turn_out, step_out = (turn_out + path.turns()[-1]) / 2, (step_out + path.steps()[-1]) / 2
            turns = turns + (turn_out - path.turns()[-1]) * fade[:0:-1]
            steps = steps + (step_out - path.steps()[-1]) * fade[:0:-1, None]
    yaw = context.yaw[-1] + np.cumsum(np.concatenate([[turn_in], turns]))
    xz = _positions(context, np.vstack([step_in[None], steps]), yaw)
    end_yaw, end_xz = yaw[-1] + turn_out, xz[-1] + _rotated(step_out, yaw[-1])
    if after is None:
        return Path(yaw, xz, pose).joints(), None
    if fixed_end:
        share = smooth_step(np.arange(1, num + 1), 0, num + 1)
        missing = (target.yaw[0] - end_yaw + np.pi) % (2 * np.pi) - np.pi
        yaw = yaw + missing * share
        xz = _positions(context, np.vstack([step_in[None], steps]), yaw)
        end_xz = xz[-1] + _rotated(step_out, yaw[-1])
        xz = xz + (target.xz[0] - end_xz) * share[:, None]
        return Path(yaw, xz, pose).joints(), after
    moved = FloorTransform(float(end_yaw), (float(end_xz[0]), float(end_xz[1])))
    local = FloorTransform(float(target.yaw[0]), (float(target.xz[0, 0]), float(target.xz[0, 1])))
    return Path(yaw, xz, pose).joints(), moved.to_world(local.to_local(after))


def _offset(
    context: Float[np.ndarray, "2 J 3"], new: Float[np.ndarray, "n J 3"], num: int, window: int
) -> Float[np.ndarray, "N J 3"]:
    """Offset of the new poses that starts with value and rate of two given ones and fades to zero."""
    old_rate = context[1] - context[0]
    new_rate = new[1] - new[0] if len(new) > 1 else old_rate
    missing = context[1] + (old_rate + new_rate) / 2 - new[0]
    missing_rate = (old_rate - new_rate) / 2
    return fading_offset(missing, missing_rate, np.arange(num), window)


def _positions(
    context: Path, steps: Float[np.ndarray, "N 2"], yaw: Float[np.ndarray, "N"]
) -> Float[np.ndarray, "N 2"]:
    """Positions that steps, each relative to the body before it, lead to."""
    before = np.concatenate([context.yaw[-1:], yaw[:-1]])
    positions: Float[np.ndarray, "N 2"] = context.xz[-1] + np.cumsum(_rotated(steps, before), axis=0)
    return positions


def _fade(num: int, window: int) -> Float[np.ndarray, "N"]:
    """1 at the joint, 0 from `window` frames after it, with zero slope at both ends."""
    return 1 - smooth_step(np.arange(num), 0, window)


def _rotated(
    xz: Float[np.ndarray, "*#batch 2"], yaw: Float[np.ndarray, "*#batch"] | float
) -> Float[np.ndarray, "*_ 2"]:
    """Points (x, z) rotated about +Y."""
    cos, sin = np.cos(yaw), np.sin(yaw)
    x, z = xz[..., 0], xz[..., 1]
    return np.stack([x * cos + z * sin, z * cos - x * sin], axis=-1)
