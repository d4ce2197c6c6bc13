"""Recorded motion on the skeleton it was recorded with, before it becomes a clip.

J bones (a bone is called by the joint that it starts in), T frames, lengths in the file's own unit.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class SourceSkeleton:
    """A hierarchy of joints."""

    names: tuple[str, ...]
    """Names as the file has them; an end site is called after its parent, with `_end` behind."""
    parents: tuple[int, ...]
    """Index of each joint's parent, -1 for a root; parents stand before their children."""
    offsets: Float[np.ndarray, "J 3"]
    """Position of each joint in its parent's frame when nothing moves."""

    def path(self, joint: int) -> list[int]:
        """The joint and all above it, from the root down."""
        path = []
        while joint >= 0:
            path.append(joint)
            joint = self.parents[joint]
        return path[::-1]

    def common_ancestor(self, joints: Iterable[int]) -> int:
        """The lowest joint that is each of the joints or above it; -1 if they hang under different roots."""
        paths = [self.path(joint) for joint in joints]
        shared = -1
        for level in zip(*paths, strict=False):
            if len(set(level)) > 1:
                break
            shared = level[0]
        return shared

    def rest_positions(self, frames: Float[np.ndarray, "J 3 3"] | None = None) -> Float[np.ndarray, "J 3"]:
        """World positions when every joint has the world rotation `frames` (by default the identity)."""
        positions = np.zeros((len(self.names), 3))
        for joint, parent in enumerate(self.parents):
            if parent < 0:
                continue
            offset = self.offsets[joint] if frames is None else frames[parent] @ self.offsets[joint]
            positions[joint] = positions[parent] + offset
        return positions


LocalPose = Callable[[int], tuple[Float[np.ndarray, "T 3"], Float[np.ndarray, "T 3 3"]]]
"""For a joint: its positions in its parent's frame, and its rotations against its parent's."""


@dataclass(frozen=True)
class SourceMotion:
    """What moves on a source skeleton."""

    skeleton: SourceSkeleton
    num_frames: int
    fps: float
    local_pose: LocalPose
    """Read joint by joint, because most files have many more joints than are needed."""
    metres: float | None = None
    """Metres in a unit of the file, where the file says so."""

    def world_poses(
        self, joints: Iterable[int]
    ) -> tuple[Float[np.ndarray, "T K 3"], Float[np.ndarray, "T K 3 3"]]:
        """World positions and rotations of K joints, in their order; only what is above them is computed."""
        wanted = list(joints)
        needed = sorted({above for joint in wanted for above in self.skeleton.path(joint)})
        poses: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        for joint in needed:
            translation, rotation = self.local_pose(joint)
            parent = self.skeleton.parents[joint]
            if parent >= 0:
                base, frame = poses[parent]
                translation = base + np.einsum("tij,tj->ti", frame, translation)
                rotation = frame @ rotation
            poses[joint] = (translation, rotation)
        positions = np.stack([poses[joint][0] for joint in wanted], axis=1)
        return positions, np.stack([poses[joint][1] for joint in wanted], axis=1)
