"""Which joint of any skeleton is which: names of many programs and languages, shapes without names, and refusals."""

import re
from pathlib import Path

import numpy as np
import pytest

from bimotion.errors import MotionFileError
from bimotion.motion.formats import ReadMotion, ReadOptions, read_with_interpretation
from bimotion.motion.retarget.words import split_name
from bimotion.motion.skeleton import JOINT_NAMES

CASE = Path(__file__).parents[1] / "cases" / "04-names-of-tools" / "Mixamo_prefix.bvh"
TEXT = CASE.read_text("utf-8")
NAMES = [name.partition(":")[2] for name in re.findall(r"(?:ROOT|JOINT) (\S+)", TEXT)]
LEFT_TO_TIP = ("UpLeg", "Leg", "Foot", "ToeBase", "Shoulder", "Arm", "ForeArm", "Hand")
TRUNK = ("Hips", "Spine", "Spine1", "Spine2", "Neck", "Head")

# sides, the eight joints of a side, the six of the trunk, and how side and joint make a name
SCHEMES = {
    "VRoid": (
        ("L", "R"),
        "UpperLeg LowerLeg Foot ToeBase Shoulder UpperArm LowerArm Hand",
        "J_Bip_C_Hips J_Bip_C_Spine J_Bip_C_Chest J_Bip_C_UpperChest J_Bip_C_Neck J_Bip_C_Head",
        "J_Bip_{s}_{p}",
    ),
    "DeepMotion": (
        ("l", "r"),
        "upleg leg foot toebase shoulder arm forearm hand",
        "hips_JNT spine_JNT spine1_JNT spine2_JNT neck_JNT head_JNT",
        "{s}_{p}_JNT",
    ),
    "Advanced Skeleton": (
        ("L", "R"),
        "Hip Knee Ankle Toes Scapula Shoulder Elbow Wrist",
        "Root_M Spine1_M Spine2_M Chest_M Neck_M Head_M",
        "{p}_{s}",
    ),
    "Second Life": (
        ("Left", "Right"),
        "mHip mKnee mAnkle mFoot mCollar mShoulder mElbow mWrist",
        "mPelvis mTorso mChest mSpine4 mNeck mHead",
        "{p}{s}",
    ),
    "mocopi": (
        ("l", "r"),
        "up_leg low_leg foot toes shoulder up_arm low_arm hand",
        "root torso_1 torso_3 torso_7 neck_1 head",
        "{s}_{p}",
    ),
    "German": (
        ("Links", "Rechts"),
        "Oberschenkel Unterschenkel Fuß Zehen Schulter Oberarm Unterarm Hand",
        "Becken Wirbelsäule Brust Brust2 Hals Kopf",
        "{p}_{s}",
    ),
    "French": (
        ("gauche", "droite"),
        "Cuisse Mollet Pied Orteil Épaule Bras AvantBras Main",
        "Bassin Colonne Dos Poitrine Cou Tête",
        "{p}.{s}",
    ),
    "Korean": (
        ("왼쪽", "오른쪽"),
        "허벅지 종아리 발 발가락 어깨 위팔 아래팔 손",
        "골반 척추 척추1 가슴 목 머리",
        "{s}{p}",
    ),
    "capitals": (
        ("LEFT", "RIGHT"),
        "UPLEG LEG FOOT TOEBASE SHOULDER ARM FOREARM HAND",
        "HIPS SPINE SPINE1 SPINE2 NECK HEAD",
        "{s}{p}",
    ),
}


def scheme_names(scheme: tuple[tuple[str, str], str, str, str]) -> list[str]:
    sides, limb, trunk, form = scheme
    of_limb = dict(zip(LEFT_TO_TIP, limb.split(), strict=True))
    of_trunk = dict(zip(TRUNK, trunk.split(), strict=True))
    names = []
    for name in NAMES:
        side = re.match("Left|Right", name)
        if side is None:
            names.append(of_trunk[name])
        else:
            spelled = sides[side[0] == "Right"]
            names.append(form.format(s=spelled, p=of_limb[name.removeprefix(side[0])]))
    return names


def read(tmp_path: Path, names: list[str], text: str = TEXT, **options) -> ReadMotion:
    spelled = iter(names)
    path = tmp_path / "a.bvh"
    path.write_text(re.sub(r"(ROOT|JOINT) (\S+)", lambda found: f"{found[1]} {next(spelled)}", text), "utf-8")
    return read_with_interpretation(path, ReadOptions(**options))


def check_limbs(found: ReadMotion) -> None:
    truth = np.load(f"{CASE}.truth.npz")
    for joint in truth.files:
        at = found.clip.joints[:, JOINT_NAMES.index(joint)]
        np.testing.assert_allclose(at, truth[joint], atol=1e-4, err_msg=joint)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_names_of_programs_and_languages(tmp_path, scheme) -> None:
    found = read(tmp_path, scheme_names(SCHEMES[scheme]))
    check_limbs(found)
    assert not found.interpretation.warnings


@pytest.mark.parametrize(
    "prefix", ["Robot_", "Actor7_", "scene:Actor2:", "Armature|P1_", "ValveBiped.", "b_", "男_"]
)
@pytest.mark.parametrize("suffix", ["", "_JNT", ".001", "_bind"])
def test_prefixes_and_suffixes_fall_away(tmp_path, prefix, suffix) -> None:
    check_limbs(read(tmp_path, [f"{prefix}{name}{suffix}" for name in NAMES]))


@pytest.mark.parametrize("form", ["Bone_{:03d}", "x", "関節{}"])
def test_the_shape_decides_where_names_say_nothing(tmp_path, form) -> None:
    found = read(tmp_path, [form.format(i) for i in range(len(NAMES))])
    check_limbs(found)
    (warning,) = (line for line in found.interpretation.warnings if "by the shape" in line)
    assert "--joint-map" in warning
    assert found.interpretation.confidence["left_knee"] == 0.6


def test_sides_may_stand_in_ancestors_only(tmp_path) -> None:
    names = [re.sub("^(Left|Right)", "", name) for name in NAMES]
    for i, name in enumerate(NAMES):
        if name.endswith(("UpLeg", "Shoulder")):
            names[i] = name
    check_limbs(read(tmp_path, names))


def test_a_joint_of_a_strange_name_is_found_between_its_neighbours(tmp_path) -> None:
    names = ["Banana" if name == "LeftForeArm" else name for name in NAMES]
    found = read(tmp_path, names)
    check_limbs(found)
    assert found.interpretation.joints["left_elbow"] == "Banana"


@pytest.mark.parametrize(
    ("name", "words", "side"),
    [
        ("mixamorig:LeftUpLeg", {"upper", "leg"}, "left"),
        ("Bip01 L Thigh", {"thigh"}, "left"),
        ("lForearmBend", {"fore", "arm"}, "left"),
        ("LFArm", {"fore", "arm"}, "left"),
        ("toe1-1.R", {"toe"}, "right"),
        ("mHipLeft", {"hip"}, "left"),
        ("左足首", {"ankle"}, "left"),
        ("左足ＩＫ", {"legfoot", "helper"}, "left"),
        ("右腕捩", {"arm", "twist"}, "right"),
        ("upperarm_twist_01_l", {"upper", "arm", "twist"}, "left"),
        ("LeftHandIndex1", {"hand", "finger"}, "left"),
        ("root", {"root"}, None),
        ("lefthip", {"hip"}, "left"),
        ("rear_leg", {"leg"}, None),
    ],
)
def test_names_are_split_into_words(name, words, side) -> None:
    found = split_name(name)
    assert (found.words, found.side) == (words, side)


def tree(*bones: tuple[str, str | None, tuple[float, float, float]]) -> str:
    """A BVH file of two still frames from (name, parent, offset)."""
    lines: list[str] = []

    def describe(name: str, offset: tuple[float, float, float], depth: int) -> None:
        lines.append(f"{'JOINT' if depth else 'ROOT'} {name}\n{{\nOFFSET {offset[0]} {offset[1]} {offset[2]}")
        lines.append("CHANNELS 3 Zrotation Xrotation Yrotation")
        below = [bone for bone in bones if bone[1] == name]
        for child, _, vector in below:
            describe(child, vector, depth + 1)
        if not below:
            lines.append("End Site\n{\nOFFSET 0 0 2\n}")
        lines.append("}")

    describe(bones[0][0], bones[0][2], 0)
    zeros = " ".join(["0"] * (3 * len(bones)))
    return "HIERARCHY\n" + "\n".join(lines) + f"\nMOTION\nFrames: 2\nFrame Time: 0.05\n{zeros}\n{zeros}\n"


def dog() -> str:
    bones: list[tuple[str, str | None, tuple[float, float, float]]] = [
        ("Hips", None, (0, 50, 0)),
        ("Spine", "Hips", (0, 0, 20)),
        ("Spine1", "Spine", (0, 0, 20)),
        ("Neck", "Spine1", (0, 10, 10)),
        ("Head", "Neck", (0, 10, 10)),
        ("Tail", "Hips", (0, 0, -20)),
        ("Tail1", "Tail", (0, 0, -20)),
    ]
    for side, x in (("Left", 8), ("Right", -8)):
        bones += [
            (f"{side}UpLeg", "Hips", (x, -3, 0)),
            (f"{side}Leg", f"{side}UpLeg", (0, -20, 3)),
            (f"{side}Foot", f"{side}Leg", (0, -20, -3)),
            (f"{side}Shoulder", "Spine1", (x / 2, 0, 0)),
            (f"{side}Arm", f"{side}Shoulder", (x / 2, -3, 0)),
            (f"{side}ForeArm", f"{side}Arm", (0, -20, -3)),
            (f"{side}Hand", f"{side}ForeArm", (0, -20, 3)),
        ]
    return tree(*bones)


def hand() -> str:
    bones: list[tuple[str, str | None, tuple[float, float, float]]] = [("Hand", None, (0, 0, 0))]
    for i, finger in enumerate(("Thumb", "Index", "Middle", "Ring", "Pinky")):
        bones += [(f"{finger}1", "Hand", (2 * i - 4, 8, 0))]
        bones += [(f"{finger}{k}", f"{finger}{k - 1}", (0, 3, 0)) for k in (2, 3)]
    return tree(*bones)


def face() -> str:
    parts = ("Jaw", "LeftEye", "RightEye", "LeftBrow", "RightBrow", "LipUpper", "LipLower")
    return tree(("Head", None, (0, 0, 0)), *((part, "Head", (i - 3, 5, 8)) for i, part in enumerate(parts)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (dog(), r"stands on four legs in its rest pose and has a tail \(Tail\)"),
        (dog().replace("Hand", "Paw"), r"got an animal's \(LeftPaw, RightPaw\)"),
        (hand(), "no person found: no joint for left_hip, .*Index1"),
        (face(), "no person found: no joint for left_hip, .*Jaw"),
        (tree(("Tail", None, (0, 0, 0)), ("Tail1", "Tail", (0, 0, 5))), "no person found"),
    ],
    ids=["dog", "dog with paws", "hand", "face", "tail"],
)
def test_what_is_no_person_is_refused_by_name(tmp_path, text, message) -> None:
    (tmp_path / "a.bvh").write_text(text)
    with pytest.raises(MotionFileError, match=message) as error:
        read_with_interpretation(tmp_path / "a.bvh", ReadOptions())
    assert "--joint-map" in str(error.value)
    assert "\n" not in str(error.value)
