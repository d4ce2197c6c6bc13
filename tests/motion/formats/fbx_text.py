"""Writes small ASCII FBX 7.4 files of a BVH's skeleton and motion, for tests."""

from collections.abc import Sequence

import numpy as np

from bimotion.motion.retarget.source import SourceMotion
from bimotion.motion.rotations import matrix_to_euler, quat_to_matrix

_SECOND = 46_186_158_000
"""FBX's ticks in a second."""


def fbx_text(
    source: SourceMotion,
    *,
    unit: float = 1.0,
    pre_rotation: tuple[float, float, float] | None = None,
    z_up: bool = False,
    scale: float = 1.0,
    names: Sequence[str] = ("Take 001",),
    stated: bool = True,
) -> str:
    """A file of limb nodes, with the motion in the last animation of `names` and nothing in those before.

    `unit` is centimetres in one of the file's units; `scale` stands on a node above the hips, whose contents are
    divided by it; `stated` is whether animations say how long they are; `pre_rotation` (Euler angles in degrees)
    stands before the rotation of every joint, which undoes it.
    """
    skeleton, num_frames = source.skeleton, source.num_frames
    joints = [i for i in range(len(skeleton.names)) if i not in skeleton.end_sites]
    moves, turns = source.local_poses(joints)
    objects, links = [], []
    holder = 10
    objects.append(_node(holder, "Armature", (0, 0, 0), scale=scale))
    links.append(f'C: "OO",{holder},0')
    for number, _ in enumerate(names):
        objects.append(
            f'AnimationStack: {20 + number}, "AnimStack::{names[number]}", "" {{\nProperties70: {{'
        )
        stop = int((num_frames - 1) / source.fps * _SECOND) if stated else 0
        objects.append(f'P: "LocalStop", "KTime", "Time", "",{stop}\n}}\n}}')
        objects.append(f'AnimationLayer: {40 + number}, "AnimLayer::Base", "" {{ }}')
        links.append(f'C: "OO",{40 + number},{20 + number}')
    layer = 40 + len(names) - 1
    times = np.round(np.arange(num_frames) / source.fps * _SECOND).astype(np.int64)
    for row, joint in enumerate(joints):
        node, parent = 1000 + joint, skeleton.parents[joint]
        objects.append(_node(node, skeleton.names[joint], skeleton.offsets[joint] / scale, pre=pre_rotation))
        links.append(f'C: "OO",{node},{holder if parent < 0 else 1000 + parent}')
        matrices = quat_to_matrix(turns[row])
        if pre_rotation is not None:
            matrices = _euler(pre_rotation).T @ matrices
        angles = np.degrees(np.unwrap(matrix_to_euler(matrices, "zyx")[:, ::-1], axis=0))
        tracks = {"R": angles}
        if parent < 0:
            tracks["T"] = np.broadcast_to(moves[row], (num_frames, 3)) / scale
        for kind, values in tracks.items():
            base = 100_000 + 100 * joint + (50 if kind == "T" else 0)
            prop = {"R": "Lcl Rotation", "T": "Lcl Translation"}[kind]
            objects.append(f'AnimationCurveNode: {base}, "AnimCurveNode::{kind}", "" {{ }}')
            links += [f'C: "OO",{base},{layer}', f'C: "OP",{base},{node}, "{prop}"']
            for axis, letter in enumerate("XYZ"):
                objects.append(_curve(base + 1 + axis, times, values[:, axis]))
                links.append(f'C: "OP",{base + 1 + axis},{base}, "d|{letter}"')
    up, front = (2, -1) if z_up else (1, 1)
    settings = {
        "UpAxis": up,
        "UpAxisSign": 1,
        "FrontAxis": 1 if z_up else 2,
        "FrontAxisSign": front,
        "CoordAxis": 0,
        "CoordAxisSign": 1,
        "UnitScaleFactor": unit,
        "TimeMode": 14,
        "CustomFrameRate": source.fps,
    }
    lines = "\n".join(f'P: "{name}", "double", "Number", "",{value}' for name, value in settings.items())
    body, joined = "\n".join(objects), "\n".join(links)
    return (
        "; FBX 7.4.0 project file\nFBXHeaderExtension: {\nFBXHeaderVersion: 1003\nFBXVersion: 7400\n}\n"
        f"GlobalSettings: {{\nVersion: 1000\nProperties70: {{\n{lines}\n}}\n}}\n"
        f"Objects: {{\n{body}\n}}\nConnections: {{\n{joined}\n}}\n"
    )


def _euler(degrees: Sequence[float]) -> np.ndarray:
    from tests.motion.euler import euler_to_matrix

    return euler_to_matrix(np.radians(np.array(degrees, np.float64))[::-1], "zyx")


def _node(
    number: int,
    name: str,
    offset: Sequence[float],
    *,
    scale: float = 1.0,
    pre: tuple[float, float, float] | None = None,
) -> str:
    fields = {"Lcl Translation": tuple(offset), "Lcl Scaling": (scale,) * 3}
    if pre is not None:
        fields |= {"PreRotation": pre, "RotationActive": (1,), "Lcl Rotation": (0, 0, 0)}
    lines = "\n".join(
        f'P: "{key}", "{"bool" if key == "RotationActive" else key}", "", "A",{",".join(f"{v:.9g}" for v in values)}'
        for key, values in fields.items()
    )
    return f'Model: {number}, "Model::{name}", "LimbNode" {{\nVersion: 232\nProperties70: {{\n{lines}\n}}\n}}'


def _curve(number: int, times: np.ndarray, values: np.ndarray) -> str:
    def row(values: np.ndarray, form: str) -> str:
        return f"*{len(values)} {{\na: {','.join(format(n, form) for n in values)}\n}}"

    return (
        f'AnimationCurve: {number}, "AnimCurve::", "" {{\nDefault: 0\nKeyVer: 4008\nKeyTime: {row(times, "d")}\n'
        f"KeyValueFloat: {row(values, '.9g')}\nKeyAttrFlags: *1 {{\na: 4\n}}\n"
        f"KeyAttrDataFloat: *4 {{\na: 0,0,0,0\n}}\nKeyAttrRefCount: *1 {{\na: {len(times)}\n}}\n}}"
    )
