"""Recorded motion on the skeleton of its file, before it becomes a clip.

Legend: T frames, N joints of the file, K selected joints; lengths in the file's own unit. A bone is named by the
joint that it starts in.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float

from bimotion.motion.retarget.tree import children_of, common_ancestor, path_to
from bimotion.motion.rotations import (
    matrix_to_quat,
    quat_between,
    quat_conjugate,
    quat_multiply,
    quat_rotate,
)

_RIGID = 0.02
"""Share of its length by which a bone may move in its parent's frame and still count as rigid."""


@dataclass(frozen=True)
class SourceSkeleton:
    """A hierarchy of joints."""

    names: tuple[str, ...]
    """Names from the file; an end site has its parent's name with the suffix `_end`."""
    parents: tuple[int, ...]
    """Index of each joint's parent, -1 for a root; parents stand before their children."""
    offsets: Float[np.ndarray, "N 3"]
    """Position of each joint in its parent's frame in the rest pose."""
    rest_rotations: Float[np.ndarray, "N 4"] | None = None
    """World rotations of the rest pose; None where all are the identity, as in BVH."""
    end_sites: frozenset[int] = frozenset()
    """Joints that only mark the end of a bone."""

    def path(self, joint: int) -> list[int]:
        """The joint and its ancestors, from the root down."""
        return path_to(self.parents, joint)

    def common_ancestor(self, joints: Iterable[int]) -> int:
        """The lowest joint that is an ancestor of all joints or one of them; -1 under different roots."""
        return common_ancestor(self.parents, joints)

    def children(self) -> list[list[int]]:
        """Children of each joint."""
        return children_of(self.parents)

    def rest_positions(self, frames: Float[np.ndarray, "N 3 3"] | None = None) -> Float[np.ndarray, "N 3"]:
        """World positions in the rest pose, or with the world rotations `frames`."""
        positions = np.zeros((len(self.names), 3))
        for joint, parent in enumerate(self.parents):
            if parent < 0:
                continue
            offset = self.offsets[joint]
            if frames is not None:
                offset = frames[parent] @ offset
            elif self.rest_rotations is not None:
                offset = quat_rotate(self.rest_rotations[parent], offset)
            positions[joint] = positions[parent] + offset
        return positions


LocalPoses = Callable[[Sequence[int]], tuple[list[Float[np.ndarray, "*T 3"]], Float[np.ndarray, "K T 4"]]]
"""For joints: positions in the parent's frame, each (3,) where it is constant, and rotations against the parent."""


@dataclass(frozen=True)
class SourceMotion:
    """Motion of a source skeleton."""

    skeleton: SourceSkeleton
    num_frames: int
    fps: float
    local_poses: LocalPoses
    """Poses are computed for the joints that are needed: most files have many more."""
    moving: frozenset[int] = frozenset()
    """Joints other than roots whose position in the parent's frame is not the skeleton's offset."""
    metres: float | None = None
    """Metres in one unit of the file, where the format or the file defines it."""
    up: str | None = None
    """The axis that points up, "y" or "z", where the format defines it."""
    notes: tuple[str, ...] = ()
    """Warnings about the file, one line each."""
    caption: str = ""
    """Description of the motion stored in the file."""
    animations: tuple[str, ...] = ()
    """Names of all animations of the file, of formats that have several."""
    _world: dict[int, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict, repr=False)

    @classmethod
    def at_rest(cls, skeleton: SourceSkeleton) -> "SourceMotion":
        """One frame of a skeleton in its rest pose, whose bones stand in the axes of the world."""

        def poses(joints: Sequence[int]) -> tuple[list[np.ndarray], np.ndarray]:
            rotations = np.tile([1.0, 0.0, 0.0, 0.0], (len(joints), 1, 1))
            return [skeleton.offsets[joint] for joint in joints], rotations

        return cls(skeleton, 1, 1.0, poses)

    def compute(self, joints: Iterable[int]) -> None:
        """Computes the world poses of the joints and their ancestors together, which is faster than one by one."""
        needed = sorted({above for joint in joints for above in self.skeleton.path(joint)} - set(self._world))
        if not needed:
            return
        translations, rotations = self.local_poses(needed)
        depth = {joint: len(self.skeleton.path(joint)) for joint in needed}
        row = {joint: i for i, joint in enumerate(needed)}
        for level in sorted(set(depth.values())):
            group = [joint for joint in needed if depth[joint] == level]
            if level == 1:
                for joint in group:
                    position = np.broadcast_to(translations[row[joint]], (self.num_frames, 3))
                    self._world[joint] = position, rotations[row[joint]]
                continue
            above = [self._world[self.skeleton.parents[joint]] for joint in group]
            frames = stack_frames([frame for _, frame in above])
            offsets = stack_frames([np.atleast_2d(translations[row[joint]]) for joint in group])
            positions = quat_rotate(frames, offsets) + stack_frames([position for position, _ in above])
            world = quat_multiply(frames, rotations[[row[joint] for joint in group]])
            for i, joint in enumerate(group):
                self._world[joint] = positions[i], world[i]

    def world(self, joint: int) -> tuple[Float[np.ndarray, "T 3"], Float[np.ndarray, "T 4"]]:
        """World positions and rotations of a joint."""
        if joint not in self._world:
            self.compute([joint])
        return self._world[joint]

    def with_moving_bones(self) -> "SourceMotion":
        """The same motion with rest offsets and rotations that follow the bones' actual positions.

        A file may keep its bones in position channels: offsets are zero or unrelated, and rotations may be absent.
        Offsets then become those of the first frame, and a bone whose children move in its frame gets the rotation
        that brings them nearest to their positions, which do not change.
        """
        # a root with one child only carries the body through the world
        holders = {
            bone: below
            for bone, below in enumerate(self.skeleton.children() if self.moving else [])
            if self.moving.intersection(below) and (len(below) > 1 or self.skeleton.parents[bone] >= 0)
        }
        moving = sorted(self.moving.intersection(joint for below in holders.values() for joint in below))
        if not moving:
            return self
        translations = dict(zip(moving, self.local_poses(moving)[0], strict=True))
        offsets = self.skeleton.offsets.copy()
        for joint, translation in translations.items():
            offsets[joint] = np.atleast_2d(translation)[0]
        skeleton = replace(self.skeleton, offsets=offsets)
        turns = {}
        for bone, below in holders.items():
            child_positions = [np.atleast_2d(translations.get(child, offsets[child])) for child in below]
            turn = _turn_of_children(
                np.array([offsets[child] for child in below]), child_positions, self.num_frames
            )
            if turn is not None:
                turns[bone] = turn
        local_poses = self._turned_poses(turns) if turns else self.local_poses
        return replace(self, skeleton=skeleton, local_poses=local_poses, moving=frozenset(), _world={})

    def _turned_poses(self, turns: dict[int, Float[np.ndarray, "T 4"]]) -> LocalPoses:
        """Local poses in which each bone of `turns` is turned with its children, whose poses undo it."""

        def poses(joints: Sequence[int]) -> tuple[list[np.ndarray], np.ndarray]:
            translations, rotations = self.local_poses(joints)
            turned, out = list(translations), list(rotations)
            for i, joint in enumerate(joints):
                above = turns.get(self.skeleton.parents[joint])
                if above is not None:
                    undo = quat_conjugate(above)
                    turned[i], out[i] = quat_rotate(undo, turned[i]), quat_multiply(undo, out[i])
                if joint in turns:
                    out[i] = quat_multiply(out[i], turns[joint])
            return turned, stack_frames(out)

        return poses


def stack_frames(arrays: Sequence[Float[np.ndarray, "_ C"]]) -> Float[np.ndarray, "K _ C"]:
    """Stacked arrays with components far apart in memory; a single frame is repeated where others have more."""
    length = max(len(array) for array in arrays)
    out = np.empty((arrays[0].shape[-1], len(arrays), length))
    for i, array in enumerate(arrays):
        out[:, i] = array.T
    return np.moveaxis(out, 0, -1)


def _turn_of_children(
    rest: Float[np.ndarray, "K 3"], positions: list[Float[np.ndarray, "_ 3"]], num_frames: int
) -> Float[np.ndarray, "T 4"] | None:
    """Rotation in a bone's frame that brings its children nearest to where they are; None where they are rigid."""
    children = np.stack([np.broadcast_to(position, (num_frames, 3)) for position in positions], axis=1)
    size = np.linalg.norm(rest, axis=-1)
    if (np.linalg.norm(children - rest, axis=-1) <= _RIGID * np.maximum(size, size.max())).all():
        return None
    if len(rest) == 1:
        return quat_between(np.broadcast_to(rest[0], (num_frames, 3)), children[:, 0])
    u, _, vh = np.linalg.svd(np.einsum("tki,kj->tij", children, rest))
    u[..., -1] *= np.linalg.det(u @ vh)[:, None]
    return matrix_to_quat(u @ vh)
