"""Arrays of joint positions of other skeletons than SMPL's, whose order of joints is published.

They are converted to motion of a skeleton with bones in position channels and then read like any other file.

Legend: T frames, N joints.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from bimotion.errors import MotionFileError
from bimotion.motion.retarget.source import SourceMotion, SourceSkeleton

_MIDWAY = 0.1
"""How far the pelvis may be from the middle of the hips in Human3.6M's order, in distances of the hips: other orders of
17 joints (COCO's) begin with the nose."""


_FARTHEST = 1e9
"""Largest coordinate of a joint: a thousand kilometres in millimetres."""

_TOES = ("LToe", "RToe")
"""Joints at the end of a layout that its arrays do not have."""

_PITCH = np.radians(20.0)
"""How far a standing foot points below square to the shin."""


@dataclass(frozen=True)
class NamedLayout:
    """Joints of a published skeleton in the order of its arrays."""

    name: str
    names: tuple[str, ...]
    parents: tuple[int, ...]
    fps: float
    """Frames per second of its data set or program, which arrays do not state."""
    joint_map: dict[str, str] = field(default_factory=dict)
    """Our names to its names, where its names are not words."""


def _layout(
    name: str, fps: float, chains: Sequence[str], joint_map: dict[str, str] | None = None
) -> NamedLayout:
    """A layout from chains of names, each after its parent joint and a colon; joints have that order."""
    names: list[str] = []
    parents: list[int] = []
    for chain in chains:
        above, _, below = chain.rpartition(": ")
        for joint in below.split():
            parents.append(names.index(above) if above else -1)
            names.append(joint)
            above = joint
    return NamedLayout(name, tuple(names), tuple(parents), fps, joint_map or {})


def _limbs(left: str, right: str, **parts: str) -> dict[str, str]:
    """Our names of both sides to names with a side's letter at the beginning or end."""
    return {
        f"{side}_{joint}": pattern.format(letter)
        for side, letter in (("left", left), ("right", right))
        for joint, pattern in parts.items()
    }


_FINGERS = ("Index", "Middle", "Ring", "Pinky")


def _soma_hand(side: str) -> list[str]:
    thumb = " ".join(f"{side}HandThumb{end}" for end in ("1", "2", "3", "End"))
    fingers = [
        " ".join(f"{side}Hand{finger}{end}" for end in ("1", "2", "3", "4", "End")) for finger in _FINGERS
    ]
    return [f"{side}Hand: {chain}" for chain in (thumb, *fingers)]


def _soma(hands: dict[str, list[str]], head_end: str, toe_end: str) -> list[str]:
    chains = [f"Hips Spine1 Spine2 Chest Neck1 Neck2 Head{head_end}"]
    chains += ["Head: Jaw", "Head: LeftEye", "Head: RightEye"]
    for side in ("Left", "Right"):
        chains += [f"Chest: {side}Shoulder {side}Arm {side}ForeArm {side}Hand", *hands[side]]
    for side in ("Left", "Right"):
        end = toe_end.format(side)
        chains.append(f"Hips: {side}Leg {side}Shin {side}Foot {side}ToeBase{end}")
    return chains


_SIDES = ("Left", "Right")

LAYOUTS: dict[int, NamedLayout] = {
    len(layout.names) - 2 * (layout.names[-1] == _TOES[-1]): layout
    for layout in (
        _layout(
            "Human3.6M",
            50.0,
            [
                "pelvis RHip RKnee RFoot",
                "pelvis: LHip LKnee LFoot",
                "pelvis: spine thorax nose head",
                "thorax: LShoulder LElbow LWrist",
                "thorax: RShoulder RElbow RWrist",
                "LFoot: LToe",
                "RFoot: RToe",
            ],
            _limbs(
                *"LR",
                hip="{}Hip",
                knee="{}Knee",
                ankle="{}Foot",
                foot="{}Toe",
                shoulder="{}Shoulder",
                elbow="{}Elbow",
                wrist="{}Wrist",
            ),
        ),
        _layout(
            "KIT-ML",
            12.5,
            [
                "root BP BT BLN BUN",
                "BLN: LS LE LW",
                "BLN: RS RE RW",
                "root: LH LK LA LMrot LF",
                "root: RH RK RA RMrot RF",
            ],
            _limbs(
                *"LR",
                hip="{}H",
                knee="{}K",
                ankle="{}A",
                foot="{}Mrot",
                shoulder="{}S",
                elbow="{}E",
                wrist="{}W",
            ),
        ),
        _layout(
            "NVIDIA SOMA (30 joints)",
            30.0,
            _soma(
                {side: [f"{side}Hand: {side}Hand{end}End" for end in ("Thumb", "Middle")] for side in _SIDES},
                "",
                "",
            ),
        ),
        _layout(
            "NVIDIA SOMA (77 joints)",
            30.0,
            _soma({side: _soma_hand(side) for side in _SIDES}, " HeadEnd", " {}ToeEnd"),
        ),
    )
}
"""Layouts by their number of joints.

Source: Ionescu et al. 2014 in the order of Pavllo et al. 2019; Mandery et al. 2015 (MMM) in the order of Ahuja and
Morency 2019; NVIDIA Kimodo 2026, skeleton definitions.
"""


def named_layout(array: np.ndarray) -> NamedLayout | None:
    """The layout of an array of shape (T, N, 3) or (1, T, N, 3); None of any other."""
    if array.dtype.kind not in "fiu" or array.ndim not in (3, 4) or array.shape[-1] != 3:
        return None
    if array.ndim == 4 and array.shape[0] != 1:
        return None
    layout = LAYOUTS.get(array.shape[-2])
    return layout if layout is None or _fits(layout, array) else None


def _fits(layout: NamedLayout, array: np.ndarray) -> bool:
    if layout.name != "Human3.6M":
        return True
    pelvis, right, left = (array[..., joint, :].reshape(-1, 3).astype(np.float64) for joint in (0, 1, 4))
    if not (np.abs(array) <= _FARTHEST).all():
        return True  # refused where it is read
    off = np.linalg.norm(pelvis - (left + right) / 2, axis=-1)
    return bool(np.median(off) <= _MIDWAY * np.median(np.linalg.norm(left - right, axis=-1)))


def _toes(positions: Float[np.ndarray, "T N 3"], layout: NamedLayout) -> Float[np.ndarray, "T 2 3"]:
    """Balls of feet that a layout does not have: ahead of the ankle, as the hips face, and square to the shin.

    Without them a foot would have no direction.
    """

    def at(joint: str) -> Float[np.ndarray, "T 3"]:
        return positions[:, layout.names.index(layout.joint_map[joint])]

    left = at("left_hip") - at("right_hip")
    up = at("left_shoulder") + at("right_shoulder") - at("left_hip") - at("right_hip")
    toes = []
    for side in ("left", "right"):
        shin = at(f"{side}_ankle") - at(f"{side}_knee")
        length = np.linalg.norm(shin, axis=-1, keepdims=True)
        down = shin / np.maximum(length, 1e-9)
        ahead = np.cross(left, up)
        ahead = ahead - (ahead * down).sum(-1, keepdims=True) * down
        ahead /= np.maximum(np.linalg.norm(ahead, axis=-1, keepdims=True), 1e-9)
        toes.append(at(f"{side}_ankle") + 0.35 * length * (np.cos(_PITCH) * ahead + np.sin(_PITCH) * down))
    return np.stack(toes, axis=1)


@dataclass(frozen=True)
class NamedMotion:
    """Motion in an array of a published skeleton, before it is mapped to our joints."""

    source: SourceMotion
    layout: NamedLayout
    joint_map: dict[str, str]
    """Our names to the layout's, where these are not words."""


def named_motion(array: np.ndarray, fps: float | None, where: str) -> NamedMotion | None:
    """The motion in an array of one of `LAYOUTS`, else None; `fps` is the layout's own where None, with a note.

    Raises:
        MotionFileError: no frames, or a number that is not finite or beyond any unit of length.
    """
    layout = named_layout(array)
    if layout is None:
        return None
    positions = array.reshape(-1, *array.shape[-2:]).astype(np.float64)
    if not len(positions):
        raise MotionFileError(f"{where}: the array has no frames")
    if not (np.abs(positions) <= _FARTHEST).all():  # NaN as well
        raise MotionFileError(f"{where}: joints must be finite numbers of at most {_FARTHEST:g}")
    notes = [f"{positions.shape[1]} joints are read as those of {layout.name}, in their published order"]
    if fps is None:
        notes.append(f"{layout.fps:g} frames per second are assumed, as in {layout.name}; --rate sets others")
    joint_map = _sided_joints(positions, layout)
    if layout.names[-1] == _TOES[-1]:
        positions = np.concatenate([positions, _toes(positions, layout)], axis=1)
    parents = np.array(layout.parents)
    local = positions - np.where(parents[:, None] >= 0, positions[:, parents], 0.0)

    def poses(joints: Sequence[int]) -> tuple[list[Float[np.ndarray, "T 3"]], Float[np.ndarray, "K T 4"]]:
        still = np.tile([1.0, 0.0, 0.0, 0.0], (len(joints), len(positions), 1))
        return [local[:, joint] for joint in joints], still

    source = SourceMotion(
        SourceSkeleton(layout.names, layout.parents, local[0] * (parents >= 0)[:, None]),
        len(positions),
        fps or layout.fps,
        poses,
        frozenset(int(joint) for joint in np.flatnonzero(parents >= 0)),
        notes=tuple(notes),
    )
    return NamedMotion(source, layout, joint_map)


def _sided_joints(positions: Float[np.ndarray, "T N 3"], layout: NamedLayout) -> dict[str, str]:
    """The layout's joint map, with left and right exchanged where the feet show that the data are mirrored."""
    if "left_foot" not in layout.joint_map or layout.names[-1] == _TOES[-1]:
        return layout.joint_map

    def at(joint: str) -> Float[np.ndarray, "T 3"]:
        return positions[:, layout.names.index(layout.joint_map[joint])]

    up = at("left_shoulder") - at("left_hip") + at("right_shoulder") - at("right_hip")
    ahead = at("left_foot") - at("left_ankle") + at("right_foot") - at("right_ankle")
    left = (np.cross(up, ahead) * (at("left_hip") - at("right_hip"))).sum(-1)
    if np.median(left) >= 0:
        return layout.joint_map
    other = {"left": "right", "right": "left"}
    return {
        f"{other[side]}_{part}": name
        for joint, name in layout.joint_map.items()
        for side, part in [joint.split("_", 1)]
    }
