"""Unit and up axis of motions that are stored as arrays of positions. Legend: T frames."""

from dataclasses import replace

import numpy as np

from bimotion.motion.clip import Clip
from bimotion.motion.formats.layouts import check_bones
from bimotion.motion.retarget.to_clip import Interpretation, body_length
from bimotion.motion.retarget.units import Unit, find_unit, unit_named
from bimotion.motion.retarget.up_axis import UpAxis, find_up, z_up_to_y_up
from bimotion.motion.skeleton import JOINT_NAMES


def settle_positions(
    clip: Clip,
    where: str,
    *,
    unit: str | None = None,
    up: str | None = None,
    in_metres: bool = False,
    notes: tuple[str, ...] = (),
    family: str = "SMPL's joints by their order",
) -> tuple[Clip, Interpretation]:
    """The clip in metres with Y up, and what was found; `in_metres` says that the format defines both.

    Raises:
        MotionFileError: the joints are not a body's, or do not have the size of a person.
    """
    joints = clip.joints.astype(np.float64)
    if in_metres:
        up_axis = UpAxis("y" if up is None else up, "the format")
    else:
        check_bones(joints, where)
        points = {
            name: joints[:, JOINT_NAMES.index(name)]
            for side in ("left", "right")
            for name in (f"{side}_hip", f"{side}_ankle", f"{side}_wrist")
        }
        points["top"] = joints[:, JOINT_NAMES.index("neck")]
        up_axis = find_up(points, None, needs_floor=True) if up is None else UpAxis(up, "--up")
    if unit is not None:
        found = unit_named(unit, where, body_length(joints))
    else:
        found = Unit("m", 1.0) if in_metres else find_unit(body_length(joints), where)
    turned = up_axis.axis == "z" and (up is not None or not in_metres)
    if turned and up is None:
        notes = (
            *notes,
            "the motion stands along Z, which is taken as up and turned to Y; if that is wrong, use --up y",
        )
    if found.metres != 1:
        joints = joints * found.metres
    if turned:
        joints = z_up_to_y_up(joints)
    if turned or found.metres != 1:
        rotations = None if turned else clip.rotations
        clip = replace(clip, joints=joints.astype(np.float32), rotations=rotations)
    warnings = (*notes, *((found.doubt,) if found.doubt else ()))
    names = {joint: joint for joint in JOINT_NAMES}
    interpretation = Interpretation(family, names, dict.fromkeys(JOINT_NAMES, 1.0), found, up_axis, warnings)
    return clip, interpretation
