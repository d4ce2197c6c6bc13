"""Names of the joints in the skeletons that motion files come with.

A table names what every skeleton has: the limbs, the neck and the head. What SMPL has between pelvis and neck
is placed by `retarget`. Names are compared without case, punctuation, name spaces (`mixamorig:`) and the
prefixes below. `{s}` stands for the side, spelled as `sides` says."""

import re
from dataclasses import dataclass, field

from bimotion.motion.skeleton import JOINT_NAMES

Axes = tuple[str, str, str]
"""The bone's own axes that point to the person's left, up and forward when standing, as "-y"."""


@dataclass(frozen=True)
class JointTable:
    """How one family of skeletons calls its joints."""

    name: str
    """What the family is called in messages."""
    names: dict[str, tuple[str, ...]]
    """For a joint without its side: the possible names, the best first."""
    sides: tuple[str, str] = ("left", "right")
    """What stands for `{s}` on the left and on the right."""
    marks: tuple[str, ...] = ()
    """Names that tell this family from others that share the rest."""
    axes: dict[str, Axes] = field(default_factory=dict)
    """Own axes of bones that do not stand along the world's in the rest pose, where these are known."""
    pitch_deg: dict[str, float] = field(default_factory=dict)
    """How far such a bone leans forward when standing, degrees about the person's left."""
    shoulders: tuple[float, float, float] | None = None
    """Left shoulder against the lowest spine bone when standing (left, up, forward), in the file's unit."""
    toe_lift_deg: float | None = None
    """How far the foot bone is turned up; measured where None."""

    def candidates(self, joint: str) -> tuple[str, ...]:
        """The names that a joint of ours may have, spelled out."""
        side, _, part = joint.partition("_")
        if side not in ("left", "right"):
            return self.names.get(joint, ())
        spelled = self.sides[side == "right"]
        return tuple(name.format(s=spelled) for name in self.names.get(part, ()))


LIMBS: tuple[str, ...] = tuple(
    f"{side}_{part}"
    for side in ("left", "right")
    for part in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
)
NEEDED: tuple[str, ...] = (*LIMBS, "neck")
"""Without these a skeleton cannot be read; everything else is placed where it is missing."""

_PREFIXES = re.compile(
    r"^(?:.*[:|])?(?:mixamorig\d*|cc_base|bip\d+|character\d*|skeleton\d*|jbip[clr]|m_avg|f_avg)?[ _.-]*",
    re.I,
)
_PUNCTUATION = re.compile(r"[^a-z0-9]")


def plain_name(name: str) -> str:
    """The name as it is compared."""
    plain = _PUNCTUATION.sub("", _PREFIXES.sub("", name).lower())
    return plain or _PUNCTUATION.sub("", name.lower())


TABLES: tuple[JointTable, ...] = (
    JointTable(
        "Bandai-Namco",
        {
            "hip": ("UpperLeg_{s}",),
            "knee": ("LowerLeg_{s}",),
            "ankle": ("Foot_{s}",),
            "foot": ("Toes_{s}",),
            "neck": ("Neck",),
            "head": ("Head",),
            "shoulder": ("UpperArm_{s}",),
            "elbow": ("LowerArm_{s}",),
            "wrist": ("Hand_{s}",),
        },
        sides=("L", "R"),
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
    ),
    JointTable(
        "CMU",
        {
            "hip": ("{s}femur",),
            "knee": ("{s}tibia",),
            "ankle": ("{s}foot",),
            "foot": ("{s}toes",),
            "neck": ("upperneck",),
            "head": ("head",),
            "shoulder": ("{s}humerus",),
            "elbow": ("{s}radius",),
            "wrist": ("{s}hand",),
        },
        sides=("l", "r"),
        toe_lift_deg=0.0,
    ),
    JointTable(
        "CMU for MotionBuilder",
        {
            "hip": ("{s}UpLeg",),
            "knee": ("{s}Leg",),
            "ankle": ("{s}Foot",),
            "foot": ("{s}ToeBase",),
            "neck": ("Neck1",),
            "head": ("Head",),
            "shoulder": ("{s}Arm",),
            "elbow": ("{s}ForeArm",),
            "wrist": ("{s}Hand",),
        },
        marks=("LowerBack",),
    ),
    JointTable(
        "Mixamo, LAFAN1, Rokoko or MVN",
        {
            "hip": ("{s}UpLeg", "{s}Thigh", "{s}UpperLeg"),
            "knee": ("{s}Leg", "{s}Shin", "{s}LowerLeg"),
            "ankle": ("{s}Foot",),
            "foot": ("{s}ToeBase", "{s}Toe"),
            "neck": ("Neck",),
            "head": ("Head",),
            "shoulder": ("{s}Arm", "{s}UpperArm"),
            "elbow": ("{s}ForeArm", "{s}LowerArm"),
            "wrist": ("{s}Hand",),
        },
    ),
    JointTable(
        "Xsens",
        {
            "hip": ("{s}Hip",),
            "knee": ("{s}Knee",),
            "ankle": ("{s}Ankle",),
            "foot": ("{s}Toe",),
            "neck": ("Neck",),
            "head": ("Head",),
            "shoulder": ("{s}Shoulder",),
            "elbow": ("{s}Elbow",),
            "wrist": ("{s}Wrist",),
        },
    ),
    JointTable(
        "DAZ",
        {
            "hip": ("{s}Thigh", "{s}ThighBend"),
            "knee": ("{s}Shin",),
            "ankle": ("{s}Foot",),
            "foot": ("{s}Toe",),
            "neck": ("neck", "neckLower"),
            "head": ("head",),
            "shoulder": ("{s}Shldr", "{s}ShldrBend"),
            "elbow": ("{s}ForeArm", "{s}ForearmBend"),
            "wrist": ("{s}Hand",),
        },
        sides=("l", "r"),
    ),
    JointTable(
        "Reallusion CC_Base",
        {
            "hip": ("CC_Base_{s}_Thigh",),
            "knee": ("CC_Base_{s}_Calf",),
            "ankle": ("CC_Base_{s}_Foot",),
            "foot": ("CC_Base_{s}_ToeBase",),
            "neck": ("CC_Base_NeckTwist01",),
            "head": ("CC_Base_Head",),
            "shoulder": ("CC_Base_{s}_Upperarm",),
            "elbow": ("CC_Base_{s}_Forearm",),
            "wrist": ("CC_Base_{s}_Hand",),
        },
        sides=("L", "R"),
        # measured in the T-pose that CMU's subject 7 starts with in this skeleton
        axes=dict.fromkeys(("pelvis", "waist", "spine01", "spine02", "necktwist01"), ("+x", "+y", "+z")),
        pitch_deg={"pelvis": 11.8, "waist": 16.2, "spine01": -5.0, "spine02": -10.3, "necktwist01": 11.2},
        shoulders=(18.4, 47.0, -5.2),
        toe_lift_deg=0.0,
    ),
    JointTable(
        "3ds Max Biped or Unreal",
        {
            "hip": ("{s}Thigh", "thigh_{s}"),
            "knee": ("{s}Calf", "calf_{s}"),
            "ankle": ("{s}Foot", "foot_{s}"),
            "foot": ("{s}Toe0", "{s}Toe", "ball_{s}"),
            "neck": ("Neck", "neck_01"),
            "head": ("Head",),
            "shoulder": ("{s}Upperarm", "upperarm_{s}"),
            "elbow": ("{s}Forearm", "lowerarm_{s}"),
            "wrist": ("{s}Hand", "hand_{s}"),
        },
        sides=("l", "r"),
    ),
)
"""Families whose torso is placed by `retarget`."""

_SMPL: dict[str, tuple[str, ...]] = {name: (name,) for name in JOINT_NAMES if "_" not in name}
_SMPL |= {
    name.removeprefix("left_"): ("{s}" + name.removeprefix("left_"),)
    for name in JOINT_NAMES
    if "left_" in name
}

EXACT_TABLES: tuple[JointTable, ...] = (
    JointTable("SMPL, spelled out", _SMPL),
    JointTable("SMPL", _SMPL, sides=("l", "r")),
)
"""Families that have all 22 joints, which are taken as they are."""
