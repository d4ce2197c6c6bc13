"""Skeleton families: their names in `bimotion info`, and facts about them beyond joint names.

Any humanoid is mapped by the words of its joint names and its shape (see `mapping`). A family adds facts that a file
does not contain: bone axes for files without a standing rest pose, the height of the foot bone, which of several neck
joints is used.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bimotion.motion.retarget.words import split_name
from bimotion.motion.skeleton import JOINT_NAMES

Axes = tuple[str, str, str]
"""The bone's own axes that point to the person's left, up and forward when standing, as "-y"."""


@dataclass(frozen=True)
class Family:
    """Skeletons of one program or data set."""

    name: str
    """The family's name in messages and documents."""
    marks: tuple[str, ...] = ()
    """Names that occur in no other family; all of them are needed. Prefixes and punctuation do not count."""
    joints: Mapping[str, str] = field(default_factory=dict)
    """The file's joints to use where several are possible, by our names."""
    axes: Mapping[str, Axes] = field(default_factory=dict)
    """Own axes of bones that are not aligned with the world in the rest pose, by plain name."""
    pitch_deg: Mapping[str, float] = field(default_factory=dict)
    """How far such a bone leans forward when standing, degrees about the person's left."""
    shoulders: tuple[float, float, float] | None = None
    """Left shoulder relative to the lowest spine bone when standing (left, up, forward), in the file's unit."""
    toe_lift_deg: float | None = None
    """How far the foot bone is turned up; measured where None."""
    complete: bool = False
    """Whether all 22 joints exist in the file and are taken as they are."""
    vicon_unit: bool = False
    """Whether files are common in Vicon's unit at CMU, 0.0254 / 0.45 m."""


BANDAI_NAMCO = Family(
    "Bandai-Namco",
    ("joint_Root", "UpperLeg_L", "LowerLeg_L", "Toes_L"),
    axes={
        "hips": ("-y", "+x", "+z"),
        "spine": ("+z", "+x", "+y"),
        "chest": ("+z", "+x", "+y"),
        "neck": ("+z", "+x", "+y"),
        "footl": ("+y", "+z", "+x"),
        "footr": ("+y", "-z", "-x"),
    },
    # the mean over upright frames of the normal-style waves
    shoulders=(10.2, 37.4, -2.4),
    # flat on the floor the foot bone points 39.6 degrees down; HumanML3D's and CMU's 17 to 20
    toe_lift_deg=19.6,
)
CC_BASE = Family(
    "Reallusion CC_Base",
    ("CC_Base_Waist", "CC_Base_NeckTwist01"),
    # measured in the T-pose that CMU's subject 7 starts with in this skeleton
    axes=dict.fromkeys(
        ("ccbasepelvis", "ccbasewaist", "ccbasespine01", "ccbasespine02", "ccbasenecktwist01"),
        ("+x", "+y", "+z"),
    ),
    pitch_deg={
        "ccbasepelvis": 11.8,
        "ccbasewaist": 16.2,
        "ccbasespine01": -5.0,
        "ccbasespine02": -10.3,
        "ccbasenecktwist01": 11.2,
    },
    shoulders=(18.4, 47.0, -5.2),
    toe_lift_deg=0.0,
)
SMPL = Family("SMPL", complete=True)

FAMILIES: tuple[Family, ...] = (
    BANDAI_NAMCO,
    Family(
        "CMU",
        ("lfemur", "ltibia"),
        joints={"neck": "upperneck", "left_wrist": "lhand", "right_wrist": "rhand"},
        toe_lift_deg=0.0,
        vicon_unit=True,
    ),
    Family("CMU for MotionBuilder", ("LowerBack", "LeftUpLeg"), joints={"neck": "Neck1"}, vicon_unit=True),
    CC_BASE,
    Family("Mixamo", ("mixamorig",)),
    Family("Autodesk HumanIK", ("Character1_",)),
    Family("VRM, VRoid", ("J_Bip",)),
    Family("VRM, Unity", ("leftUpperLeg", "leftLowerLeg")),
    Family("Source engine", ("ValveBiped",)),
    Family("3ds Max Biped", ("Bip01", "Thigh")),
    Family("3ds Max Biped", ("Bip001", "Thigh")),
    Family("Unreal", ("thigh_l", "calf_l", "ball_l")),
    Family("DAZ Genesis 8", ("lThighBend", "lShin")),
    Family("DAZ Genesis 9", ("l_thigh", "l_shin", "l_upperarm")),
    Family("Poser, DAZ", ("lThigh", "lShin", "lShldr")),
    Family("Rigify", ("thigh.L", "shin.L", "upper_arm.L")),
    Family("MakeHuman", ("upperleg01.L", "lowerleg01.L")),
    Family("Second Life", ("mHipLeft", "mKneeLeft")),
    Family("Azure Kinect", ("HIP_LEFT", "CLAVICLE_LEFT")),
    Family("Kinect", ("HipCenter", "KneeLeft")),
    Family("OptiTrack Motive", ("LUArm", "LFArm")),
    Family("Rokoko", ("LeftThigh", "LeftShin", "LeftToe")),
    Family("Xsens", ("LeftHip", "LeftKnee", "LeftAnkle", "Chest4")),
    Family("NVIDIA SOMA", ("LeftLeg", "LeftShin", "LeftToeBase")),
    Family("SnapMoGen", ("L_legUpper0001",)),
    Family("MikuMikuDance", ("左ひざ", "左ひじ")),
    Family("Sony mocopi", ("l_up_leg", "l_low_leg", "torso_1")),
    Family("Biovision", ("LeftUpLeg", "LeftLowLeg")),
    Family("GENEA", ("b_l_upleg", "b_l_leg")),
    Family(
        "MotionBuilder names (LAFAN1, BEAT, Perception Neuron, Ready Player Me)", ("LeftUpLeg", "LeftLeg")
    ),
)
"""Known families, the most specific first."""

OTHER = Family("unknown names")
"""The family of skeletons that belong to no other."""


def plain_name(name: str) -> str:
    """The name without case, punctuation and name space, as marks of families are compared."""
    tail = name.rpartition(":")[2].rpartition("|")[2]
    return "".join(c for c in tail.lower() if c.isalnum())


def find_family(names: tuple[str, ...], joints: Mapping[str, int]) -> Family:
    """The family that the names show; `joints` are the joints that were found, by our names."""
    if _is_smpl(names, joints):
        return SMPL
    text = "\n".join("".join(c for c in name.lower() if c.isalnum()) for name in names)
    for family in FAMILIES:
        if all(plain_name(mark) in text for mark in family.marks):
            return family
    return OTHER


def _is_smpl(names: tuple[str, ...], joints: Mapping[str, int]) -> bool:
    """Whether the names are SMPL's, with any prefix and any spelling of sides."""
    if any(joint not in joints for joint in JOINT_NAMES):
        return False
    for joint, index in joints.items():
        expected, actual = split_name(joint), split_name(names[index])
        if actual.words - {"root"} != expected.words or (expected.number or 0) != (actual.number or 0):
            return False
    return True
