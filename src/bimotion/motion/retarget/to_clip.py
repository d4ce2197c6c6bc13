"""Motion on any human skeleton as a clip: 22 SMPL joints in metres, Y up, with the rotations of the file's bones.

Legend: T frames.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from bimotion.motion.clip import Clip
from bimotion.motion.retarget.joint_mapping import JointMapping
from bimotion.motion.retarget.kept_rotations import kept_rotations
from bimotion.motion.retarget.mapping import map_joints
from bimotion.motion.retarget.placement import find_holders, joint_positions, spine_bones, used_bones
from bimotion.motion.retarget.source import SourceMotion
from bimotion.motion.retarget.stance import find_stance, rest_axes, top_joint
from bimotion.motion.retarget.units import ADULT, Unit, find_unit, unit_named, unit_text
from bimotion.motion.retarget.up_axis import UpAxis, find_up, z_up_to_y_up
from bimotion.motion.skeleton import JOINT_NAMES

_FLOOR_SLACK = 0.5
"""A body whose lowest point is farther than this from y = 0, in metres, is put on the floor: some exports measure the
root from its position in the rest pose."""


@dataclass(frozen=True)
class Interpretation:
    """How a file was understood, for `bimotion info` and for warnings."""

    family: str
    joints: dict[str, str]
    """Names in the file by ours; joints that the file lacks are computed."""
    confidence: dict[str, float]
    """Confidence in each joint, 0 to 1."""
    unit: Unit
    up: UpAxis
    warnings: tuple[str, ...] = ()
    animations: tuple[str, ...] = ()
    """Names of all animations of the file, of formats that have several."""


def motion_to_clip(
    source: SourceMotion,
    *,
    where: str,
    name: str = "",
    joint_map: Mapping[str, str] | None = None,
    unit: str | None = None,
    up: str | None = None,
) -> tuple[Clip, Interpretation]:
    """The clip of a recorded motion and how it was understood; `where` precedes the text of errors.

    Raises:
        MotionFileError: the skeleton is not a person's, or its unit cannot be found.
    """
    source = source.with_moving_bones()
    mapping = map_joints(source, where, joint_map)
    spine = spine_bones(source.skeleton, mapping)
    bones = used_bones(source.skeleton, mapping, spine)
    source.compute(bones)
    up_axis = UpAxis(up, "--up") if up else _find_up(source, mapping)
    stance = find_stance(source, mapping.joints, bones, mapping.family, up_axis.vector(), spine[0])
    holders = find_holders(source, mapping, spine, stance, up_axis.vector())
    positions = joint_positions(source, holders)
    z_up = up_axis.axis == "z"
    rotations = kept_rotations(source, mapping, spine, stance, positions, z_up=z_up)
    found = _unit(source, mapping, positions, unit, where)
    positions = positions * found.metres
    if z_up:
        positions = z_up_to_y_up(positions)
    lowest = np.percentile(positions[..., 1].min(-1), 1)
    if not mapping.family.complete and abs(lowest) > _FLOOR_SLACK:
        positions[..., 1] -= lowest
    clip = Clip(positions.astype(np.float32), source.fps, rotations, name=name, caption=source.caption)
    warnings = (*source.notes, *mapping.warnings, *(doubt for doubt in (up_axis.doubt, found.doubt) if doubt))
    return clip, _interpretation(source, mapping, found, up_axis, warnings)


def _interpretation(
    source: SourceMotion, mapping: JointMapping, unit: Unit, up: UpAxis, warnings: tuple[str, ...]
) -> Interpretation:
    order = [joint for joint in JOINT_NAMES if joint in mapping.joints]
    return Interpretation(
        mapping.family.name,
        {joint: source.skeleton.names[mapping.joints[joint]] for joint in order},
        {joint: mapping.confidence[joint] for joint in order},
        unit,
        up,
        warnings,
        source.animations,
    )


def _find_up(source: SourceMotion, mapping: JointMapping) -> UpAxis:
    if source.up is not None:
        return UpAxis(source.up, "the format")
    joints = mapping.joints
    points = {
        f"{side}_{part}": source.world(joints[f"{side}_{part}"])[0]
        for side in ("left", "right")
        for part in ("hip", "ankle", "wrist")
    }
    points["top"] = np.mean([source.world(joints[joint])[0] for joint in top_joint(joints)], axis=0)
    axes = rest_axes(source.skeleton, joints)
    return find_up(points, None if axes is None else axes[1])


def _unit(
    source: SourceMotion,
    mapping: JointMapping,
    positions: Float[np.ndarray, "T 22 3"],
    unit: str | None,
    where: str,
) -> Unit:
    body = body_length(positions)
    if unit is not None:
        return unit_named(unit, where, body)
    if source.metres is not None:
        if 0.35 < source.metres * body / ADULT < 2.0:
            return Unit(f"{source.metres:.6g} m, as the format says", source.metres)
        found = find_unit(body, where)
        doubt = (
            f"by the file's unit of {source.metres:.6g} m the person would be {1.29 * source.metres * body:.4g} m "
            "tall; "
            f"{unit_text(found.name)} is assumed; if that is wrong, use --unit"
        )
        return Unit(found.name, found.metres, doubt)
    return find_unit(body, where, vicon=mapping.family.vicon_unit)


def body_length(joints: Float[np.ndarray, "T 22 3"]) -> float:
    """Median length from ankle over knee and hip to the neck, along the bones."""

    def length(a: str, b: str) -> float:
        bone = joints[:, JOINT_NAMES.index(a)] - joints[:, JOINT_NAMES.index(b)]
        return float(np.median(np.linalg.norm(bone, axis=-1)))

    legs = [length(f"{s}_hip", f"{s}_knee") + length(f"{s}_knee", f"{s}_ankle") for s in ("left", "right")]
    hips = (joints[:, 1] + joints[:, 2]) / 2
    trunk = np.linalg.norm(joints[:, JOINT_NAMES.index("neck")] - hips, axis=-1)
    return sum(legs) / 2 + float(np.median(trunk))
