"""Reading the skeleton and an animation of glTF 2.0 files: .glb, .gltf, .vrm and .vrma; no mesh is needed.

Legend: T frames, N joints, K keys. Metres and Y up, as glTF prescribes.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from bimotion.errors import MotionFileError
from bimotion.motion.formats.frame_rate import FASTEST, SLOWEST, check_rate, common_rate
from bimotion.motion.formats.gltf_animation import (
    Track,
    animation_names,
    local_transform,
    node_names,
    skin_joints,
    tracks,
)
from bimotion.motion.formats.gltf_file import GltfFile
from bimotion.motion.formats.text import printable, several_animations
from bimotion.motion.retarget.source import SourceMotion, SourceSkeleton
from bimotion.motion.rotations import quat_multiply, quat_normalise, slerp

_RATE = 30.0
"""Frames per second at which sparse keys are sampled."""

MAX_FRAMES = 1_000_000
"""A longer animation is refused."""


def read_gltf(path: str | Path, rate: float | None = None, animation: str | None = None) -> SourceMotion:
    """An animation of a glTF file, sampled at `rate` or at the rate of its keys.

    `animation` is a name or an index from 0; without it the first that moves a joint is read.

    Raises:
        MotionFileError: the file is malformed or has no animation of a skeleton.
    """
    file = GltfFile.load(path)
    skeleton, order, scales = _skeleton(file)
    index, notes = _choose_animation(file, set(order), animation)
    row = {node: i for i, node in enumerate(order)}
    moved = {(row[t.node], t.path): t for t in tracks(file, index) if t.node in row}
    start = min(float(track.times[0]) for track in moved.values())
    end = max(float(track.times[-1]) for track in moved.values())
    extras = file.document.get("extras")
    extras = extras if isinstance(extras, dict) else {}
    fps = _rate(extras.get("fps"), list(moved.values())) if rate is None else check_rate(rate, str(path))
    if (end - start) * fps > MAX_FRAMES:
        raise MotionFileError(f"{path}: the animation lasts {end - start:.4g} s, which is too long")
    num_frames = int(np.floor((end - start) * fps + 1e-3)) + 1
    times = np.minimum(start + np.arange(num_frames) / fps, end)
    poses = _Poses(file, order, scales, moved, times)
    caption = extras.get("caption")
    return SourceMotion(
        skeleton,
        num_frames,
        fps,
        poses,
        poses.moving(),
        metres=1.0,
        up="y",
        notes=notes,
        animations=tuple(animation_names(file)),
        caption=caption if isinstance(caption, str) else "",
    )


def _skeleton(file: GltfFile) -> tuple[SourceSkeleton, list[int], dict[int, float]]:
    """The skeleton, the node of each of its joints, and for each node the scale of its children's coordinates.

    Joints are those of skins and their ancestors; without skins all nodes but meshes and cameras.
    """
    parents, names = file.parents(), node_names(file)
    binds = skin_joints(file)
    kept = set(binds)
    if not kept:
        kept = {i for i, node in enumerate(file.nodes()) if "mesh" not in node and "camera" not in node}
    for node in list(kept):
        while parents[node] >= 0:
            node = parents[node]
            kept.add(node)
    order: list[int] = []
    open_nodes = [node for node in sorted(kept, reverse=True) if parents[node] < 0]
    children: dict[int, list[int]] = {}
    for node in sorted(kept):
        children.setdefault(parents[node], []).append(node)
    while open_nodes:
        node = open_nodes.pop()
        order.append(node)
        open_nodes += reversed(children.get(node, []))
    if not order:
        raise MotionFileError(f"{file.where}: no skeleton: the file has no nodes")
    row = {node: i for i, node in enumerate(order)}
    scales: dict[int, float] = {}
    offsets, rotations = np.zeros((len(order), 3)), np.zeros((len(order), 4))
    for i, node in enumerate(order):
        parent = parents[node]
        local = local_transform(file, node)
        above = scales.get(parent, 1.0)
        scales[node] = above * local.scale
        offsets[i] = local.translation * above
        bind = binds.get(node)
        if bind is not None:
            rotations[i] = bind
        else:
            base = None if parent < 0 else rotations[row[parent]]
            rotations[i] = local.rotation if base is None else quat_multiply(base, local.rotation)
    skeleton = SourceSkeleton(
        tuple(names[node] for node in order),
        tuple(row[parents[node]] if parents[node] >= 0 else -1 for node in order),
        offsets,
        rotations,
    )
    return skeleton, order, scales


def _choose_animation(file: GltfFile, joints: set[int], chosen: str | None) -> tuple[int, tuple[str, ...]]:
    """The chosen animation, else the first that moves joints with a note where there are several."""
    names = animation_names(file)
    moving = [i for i in range(len(names)) if any(track.node in joints for track in tracks(file, i))]
    if not moving:
        reason = "animations move no joint" if names else "the file has no animation"
        raise MotionFileError(f"{file.where}: {reason}; expected a skeleton with an animation")
    if chosen is not None:
        return _named_animation(names, moving, chosen, file.where), ()
    if len(moving) == 1:
        return moving[0], ()
    return moving[0], (several_animations([names[i] for i in moving]),)


def _named_animation(names: list[str], moving: list[int], chosen: str, where: str) -> int:
    index = names.index(chosen) if chosen in names else int(chosen) if chosen.isdecimal() else -1
    if not 0 <= index < len(names):
        listed = ", ".join(printable(name, 60) for name in names[:20])
        raise MotionFileError(f"{where}: no animation {printable(chosen)!r}; it has {listed}")
    if index not in moving:
        raise MotionFileError(f"{where}: animation {printable(chosen)!r} moves no joint")
    return index


def _rate(stated: object, moved: list[Track]) -> float:
    """The stated frames per second, or those of the keys where they are regular."""
    if isinstance(stated, int | float) and not isinstance(stated, bool) and SLOWEST <= stated <= FASTEST:
        return float(stated)
    steps = np.diff(np.unique(np.round(np.concatenate([track.times for track in moved]), 5)))
    if not steps.size:
        return _RATE
    typical = float(np.median(steps))
    regular = np.abs(steps / typical - np.round(steps / typical)).max() < 0.1
    fps = 1 / typical
    if not regular or not 8 <= fps <= FASTEST:
        return _RATE
    return common_rate(fps, 0.01) or round(fps, 3)


class _Poses:
    """Local poses of the joints at the sampled times."""

    def __init__(
        self,
        file: GltfFile,
        order: list[int],
        scales: dict[int, float],
        moved: dict[tuple[int, str], Track],
        times: Float[np.ndarray, "T"],
    ) -> None:
        self.tracks, self.times = moved, times
        parents = file.parents()
        self.parents = [parents[node] for node in order]
        self.scales = [scales.get(parent, 1.0) for parent in self.parents]
        self.rest = [local_transform(file, node) for node in order]

    def __call__(
        self, joints: Sequence[int]
    ) -> tuple[list[Float[np.ndarray, "*T 3"]], Float[np.ndarray, "K T 4"]]:
        rotations = np.empty((len(joints), len(self.times), 4))
        for i, joint in enumerate(joints):
            track = self.tracks.get((joint, "rotation"))
            if track is None:
                rotations[i] = self.rest[joint].rotation
            else:
                rotations[i] = quat_normalise(_sampled(track, self.times)[:, [3, 0, 1, 2]])
        return [self._translation(joint) for joint in joints], rotations

    def moving(self) -> frozenset[int]:
        """Joints below a root whose translation changes or is not the rest pose's."""
        return frozenset(joint for joint, path in self.tracks if path == "translation" and self._moves(joint))

    def _moves(self, joint: int) -> bool:
        if self.parents[joint] < 0:
            return False
        values = self.tracks[joint, "translation"].values
        rest = self.rest[joint].translation
        size = float(np.abs(values).max(initial=0.0)) + 1e-9
        return bool(
            np.ptp(values, axis=0).max() > 1e-3 * size or np.abs(values[0] - rest).max() > 1e-3 * size
        )

    def _translation(self, joint: int) -> Float[np.ndarray, "*T 3"]:
        track = self.tracks.get((joint, "translation"))
        if track is None:
            return np.asarray(self.rest[joint].translation * self.scales[joint])
        return np.asarray(_sampled(track, self.times) * self.scales[joint])


def _sampled(track: Track, times: Float[np.ndarray, "T"]) -> Float[np.ndarray, "T C"]:
    """Values of a track; before its first key and after its last it keeps their values."""
    keys = track.times
    low = np.clip(np.searchsorted(keys, times, side="right") - 1, 0, len(keys) - 1)
    high = np.minimum(low + 1, len(keys) - 1)
    step = keys[high] - keys[low]
    part = np.clip(np.where(step > 0, (times - keys[low]) / np.where(step > 0, step, 1), 0), 0, 1)
    if track.interpolation == "CUBICSPLINE":
        tangent_in, values, tangent_out = (track.values[i::3] for i in range(3))
        t, length = part[:, None], step[:, None]
        return np.asarray(
            (2 * t**3 - 3 * t**2 + 1) * values[low]
            + (t**3 - 2 * t**2 + t) * length * tangent_out[low]
            + (3 * t**2 - 2 * t**3) * values[high]
            + (t**3 - t**2) * length * tangent_in[high]
        )
    if track.interpolation == "STEP":
        return track.values[low]
    if track.path == "rotation":
        q = quat_normalise(track.values)
        return slerp(q[low], q[high], part)
    return np.asarray(track.values[low] * (1 - part[:, None]) + track.values[high] * part[:, None])
