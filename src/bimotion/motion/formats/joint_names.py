"""Names of the 22 joints in the skeletons of other programs.

Source: Mixamo's rig; Unreal Engine's mannequin (UE4 and UE5); Unity's `HumanBodyBones`; VRM 1.0's humanoid bones.
"""

from typing import Literal

from bimotion.motion.skeleton import JOINT_NAMES

NameSet = Literal["smpl", "mixamo", "unreal", "unity", "vrm"]
"""A naming scheme for written joints."""

_PARTS: dict[str, tuple[str, ...]] = {
    "smpl": (
        *("pelvis", "{s}_hip", "spine1", "{s}_knee", "spine2", "{s}_ankle", "spine3", "{s}_foot"),
        *("neck", "{s}_collar", "head", "{s}_shoulder", "{s}_elbow", "{s}_wrist"),
    ),
    "mixamo": (
        *("Hips", "{S}UpLeg", "Spine", "{S}Leg", "Spine1", "{S}Foot", "Spine2", "{S}ToeBase"),
        *("Neck", "{S}Shoulder", "Head", "{S}Arm", "{S}ForeArm", "{S}Hand"),
    ),
    "unreal": (
        *("pelvis", "thigh_{l}", "spine_01", "calf_{l}", "spine_02", "foot_{l}", "spine_03", "ball_{l}"),
        *("neck_01", "clavicle_{l}", "head", "upperarm_{l}", "lowerarm_{l}", "hand_{l}"),
    ),
    "unity": (
        *("Hips", "{S}UpperLeg", "Spine", "{S}LowerLeg", "Chest", "{S}Foot", "UpperChest", "{S}Toes"),
        *("Neck", "{S}Shoulder", "Head", "{S}UpperArm", "{S}LowerArm", "{S}Hand"),
    ),
    "vrm": (
        *("hips", "{s}UpperLeg", "spine", "{s}LowerLeg", "chest", "{s}Foot", "upperChest", "{s}Toes"),
        *("neck", "{s}Shoulder", "head", "{s}UpperArm", "{s}LowerArm", "{s}Hand"),
    ),
}
"""Joints in the order of `JOINT_NAMES`, a pair of sides once."""

ROOT_NAMES: dict[str, str] = {
    "smpl": "root",
    "mixamo": "Root",
    "unreal": "root",
    "unity": "Root",
    "vrm": "root",
}
"""Name of the bone on the floor that `--root-bone` adds."""


def _names(scheme: str) -> tuple[str, ...]:
    names = []
    for part in _PARTS[scheme]:
        for side in ("left", "right") if "{" in part else ("",):
            name = part.format(s=side, S=side.capitalize(), l=side[:1])
            names.append(f"mixamorig:{name}" if scheme == "mixamo" else name)
    assert len(names) == len(JOINT_NAMES)
    return tuple(names)


NAMES: dict[str, tuple[str, ...]] = {scheme: _names(scheme) for scheme in _PARTS}
"""Names of the joints, in the order of `JOINT_NAMES`, by scheme."""
