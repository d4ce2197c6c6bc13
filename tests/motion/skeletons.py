"""A standing person that moves, as a BVH file of any family of skeletons."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.transform import Rotation

from bimotion.motion.clip import Clip
from bimotion.motion.kinematics import clip_rotations, clip_to_pose
from bimotion.motion.retarget.source import SourceMotion
from bimotion.motion.rotations import quat_to_matrix

# a T-pose in metres: left side only
_REST = {
    "hips": (0, 0.95, 0),
    "hip": (0.09, 0.90, 0),
    "knee": (0.09, 0.48, 0.01),
    "ankle": (0.09, 0.08, -0.02),
    "foot": (0.10, 0.02, 0.13),
    "spine": (0, 1.05, -0.01),
    "spine1": (0, 1.18, -0.01),
    "spine2": (0, 1.30, -0.01),
    "neck": (0, 1.45, -0.02),
    "head": (0, 1.55, 0.01),
    "collar": (0.03, 1.40, -0.01),
    "shoulder": (0.18, 1.40, -0.02),
    "elbow": (0.45, 1.40, -0.02),
    "wrist": (0.70, 1.40, -0.02),
}
_PARENTS = {
    "hip": "hips",
    "knee": "hip",
    "ankle": "knee",
    "foot": "ankle",
    "spine": "hips",
    "spine1": "spine",
    "spine2": "spine1",
    "neck": "spine2",
    "head": "neck",
    "collar": "spine2",
    "shoulder": "collar",
    "elbow": "shoulder",
    "wrist": "elbow",
}
_SIDED = ("hip", "knee", "ankle", "foot", "collar", "shoulder", "elbow", "wrist")


def with_rotations(clip: Clip) -> Clip:
    """The clip with rotations that are solved from its joints."""
    return replace(clip, rotations=clip_rotations(clip_to_pose(clip).rotations))


def world_poses(source: SourceMotion, joints: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Positions (T, K, 3) and rotation matrices (T, K, 3, 3) of joints of a source."""
    poses = [source.world(joint) for joint in joints]
    return (
        np.stack([position for position, _ in poses], axis=1),
        np.stack([quat_to_matrix(rotation) for _, rotation in poses], axis=1),
    )


@dataclass(frozen=True)
class Family:
    """Names by role; `{s}` stands for the side."""

    names: dict[str, str]
    sides: tuple[str, str] = ("Left", "Right")
    along_bones: bool = False
    """Whether every bone's own X points along it, as in LAFAN1, so that the rest pose stands nowhere."""


def _roles(*names: str) -> dict[str, str]:
    return dict(zip(_REST, names, strict=True))


_LEGS = ("{s}UpLeg", "{s}Leg", "{s}Foot")
_SPINE = ("Spine", "Spine1", "Spine2", "Neck", "Head")
_ARMS = ("{s}Shoulder", "{s}Arm", "{s}ForeArm", "{s}Hand")
_SMPL = ("L_Hip", "L_Knee", "L_Ankle", "L_Foot")
FAMILIES = {
    "mixamo": Family(
        {k: f"mixamorig:{v}" for k, v in _roles("Hips", *_LEGS, "{s}ToeBase", *_SPINE, *_ARMS).items()}
    ),
    "lafan1": Family(_roles("Hips", *_LEGS, "{s}Toe", *_SPINE, *_ARMS), along_bones=True),
    "cmu_motionbuilder": Family(
        _roles("Hips", *_LEGS, "{s}ToeBase", "LowerBack", "Spine", "Spine1", "Neck1", "Head", *_ARMS)
    ),
    "cmu": Family(
        _roles(
            *(
                "root",
                "{s}femur",
                "{s}tibia",
                "{s}foot",
                "{s}toes",
                "lowerback",
                "upperback",
                "thorax",
                "upperneck",
            ),
            *("head", "{s}clavicle", "{s}humerus", "{s}radius", "{s}hand"),
        ),
        sides=("l", "r"),
    ),
    "xsens": Family(
        _roles(
            *("Hips", "{s}Hip", "{s}Knee", "{s}Ankle", "{s}Toe", "Chest", "Chest2", "Chest4", "Neck", "Head"),
            *("{s}Collar", "{s}Shoulder", "{s}Elbow", "{s}Wrist"),
        )
    ),
    "mvn": Family(
        _roles(
            *("Hips", "{s}UpperLeg", "{s}LowerLeg", "{s}Foot", "{s}Toe", *_SPINE),
            *("{s}Shoulder", "{s}UpperArm", "{s}ForeArm", "{s}Hand"),
        )
    ),
    "rokoko": Family(_roles("Hips", "{s}Thigh", "{s}Shin", "{s}Foot", "{s}Toe", *_SPINE, *_ARMS)),
    "biped": Family(
        {
            k: f"Bip01 {v}"
            for k, v in _roles(
                *("Pelvis", "{s} Thigh", "{s} Calf", "{s} Foot", "{s} Toe0", *_SPINE),
                *("{s} Clavicle", "{s} UpperArm", "{s} Forearm", "{s} Hand"),
            ).items()
        },
        sides=("L", "R"),
    ),
    "daz": Family(
        _roles(
            *(
                "hip",
                "{s}Thigh",
                "{s}Shin",
                "{s}Foot",
                "{s}Toe",
                "abdomen",
                "chestLower",
                "chest",
                "neck",
                "head",
            ),
            *("{s}Collar", "{s}Shldr", "{s}ForeArm", "{s}Hand"),
        ),
        sides=("l", "r"),
    ),
    "genesis": Family(
        _roles(
            *(
                "hip",
                "{s}ThighBend",
                "{s}Shin",
                "{s}Foot",
                "{s}Toe",
                "abdomenLower",
                "chestLower",
                "chestUpper",
            ),
            *("neckLower", "head", "{s}Collar", "{s}ShldrBend", "{s}ForearmBend", "{s}Hand"),
        ),
        sides=("l", "r"),
    ),
    "unreal": Family(
        _roles(
            *("pelvis", "thigh_{s}", "calf_{s}", "foot_{s}", "ball_{s}", "spine_01", "spine_02", "spine_03"),
            *("neck_01", "head", "clavicle_{s}", "upperarm_{s}", "lowerarm_{s}", "hand_{s}"),
        ),
        sides=("l", "r"),
    ),
    "smpl": Family(
        _roles(
            *(
                "Pelvis",
                "{s}_Hip",
                "{s}_Knee",
                "{s}_Ankle",
                "{s}_Foot",
                "Spine1",
                "Spine2",
                "Spine3",
                "Neck",
                "Head",
            ),
            *("{s}_Collar", "{s}_Shoulder", "{s}_Elbow", "{s}_Wrist"),
        ),
        sides=("L", "R"),
    ),
}


@dataclass(frozen=True)
class Recording:
    """A BVH text and the truth: world positions in metres by our names."""

    text: str
    joints: dict[str, np.ndarray]
    fps: float


def record(
    family: Family,
    *,
    order: str = "ZXY",
    scale: float = 100.0,
    num_frames: int = 60,
    z_up: bool = False,
    seed: int = 0,
) -> Recording:
    """The person stands for the first half and then moves all limbs; `scale` is units in a metre."""
    rng = np.random.default_rng(seed)
    names, roles, sides = [], [], []
    for role in _REST:
        for side in (0, 1) if role in _SIDED else (None,):
            names.append(family.names[role].format(s="" if side is None else family.sides[side]))
            roles.append(role)
            sides.append(side)

    def at(role: str, side: int | None) -> int:
        want = side if role in _SIDED else None
        return next(i for i in range(len(roles)) if roles[i] == role and sides[i] == want)

    rest = np.array(
        [
            np.array(_REST[role]) * (-1 if side == 1 else 1, 1, 1)
            for role, side in zip(roles, sides, strict=True)
        ]
    )
    parents = [
        at(_PARENTS[role], side) if role in _PARENTS else -1 for role, side in zip(roles, sides, strict=True)
    ]
    children = [[i for i, p in enumerate(parents) if p == joint] for joint in range(len(roles))]
    frames = np.tile(np.eye(3), (len(roles), 1, 1))  # each bone's own axes in the body's
    if family.along_bones:
        for joint, below in enumerate(children):
            along = rest[below[-1]] - rest[joint] if below else rest[joint] - rest[parents[joint]]
            x = np.eye(3)[np.abs(along).argmax()] * np.sign(along[np.abs(along).argmax()])
            y = np.roll(np.abs(x), 1)
            frames[joint] = np.stack([x, y, np.cross(x, y)], axis=1)
    sway = np.concatenate(
        [np.zeros(num_frames // 2), np.sin(np.linspace(0, 2 * np.pi, num_frames - num_frames // 2))]
    )
    turns = Rotation.from_rotvec(
        (sway[:, None, None] * rng.uniform(-0.5, 0.5, (1, len(roles), 3))).reshape(-1, 3)
    )
    turns = turns.as_matrix().reshape(num_frames, len(roles), 3, 3)
    heading = Rotation.from_rotvec([0, 0.7, 0]).as_matrix()
    root = rest[0] + np.stack([0.3 * sway, 0.02 * sway, np.arange(num_frames) * 0.01], axis=-1)
    if z_up:
        heading = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]]) @ heading
        root = root[:, [0, 2, 1]] * [1, -1, 1]
    world, positions = np.empty_like(turns), np.empty((num_frames, len(roles), 3))
    locals_ = np.empty_like(turns)
    for joint, parent in enumerate(parents):
        if parent < 0:
            world[:, joint], positions[:, joint] = heading @ turns[:, joint], root
            locals_[:, joint] = world[:, joint] @ frames[joint]
        else:
            world[:, joint] = world[:, parent] @ turns[:, joint]
            positions[:, joint] = positions[:, parent] + world[:, parent] @ (rest[joint] - rest[parent])
            base = world[:, parent] @ frames[parent]
            locals_[:, joint] = base.transpose(0, 2, 1) @ world[:, joint] @ frames[joint]
    columns, lines = [root * scale], []

    def describe(joint: int, depth: int) -> None:
        parent = parents[joint]
        offset = np.zeros(3) if parent < 0 else frames[parent].T @ (rest[joint] - rest[parent]) * scale
        channels = " ".join(f"{axis}rotation" for axis in order)
        moves = "6 Xposition Yposition Zposition" if parent < 0 else "3"
        lines.append(
            f"{'JOINT' if depth else 'ROOT'} {names[joint]}\n{{\nOFFSET {offset[0]:.6f} {offset[1]:.6f} {offset[2]:.6f}"
        )
        lines.append(f"CHANNELS {moves} {channels}")
        columns.append(
            Rotation.from_matrix(locals_[:, joint]).as_euler(
                order.upper(), degrees=True, suppress_warnings=True
            )
        )
        for child in children[joint]:
            describe(child, depth + 1)
        if not children[joint]:
            lines.append("End Site\n{\nOFFSET 0 0 1\n}")
        lines.append("}")

    describe(0, 0)
    values = np.concatenate(columns, axis=1)
    body = "\n".join(" ".join(f"{v:.8f}" for v in row) for row in values)
    text = (
        "HIERARCHY\n" + "\n".join(lines) + f"\nMOTION\nFrames: {num_frames}\nFrame Time: 0.0333333\n{body}\n"
    )
    if z_up:
        positions = positions[..., [0, 2, 1]] * [1, 1, -1]
    actual = {}
    for i, (role, side) in enumerate(zip(roles, sides, strict=True)):
        prefix = "" if side is None else ("left_", "right_")[side]
        actual[prefix + role] = positions[:, i]
    return Recording(text, actual, 30.0)
