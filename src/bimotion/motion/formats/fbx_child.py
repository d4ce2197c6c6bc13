"""The program that parses FBX in a process of its own: `python fbx_child.py FILE OUT ANIMATION RATE MAX_FRAMES`.

It imports nothing of bimotion, so that it starts quickly, and it must run alone: ufbx is C code that reads a file of
unknown origin, and the binding counts references wrongly (`_keep`). The parent reads OUT, a NumPy archive without
pickles; a crash, a memory limit or a time limit ends this process alone.

Legend: T frames, N nodes.

Source: ufbx 0.21 (transforms, pivots, inherited scale and curves are evaluated by it).
"""

import ctypes
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

MEMORY_LIMIT = 4 * 2**30
"""Bytes of address space, where the system can limit it."""

_PROPERTIES = ("Lcl Translation", "Lcl Rotation")


def main(arguments: list[str]) -> int:
    """Parse the file and write the archive; the exit code. An error is one line on stderr and exit code 3."""
    file, out, animation, rate, max_frames = arguments
    _limit_memory()
    try:
        arrays = parse(file, animation, float(rate), int(max_frames))
    except (ValueError, RuntimeError, MemoryError) as error:
        sys.stderr.write(str(error).splitlines()[0] if str(error) else type(error).__name__)
        return 3
    np.savez(Path(out), **arrays)
    return 0


def parse(file: str, animation: str, rate: float, max_frames: int) -> dict[str, Any]:
    """Local transforms of the bones of an animation, at rest and in every frame.

    `animation` is a name or an index, or "" for the first that moves a node; `rate` 0 is the file's own.

    Raises:
        ValueError: ufbx cannot read it, it has no animation, or the animation is too long.
    """
    import ufbx

    if not hasattr(ufbx, "evaluate_transform"):
        raise ValueError("another package is installed as ufbx: `pip uninstall pyufbx`, `pip install ufbx`")
    try:
        scene = ufbx.load_file(
            file,
            ignore_geometry=True,
            ignore_embedded=True,
            load_external_files=False,
            inherit_mode_handling=ufbx.InheritModeHandling.COMPENSATE,
        )
    except ufbx.UfbxError as error:
        raise ValueError(f"not a readable FBX file ({error})") from None
    stacks = [_keep(stack) for stack in scene.anim_stacks]
    stack, moving = _choose(stacks, animation)
    nodes = _skeleton(ufbx, scene)
    settings = scene.settings
    fps = rate or settings.frames_per_second
    begin, end = _span(stack)
    frames = int(np.floor((end - begin) * fps + 1e-3)) + 1
    if not 1 <= frames <= max_frames:
        raise ValueError(f"the animation lasts {end - begin:.4g} s, which is more than can be read")
    index = {node.typed_id: i for i, node in enumerate(nodes)}
    anim = stack.anim
    moves = [
        [_flat(ufbx.evaluate_transform(anim, node, begin + frame / fps)) for node in nodes]
        for frame in range(frames)
    ]
    axes = settings.axes
    facts = {
        "names": [node.name for node in nodes],
        "parents": [
            -1 if node.parent is None else index.get(_keep(node.parent).typed_id, -1) for node in nodes
        ],
        "fps": fps,
        "unit": settings.unit_meters,
        "axes": [int(axis) for axis in (axes.right, axes.up, axes.front)],
        "animations": [found.name for found in stacks],
        "moving": moving,
        "chosen": stacks.index(stack),
    }
    return {
        "facts": np.frombuffer(json.dumps(facts).encode(), np.uint8),
        "moves": np.array(moves, np.float64).reshape(frames, len(nodes), 10),
        "rest": np.array([_flat(node.local_transform) for node in nodes], np.float64).reshape(-1, 10),
        "bind": _bind_poses(scene, index),
    }


def _keep(element: Any) -> Any:
    """The element with one more reference: the binding returns its own, so that a second use would free it."""
    if element is not None:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(element))
    return element


def _flat(transform: Any) -> tuple[float, ...]:
    return (*transform.translation, *transform.rotation, *transform.scale)


def _choose(stacks: list[Any], animation: str) -> tuple[Any, list[int]]:
    """The requested animation, else the first that moves a node, and the indices of those that do."""
    if not stacks:
        raise ValueError("the file has no animation; expected a skeleton with an animation")
    moving = [
        i
        for i, stack in enumerate(stacks)
        if any(prop.prop_name in _PROPERTIES for layer in stack.layers for prop in _keep(layer).anim_props)
    ]
    names = [stack.name for stack in stacks]
    if animation:
        if animation in names:
            return stacks[names.index(animation)], moving
        if animation.isdecimal() and int(animation) < len(stacks):
            return stacks[int(animation)], moving
        raise ValueError(f"no animation {animation[:60]!r}; it has {', '.join(names[:20])[:400]}")
    if not moving:
        raise ValueError("its animations move no joint; expected a skeleton with an animation")
    return stacks[moving[0]], moving


def _span(stack: Any) -> tuple[float, float]:
    """Start and end of an animation in seconds: as the file states, or those of its keys."""
    if stack.time_end > stack.time_begin:
        return stack.time_begin, stack.time_end
    props = [
        prop for layer in stack.layers for prop in _keep(layer).anim_props if prop.prop_name in _PROPERTIES
    ]
    curves = [_keep(curve) for prop in props for curve in _keep(prop.anim_value).curves]
    curves = [curve for curve in curves if curve is not None]
    if not curves:
        return 0.0, 0.0
    return min(curve.min_time for curve in curves), max(curve.max_time for curve in curves)


def _skeleton(ufbx: Any, scene: Any) -> list[Any]:
    """Bones and their ancestors, parents first; in files without bones every node but cameras and lights."""
    nodes = [_keep(node) for node in scene.nodes]
    others = (ufbx.ElementType.CAMERA, ufbx.ElementType.LIGHT)
    bones = [node for node in nodes if node.attrib_type == ufbx.ElementType.BONE]
    skinned = [_keep(_keep(cluster).bone_node) for cluster in scene.skin_clusters]
    bones += [node for node in skinned if node is not None]
    if len({bone.typed_id for bone in bones}) < 8:
        bones = [node for node in nodes if node.attrib_type not in others]
    kept = set()
    for bone in bones:
        node = bone
        while node is not None and node.typed_id not in kept:
            kept.add(node.typed_id)
            node = _keep(node.parent)
    chosen = [node for node in nodes if node.typed_id in kept and not node.is_root]
    return sorted(chosen, key=lambda node: int(node.node_depth))


def _bind_poses(scene: Any, index: dict[int, int]) -> np.ndarray:
    """World matrices (N, 3, 4) of the bind pose, NaN for nodes that have none."""
    binds = np.full((len(index), 3, 4), np.nan)
    for pose in scene.poses:
        if _keep(pose).is_bind_pose:
            for bone in pose.bone_poses:
                _set_bind(binds, index, _keep(bone.bone_node), bone.bone_to_world)
    for cluster in scene.skin_clusters:
        _set_bind(binds, index, _keep(_keep(cluster).bone_node), cluster.bind_to_world)
    return binds


def _set_bind(binds: np.ndarray, index: dict[int, int], node: Any, matrix: Any) -> None:
    if node is not None and node.typed_id in index:
        binds[index[node.typed_id]] = np.array(matrix, np.float64).T


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = MEMORY_LIMIT if hard == resource.RLIM_INFINITY else min(MEMORY_LIMIT, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stderr.flush()
    os._exit(code)  # without taking down the interpreter: elements of ufbx must not be freed
