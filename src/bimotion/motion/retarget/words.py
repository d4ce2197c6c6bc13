"""Names of joints split into words, and the one table of synonyms.

`split_name` turns `mixamorig:LeftUpLeg`, `thigh.L`, `Bip01 L Thigh`, `lThighBend` or `左足` into words that do not
depend on the program or the language: the side is separated, and prefixes and suffixes of programs are dropped as
unknown words. `parts` determines the joint from the words.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Side = Literal["left", "right"]

SYNONYMS: dict[str, str] = {
    "left": "left lft l lt gauche links izquierda izquierdo izq sinistra sinistro sx esquerda esquerdo esq "
    "linker li sin левый левая лев л 左 왼쪽 왼",
    "right": "right rgt r rt droite droit rechts derecha derecho der destra destro dx direita direito dir "
    "rechter re dex правый правая прав п 右 오른쪽 오른",
    "upper": "upper up upr uppr u 上部",
    "lower": "lower low lo lwr 下部",
    "fore": "fore for front avant",
    "pelvis": "pelvis bassin becken bacino pelvica cadera quadril heup таз 骨盆 下半身 腰 골반",
    "hips": "hips hipcenter caderas",
    "hip": "hip hanche huefte hufte anca 臀 臀部 고관절",
    "root": "root センター 中心 グルーブ",
    "thigh": "thigh femur cuisse oberschenkel muslo coscia coxa bovenbeen бедро 大腿 太腿 太もも もも モモ 허벅지",
    "shin": "shin calf tibia fibula crus mollet unterschenkel pantorrilla polpaccio panturrilha canela "
    "onderbeen голень 小腿 すね スネ 脛 종아리",
    "knee": "knee genou knie rodilla ginocchio joelho колено ひざ ヒザ 膝 膝盖 무릎",
    "leg": "leg jambe bein pierna gamba perna нога 腿 다리",
    "legfoot": "legfoot 足 脚",
    "ankle": "ankle cheville knochel knoechel tobillo caviglia tornozelo talus enkel лодыжка 足首 脚踝 踝 발목",
    "foot": "foot feet pied fuss pie piede pe voet стопа 脚掌 足部 脚部 발",
    "toe": "toe toes toebase orteil orteils zehe zehen teen носок つま先 ツマサキ 足先 脚趾 脚尖 발가락 발끝",
    "ball": "ball",
    "collar": "collar clavicle clav scapula clavicule schlusselbein schluesselbein clavicula clavicola "
    "sleutelbeen ключица 鎖骨 サコツ 锁骨 쇄골",
    "shoulder": "shoulder epaule schulter hombro spalla ombro плечо 肩 어깨",
    "shldr": "shldr",
    "arm": "arm bras arms brazo braccio braco рука 腕 ウデ 臂 胳膊 팔",
    "upperarm": "humerus bicep biceps oberarm bovenarm 上腕 上臂 大臂 상완 위팔",
    "forearm": "radius ulna unterarm antebrazo avambraccio antebraco предплечье onderarm 前腕 前臂 小臂 전완 아래팔",
    "elbow": "elbow coude ellbogen codo gomito cotovelo локоть elleboog ひじ ヒジ 肘 팔꿈치",
    "wrist": "wrist poignet handgelenk muneca polso pulso запястье pols 手首 手掌 手腕 손목",
    "hand": "hand main mano mao кисть 手 손",
    "neck": "neck cou hals cuello collo pescoco nek шея 首 颈 頸 脖子 목",
    "head": "head skull tete kopf cabeza testa cabeca hoofd голова 頭 头 머리",
    "spine": "spine vertebra colonne wirbelsaule wirbelsaeule columna colonna coluna позвоночник 脊椎 脊柱 上半身 척추",
    "chest": "chest thorax torso ribs rib ribcage sternum brust pecho petto peito poitrine borst грудь 胸 가슴",
    "belly": "abdomen ab belly waist stomach navel back loin lumbar",
    "tail": "tail schwanz cola coda queue rabo 尾 しっぽ 꼬리",
    "animal": "paw hoof wing wings hock fetlock pastern muzzle snout beak fin feather claw forelimb hindlimb withers",
    "finger": "thumb index middle ring pinky pinkie little finger fingers metacarpal carpal knuckle daumen pouce "
    "pulgar 親指 人指 人差指 中指 薬指 小指 拇指 食指 无名指",
    "face": "eye eyes eyelid jaw lip lips mouth brow eyebrow cheek nose tongue ear ears teeth face facial "
    "目 口 舌 耳 瞳",
    "joint": "joint jnt bone bind",
    "twist": "twist roll twst 捩 捻",
    "helper": "ik pole target end nub eff effector tip top site helper aux ctrl control controller mch corrective "
    "muscle flesh weapon prop attach socket camera light skirt cloth hair breast bust bow tie sleeve pocket joint_end "
    "dummy reference null bulge volume poke interaction center_of_mass weight 髪 スカート 袖",
}
"""Spellings of each word, in the languages and abbreviations of joint names; all of them are matched without case
and accents."""

_VOCABULARY: dict[str, str] = {
    spelling: word for word, spellings in SYNONYMS.items() for spelling in spellings.split()
}
_LETTERS = {
    "l",
    "r",
    "u",
    "lt",
    "rt",
    "lo",
    "up",
    "low",
    "ab",
    "for",
    "der",
    "sx",
    "dx",
    "pe",
    "pie",
    "ik",
} | {
    *("li", "re", "sin", "dex", "esq", "dir", "teen", "pols", "л", "п"),
}
"""Spellings that count only as a whole word; within longer words they would be coincidence."""
_COMPOUNDS: dict[str, tuple[str, ...]] = {
    "lu": ("left", "upper"),
    "ru": ("right", "upper"),
    "lf": ("left", "fore"),
    "rf": ("right", "fore"),
    "uparm": ("upper", "arm"),
    "loarm": ("lower", "arm"),
    "upleg": ("upper", "leg"),
    "loleg": ("lower", "leg"),
    "lowarm": ("lower", "arm"),
    "lowleg": ("lower", "leg"),
    "forearm": ("fore", "arm"),
    "forefoot": ("fore", "foot"),
    "headtop": ("head", "helper"),
}
_KNOWN_WHOLE = {"rear", "root", "roll", "rig", "reference", "ref", "armature", "character", "clear", "real"}
"""Words that must not be split into a side letter and a rest."""

_NAMESPACE = re.compile(r"^.*[:|]")
_PIECES = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_a-zA-Z]+")
_IDEOGRAPHS = sorted((s for s in _VOCABULARY if not s.isascii() and len(s) > 0), key=len, reverse=True)
_IDEOGRAPH_RUN = re.compile("|".join(re.escape(s) for s in _IDEOGRAPHS if ord(s[0]) > 0x10FF))


@dataclass(frozen=True)
class NameWords:
    """The words of a joint's name."""

    words: frozenset[str]
    """Known words, canonical, without the side."""
    side: Side | None
    """The side that the name states."""
    number: int | None = None
    """The first number in the name."""
    unknown: int = 0
    """Number of words that are not in the table."""


@lru_cache(maxsize=50_000)
def split_name(name: str) -> NameWords:
    """The words of a name, without name space, prefix, case and punctuation."""
    text = unicodedata.normalize("NFKC", name)
    text = _plain(_NAMESPACE.sub("", text) or text)
    text = _IDEOGRAPH_RUN.sub(lambda match: f" {_VOCABULARY[match[0]]} ", text)
    words: list[str] = []
    unknown, number = 0, None
    for piece in _PIECES.findall(text):
        if piece.isdecimal():
            number = int(piece[:6]) if number is None else number
            continue
        found = _split_piece(piece.lower())
        unknown += not found
        words += found
    sides = {word for word in words if word in ("left", "right")}
    side: Side | None = None
    if len(sides) == 1:
        side = "left" if "left" in sides else "right"
    return NameWords(frozenset(words) - {"left", "right"}, side, number, unknown)


def _plain(text: str) -> str:
    """The text without the accents of Latin letters."""
    parts = unicodedata.normalize("NFD", text.replace("ß", "ss"))
    return unicodedata.normalize("NFC", "".join(c for c in parts if not "\u0300" <= c <= "\u036f"))


def _split_piece(piece: str) -> list[str]:
    """Known words that make up a run of letters, none if they do not cover it."""
    if piece in _COMPOUNDS:
        return list(_COMPOUNDS[piece])
    if piece in _VOCABULARY:
        return [_VOCABULARY[piece]]
    if piece in _KNOWN_WHOLE or not piece.isascii() or len(piece) > 30:
        return []
    for letter, side in (("l", "left"), ("r", "right")):
        if piece.startswith(letter) and (rest := _cover(piece[1:])):
            return [side, *rest]
    if whole := _cover(piece):
        return whole
    for letter, side in (("l", "left"), ("r", "right")):
        if piece.endswith(letter) and (rest := _cover(piece[:-1])):
            return [*rest, side]
    return []


def _cover(piece: str) -> list[str]:
    """Known words of two or more letters that stand one after the other, the longest first."""
    if not piece:
        return []
    if piece in _COMPOUNDS:
        return list(_COMPOUNDS[piece])
    if piece in _VOCABULARY and (len(piece) > 2 and piece not in _LETTERS):
        return [_VOCABULARY[piece]]
    for length in range(len(piece) - 3, 1, -1):
        head = piece[:length]
        word = _VOCABULARY.get(head)
        if word is None or (len(head) < 3 and head != "up") or head in _LETTERS - {"up", "low", "for"}:
            continue
        if rest := _cover(piece[length:]):
            return [word, *rest]
    return []
