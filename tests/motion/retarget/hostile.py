"""Skeletons of people with names and hierarchies that nobody planned for, as BVH with the true positions."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

_TRUNK = {
    "hips": (0, 0.95, 0),
    "spine": (0, 1.05, -0.01),
    "spine1": (0, 1.18, -0.01),
    "spine2": (0, 1.30, -0.01),
    "neck": (0, 1.45, -0.02),
    "head": (0, 1.55, 0.01),
}
_LIMBS = {
    "hip": (0.09, 0.90, 0),
    "knee": (0.09, 0.48, 0.01),
    "ankle": (0.09, 0.08, -0.02),
    "foot": (0.10, 0.02, 0.13),
    "collar": (0.03, 1.40, -0.01),
    "shoulder": (0.18, 1.40, -0.02),
    "elbow": (0.45, 1.40, -0.02),
    "wrist": (0.70, 1.40, -0.02),
}
ROLES = (*_TRUNK, *_LIMBS)
_PARENTS = dict(
    zip(
        ("spine", "spine1", "spine2", "neck", "head", *_LIMBS),
        ("hips", "spine", "spine1", "spine2", "neck", "hips", "hip", "knee", "ankle", "spine2", "collar")
        + ("shoulder", "elbow"),
        strict=True,
    )
)


@dataclass
class Joint:
    """A joint of the tree that becomes a BVH."""

    name: str
    parent: str | None
    position: np.ndarray
    """In the rest pose, metres."""
    turns: bool = True


Tree = dict[str, Joint]


def tree(names: dict[str, str], sides: tuple[str, str], missing: Iterable[str] = ()) -> Tree:
    """The joints by role, sided ones by role and `_l` or `_r`; those below a missing one hang on its parent."""
    missing = set(missing)

    def parent_of(role: str) -> str | None:
        above = _PARENTS.get(role)
        while above in missing:
            above = _PARENTS.get(above)
        return above

    joints: Tree = {}
    for role, at in _TRUNK.items():
        if role not in missing:
            joints[role] = Joint(names[role], parent_of(role), np.array(at, float))
    for index, side in enumerate("lr"):
        for role, at in _LIMBS.items():
            above = parent_of(role)
            key = above if above in _TRUNK else f"{above}_{side}"
            position = np.array(at, float) * [1 - 2 * index, 1, 1]
            if role not in missing:
                joints[f"{role}_{side}"] = Joint(names[role].replace("{s}", sides[index]), key, position)
    return joints


def bvh(joints: Tree, scale: float = 100.0) -> tuple[str, dict[str, np.ndarray]]:
    """Sixty frames of the person who stands, then moves all joints; and their positions in metres."""
    num_frames, rng = 60, np.random.default_rng(0)
    half = num_frames // 2
    sway = np.concatenate([np.zeros(half), np.sin(np.linspace(0, 2 * np.pi, half))])
    heading = Rotation.from_rotvec([0, 0.7, 0]).as_matrix()
    world: dict[str, np.ndarray] = {}
    positions: dict[str, np.ndarray] = {}
    lines: list[str] = []
    columns: list[np.ndarray] = []

    def write(key: str, depth: int) -> None:
        joint, indent = joints[key], "  " * depth
        above = joints.get(joint.parent or "")
        size = 0.5 if joint.turns else 0.0
        turn = Rotation.from_rotvec(sway[:, None] * rng.uniform(-size, size, 3)).as_matrix()
        offset = np.zeros(3) if above is None else joint.position - above.position
        channels = "3"
        if above is None:
            turn = heading @ turn
            path = joint.position + np.stack([0.3 * sway, 0.02 * sway, 0.01 * np.arange(num_frames)], axis=-1)
            world[key], positions[key], channels = turn, path, "6 Xposition Yposition Zposition"
            columns.append(path * scale)
        else:
            world[key] = world[joint.parent] @ turn
            positions[key] = positions[joint.parent] + world[joint.parent] @ offset
        x, y, z = offset * scale
        lines.append(f"{indent}{'ROOT' if above is None else 'JOINT'} {joint.name}\n{indent}{{\n")
        lines.append(f"{indent}  OFFSET {x:.6f} {y:.6f} {z:.6f}\n")
        lines.append(f"{indent}  CHANNELS {channels} Zrotation Xrotation Yrotation\n")
        columns.append(Rotation.from_matrix(turn).as_euler("ZXY", degrees=True))
        below = [other for other, child in joints.items() if child.parent == key]
        for child in below:
            write(child, depth + 1)
        if not below:
            lines.append(
                f"{indent}  End Site\n{indent}  {{\n{indent}    OFFSET 0 {0.02 * scale} 0\n{indent}  }}\n"
            )
        lines.append(f"{indent}}}\n")

    (root,) = [key for key, joint in joints.items() if joint.parent is None]
    write(root, 0)
    rows = "\n".join(" ".join(f"{value:.6f}" for value in row) for row in np.concatenate(columns, axis=1))
    return (
        f"HIERARCHY\n{''.join(lines)}MOTION\nFrames: {num_frames}\nFrame Time: 0.0333333\n{rows}\n",
        positions,
    )


def scheme(words: str) -> dict[str, str]:
    """Names by role from names divided by commas, in the order of `ROLES`."""
    return dict(zip(ROLES, (word.strip() for word in words.split(",")), strict=True))


PLAIN = scheme(
    "Hips,Spine,Spine1,Spine2,Neck,Head,{s}UpLeg,{s}Leg,{s}Foot,{s}ToeBase,{s}Shoulder,{s}Arm,{s}ForeArm,{s}Hand"
)
GAME = scheme(
    "hips,spine,spine1,spine2,neck,head,thigh{s},calf{s},foot{s},toe{s},clavicle{s},upperarm{s},forearm{s},hand{s}"
)
WORDS = ("Left", "Right")


def _first(names: dict[str, str]) -> dict[str, str]:
    return {role: "{s}" + name.replace("{s}", "") if "{s}" in name else name for role, name in names.items()}


NAMED: dict[str, tuple[dict[str, str], tuple[str, str]]] = {
    "a helper's word on every joint": ({r: f"Ctrl_{n}_bind" for r, n in PLAIN.items()}, WORDS),
    "side and copy number": (GAME, (".L.001", ".R.001")),
    "side in underscores": (GAME, ("__L__", "__R__")),
    "side letter and dot": (_first(GAME), ("l.", "r.")),
    "side in brackets": (GAME, (" (L)", " (R)")),
    "side after a dash": (GAME, ("-left", "-right")),
    "capitals": ({r: n.upper().replace("{S}", "{s}") for r, n in GAME.items()}, ("_LT", "_RT")),
    "two letters first": (
        _first({r: n.title().replace("{S}", "{s}") for r, n in GAME.items()}),
        ("Lt", "Rt"),
    ),
    "two name spaces": ({r: f"Char01:rig:{n}" for r, n in PLAIN.items()}, WORDS),
    "a path": ({r: f"|group|root|{n}" for r, n in PLAIN.items()}, WORDS),
    "numbers first": ({r: f"{i:02d}_{n}" for i, (r, n) in enumerate(PLAIN.items())}, WORDS),
    "numbers last": ({r: f"{n}_{i:03d}" for i, (r, n) in enumerate(PLAIN.items())}, WORDS),
    "a long prefix": ({r: f"def_skin_jnt_{n}" for r, n in GAME.items()}, ("_lf", "_rt")),
    "a suffix after the side": ({r: f"{n}_jnt" for r, n in GAME.items()}, ("_lft", "_rgt")),
    "Latin sides": (GAME, ("_sin", "_dex")),
    "sides that say nothing": (GAME, ("_A", "_B")),
    "a second Biped": (
        scheme(
            "Bip02,Bip02 Spine,Bip02 Spine1,Bip02 Spine2,Bip02 Neck,Bip02 Head,Bip02 {s} Thigh,Bip02 {s} Calf,"
            "Bip02 {s} Foot,Bip02 {s} Toe0,Bip02 {s} Clavicle,Bip02 {s} UpperArm,Bip02 {s} Forearm,Bip02 {s} Hand"
        ),
        ("L", "R"),
    ),
    "German": (
        scheme(
            "Becken,Wirbel1,Wirbel2,Wirbel3,Hals,Kopf,Oberschenkel_{s},Unterschenkel_{s},Fuss_{s},Zehen_{s},"
            "Schluesselbein_{s},Oberarm_{s},Unterarm_{s},Hand_{s}"
        ),
        ("links", "rechts"),
    ),
    "German with umlauts": (
        scheme(
            "Hüfte,Wirbelsäule,Wirbelsäule1,Brust,Nacken,Kopf,{s}Oberschenkel,{s}Unterschenkel,{s}Fuß,{s}Zehe,"
            "{s}Schlüsselbein,{s}Oberarm,{s}Unterarm,{s}Hand"
        ),
        ("Li", "Re"),
    ),
    "Spanish": (
        scheme(
            "Cadera,Columna,Columna1,Pecho,Cuello,Cabeza,Muslo_{s},Pantorrilla_{s},Pie_{s},DedosPie_{s},Clavicula_{s},"
            "Brazo_{s},Antebrazo_{s},Mano_{s}"
        ),
        ("Izq", "Der"),
    ),
    "Spanish joints": (
        scheme(
            "cadera,espalda baja,espalda,torax,cuello,cabeza,muslo {s},pierna {s},tobillo {s},punta del pie {s},"
            "hombro {s},brazo {s},codo {s},muñeca {s}"
        ),
        ("izquierdo", "derecho"),
    ),
    "French": (
        scheme(
            "Bassin,Colonne,Colonne1,Poitrine,Cou,Tete,Cuisse_{s},Tibia_{s},Pied_{s},Orteil_{s},Clavicule_{s},Bras_{s},"
            "AvantBras_{s},Main_{s}"
        ),
        ("G", "D"),
    ),
    "French joints": (
        scheme(
            "Bassin,Colonne,Colonne1,Thorax,Cou,Tête,Cuisse {s},Mollet {s},Cheville {s},Orteils {s},Clavicule {s},"
            "Épaule {s},Coude {s},Poignet {s}"
        ),
        ("gauche", "droite"),
    ),
    "Italian": (
        scheme(
            "Bacino,Spina,Spina1,Torace,Collo,Testa,Coscia_{s},Polpaccio_{s},Piede_{s},Punta_{s},Clavicola_{s},"
            "Braccio_{s},Avambraccio_{s},Mano_{s}"
        ),
        ("Sx", "Dx"),
    ),
    "Portuguese": (
        scheme(
            "Quadril,Coluna,Coluna1,Peito,Pescoco,Cabeca,Coxa_{s},Canela_{s},Pe_{s},Dedos_{s},Clavicula_{s},Braco_{s},"
            "Antebraco_{s},Mao_{s}"
        ),
        ("Esq", "Dir"),
    ),
    "Dutch": (
        scheme(
            "Heup,Rug,Rug1,Borst,Nek,Hoofd,{s}Bovenbeen,{s}Onderbeen,{s}Voet,{s}Teen,{s}Sleutelbeen,{s}Bovenarm,"
            "{s}Onderarm,{s}Hand"
        ),
        ("Linker", "Rechter"),
    ),
    "Russian": (
        scheme(
            "Таз,Позвоночник,Позвоночник1,Грудь,Шея,Голова,Бедро_{s},Голень_{s},Стопа_{s},Носок_{s},Ключица_{s},"
            "Плечо_{s},Предплечье_{s},Кисть_{s}"
        ),
        ("Л", "П"),
    ),
    "Japanese, side last": (
        scheme("腰,上半身,上半身2,上半身3,首,頭,足{s},ひざ{s},足首{s},つま先{s},肩{s},腕{s},ひじ{s},手首{s}"),
        ("左", "右"),
    ),
    "Japanese anatomy": (
        scheme("骨盤,脊椎,胸,上胸,首,頭,{s}太もも,{s}すね,{s}足,{s}つま先,{s}鎖骨,{s}上腕,{s}前腕,{s}手"),
        ("左", "右"),
    ),
    "Japanese with underscores": (
        scheme(
            "センター,上半身,上半身2,胸,首,頭,{s}_足,{s}_ひざ,{s}_足首,{s}_つま先,{s}_肩,{s}_腕,{s}_ひじ,{s}_手首"
        ),
        ("左", "右"),
    ),
    "Katakana": (
        scheme(
            "ヒップ,スパイン,スパイン1,チェスト,ネック,ヘッド,{s}モモ,{s}スネ,{s}アシ,{s}ツマサキ,{s}サコツ,{s}ウデ,{s}ヒジ,"
            "{s}テ"
        ),
        ("左", "右"),
    ),
    "Chinese": (
        scheme("骨盆,脊柱,脊柱1,胸,颈,头,{s}大腿,{s}小腿,{s}脚,{s}脚趾,{s}锁骨,{s}上臂,{s}前臂,{s}手"),
        ("左", "右"),
    ),
    "Chinese, traditional": (
        scheme(
            "骨盆,脊椎,脊椎1,胸腔,頸部,頭部,大腿{s},小腿{s},足部{s},腳趾{s},鎖骨{s},上臂{s},前臂{s},手掌{s}"
        ),
        ("_左", "_右"),
    ),
    "Korean": (
        scheme(
            "골반,척추,척추1,가슴,목,머리,{s}허벅지,{s}종아리,{s}발,{s}발가락,{s}쇄골,{s}위팔,{s}아래팔,{s}손"
        ),
        ("왼쪽", "오른쪽"),
    ),
    "a language that is not in the table": (
        scheme(
            "hong,lung1,lung2,nguc,co,dau,dui_{s},bapchan_{s},banchan_{s},ngonchan_{s},xuongdon_{s},canhtay_{s},"
            "cangtay_{s},bantay_{s}"
        ),
        ("trai", "phai"),
    ),
    "anatomy": (
        scheme(
            "pelvis,lumbar,thorax1,thorax2,cervical,skull,femur_{s},tibia_{s},talus_{s},toes_{s},clavicle_{s},"
            "humerus_{s},radius_{s},hand_{s}"
        ),
        ("l", "r"),
    ),
    "OpenSim": (
        scheme(
            "pelvis,lumbar_body,torso,thorax,neck,head,femur_{s},tibia_{s},talus_{s},calcn_{s},clavicle_{s},"
            "humerus_{s},ulna_{s},hand_{s}"
        ),
        ("l", "r"),
    ),
    "joints": (
        scheme(
            "Root,Waist,Abdomen,Chest,NeckBase,HeadBase,{s}HipJoint,{s}KneeJoint,{s}AnkleJoint,{s}ToeJoint,"
            "{s}ClavJoint,{s}ShoulderJoint,{s}ElbowJoint,{s}WristJoint"
        ),
        ("L", "R"),
    ),
    "numbered limbs": (
        scheme(
            "pelvis,spine_a,spine_b,spine_c,neck,head,leg1_{s},leg2_{s},leg3_{s},leg4_{s},arm1_{s},arm2_{s},arm3_{s},"
            "arm4_{s}"
        ),
        ("L", "R"),
    ),
    "upper and lower limbs": (
        scheme(
            "pelvis,spine,spine1,spine2,neck,head,lower_limb_1_{s},lower_limb_2_{s},lower_limb_3_{s},lower_limb_4_{s},"
            "upper_limb_1_{s},upper_limb_2_{s},upper_limb_3_{s},upper_limb_4_{s}"
        ),
        ("left", "right"),
    ),
    "feet and arms with numbers": (
        scheme(
            "Root,Torso1,Torso2,Torso3,Neck,Head,{s}Leg1,{s}Leg2,{s}Foot,{s}Foot2,{s}Arm0,{s}Arm1,{s}Arm2,{s}Hand"
        ),
        WORDS,
    ),
    "letters": (
        scheme("b0,b1,b2,b3,b4,b5,xa{s},xb{s},xc{s},xd{s},ya{s},yb{s},yc{s},yd{s}"),
        ("_L", "_R"),
    ),
    "nothing but numbers": (
        scheme(
            "bone_0,bone_1,bone_2,bone_3,bone_4,bone_5,bone_1{s},bone_2{s},bone_3{s},bone_4{s},bone_5{s},bone_6{s},"
            "bone_7{s},bone_8{s}"
        ),
        ("0", "1"),
    ),
}
"""Schemes of names, with what stands for the sides."""

MISSING: dict[str, tuple[str, ...]] = {
    "no neck": ("neck",),
    "no neck and no head": ("neck", "head"),
    "one spine": ("spine1", "spine2"),
    "no spine": ("spine", "spine1", "spine2"),
    "no collars": ("collar",),
    "no feet": ("foot",),
    "only the limbs": ("neck", "spine1", "spine2", "collar", "foot"),
}
"""Joints that a skeleton does not have."""


def _between(joints: Tree, upper: str, lower: str, part: float) -> np.ndarray:
    return np.asarray(joints[upper].position * (1 - part) + joints[lower].position * part)


_SEGMENTS = (("hip", "knee", "UpLeg"), ("shoulder", "elbow", "Arm"), ("elbow", "wrist", "ForeArm"))


def _twists_beside(joints: Tree) -> None:
    for side, word in zip("lr", WORDS, strict=True):
        for upper, lower, name in _SEGMENTS:
            for number in (1, 2, 3):
                at = _between(joints, f"{upper}_{side}", f"{lower}_{side}", number / 4)
                key = f"{upper}_twist{number}_{side}"
                joints[key] = Joint(f"{word}{name}Twist0{number}", f"{upper}_{side}", at, turns=False)


def _twists_between(suffix: str) -> Callable[[Tree], None]:
    def edit(joints: Tree) -> None:
        for side, word in zip("lr", WORDS, strict=True):
            for upper, lower, name in _SEGMENTS:
                key = f"{upper}_twist_{side}"
                at = _between(joints, f"{upper}_{side}", f"{lower}_{side}", 0.5)
                joints[key] = Joint(f"{word}{name}{suffix}", f"{upper}_{side}", at, turns=False)
                joints[f"{lower}_{side}"].parent = key

    return edit


def _chain(joints: Tree, parent: str, names: Iterable[str], step: tuple[float, float, float]) -> None:
    for name in names:
        key = f"extra {len(joints)}"
        joints[key] = Joint(name, parent, joints[parent].position + np.array(step))
        parent = key


def _fingers(joints: Tree) -> None:
    for side, word, sign in (("l", "Left", 1), ("r", "Right", -1)):
        for row, finger in enumerate(("Thumb", "Index", "Middle", "Ring", "Pinky")):
            names = [f"{word}Hand{finger}{number}" for number in range(1, 5)]
            _chain(joints, f"wrist_{side}", names, (0.03 * sign, 0, 0.01 * (2 - row)))


def _endless_fingers(joints: Tree) -> None:
    for side, letter, sign in (("l", "L", 1), ("r", "R", -1)):
        _chain(joints, f"wrist_{side}", [f"{letter}_Digit_{n}" for n in range(9)], (0.04 * sign, 0, 0))


def _roots(joints: Tree) -> None:
    above = None
    for name in ("Reference", "World", "Armature", "GlobalSRT"):
        joints[name] = Joint(name, above, np.zeros(3), turns=False)
        above = name
    joints["hips"].parent = above


def _props(joints: Tree) -> None:
    _chain(joints, "wrist_r", ["Sword_Handle", "Sword_Blade", "Sword_Tip"], (0, 0.3, 0))
    _chain(joints, "spine2", [f"Cape_0{n}" for n in range(5)], (0, -0.2, -0.05))
    for letter, sign in (("L", 1), ("R", -1)):
        _chain(joints, "head", [f"hair_{letter}_{n}" for n in range(6)], (0.02 * sign, -0.08, -0.02))
        _chain(joints, "hips", [f"Skirt_{letter}_0{n}" for n in range(4)], (0.05 * sign, -0.15, 0.03))


def _tail(joints: Tree) -> None:
    _chain(joints, "hips", [f"Tail{n}" for n in range(8)], (0, -0.02, -0.1))


def _wings(joints: Tree) -> None:
    for word, sign in (("Left", 1), ("Right", -1)):
        _chain(joints, "spine2", [f"{word}Wing{n}" for n in range(4)], (0.25 * sign, 0.05, -0.05))


def _targets(joints: Tree) -> None:
    for side, word in zip("lr", WORDS, strict=True):
        for role, name, ahead in (("ankle", "FootIK", 0), ("wrist", "HandIK", 0), ("knee", "KneePole", 0.5)):
            at = joints[f"{role}_{side}"].position + [0, 0, ahead]
            joints[f"{name}_{side}"] = Joint(f"{word}{name}", "hips", at)


def _face(joints: Tree) -> None:
    for name in (
        "Jaw",
        "LeftEye",
        "RightEye",
        "LeftBrow",
        "RightBrow",
        "Tongue1",
        "LeftCheek",
        "RightCheek",
        "Nose",
    ):
        _chain(joints, "head", [name], (0.03 * (name[0] == "L") - 0.03 * (name[0] == "R"), 0.05, 0.1))


def _pelvis_below_hips(joints: Tree) -> None:
    joints["pelvis"] = Joint("Pelvis", "hips", np.array([0, 0.93, 0]))
    joints["hip_l"].parent = joints["hip_r"].parent = "pelvis"


def _three_necks(joints: Tree) -> None:
    del joints["neck"]
    _chain(joints, "spine2", ["Neck1", "Neck2", "Neck3"], (0, 0.05, 0))
    joints["head"].parent = [*joints][-1]


def _nine_spines(joints: Tree) -> None:
    for key in ("spine", "spine1", "spine2"):
        del joints[key]
    _chain(joints, "hips", [f"spine_{n + 1:02d}" for n in range(9)], (0, 0.045, 0))
    top = [*joints][-1]
    for key in ("neck", "collar_l", "collar_r"):
        joints[key].parent = top


ADDED: dict[str, Callable[[Tree], None]] = {
    "twist bones beside the limbs": _twists_beside,
    "twist bones in the limbs": _twists_between("Roll"),
    "limbs in numbered parts": _twists_between("_02"),
    "fingers": _fingers,
    "fingers without an end": _endless_fingers,
    "four roots": _roots,
    "sword, cape, hair and skirt": _props,
    "a tail": _tail,
    "wings": _wings,
    "targets of inverse kinematics": _targets,
    "a face": _face,
    "a pelvis below the hips": _pelvis_below_hips,
    "three necks": _three_necks,
    "nine spines": _nine_spines,
}
"""What a skeleton has besides."""
