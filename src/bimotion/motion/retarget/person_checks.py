"""Whether the mapped joints are those of one person: no limb missing, one trunk, no animal."""

import numpy as np

from bimotion.errors import MotionFileError
from bimotion.motion.retarget.joint_mapping import BY_SHAPE, LIMBS, SIDES, JointMapping, listed
from bimotion.motion.retarget.source import SourceSkeleton
from bimotion.motion.retarget.words import split_name


def check_all_limbs(skeleton: SourceSkeleton, where: str, mapping: JointMapping) -> None:
    """Refuses a skeleton in which joints of limbs were not found.

    Raises:
        MotionFileError: joints of `LIMBS` are missing.
    """
    missing = [joint for joint in LIMBS if joint not in mapping.joints]
    if not missing:
        return
    found = ", ".join(f"{joint} = {skeleton.names[index]}" for joint, index in mapping.joints.items())
    raise MotionFileError(
        f"{where}: no person found: no joint for {', '.join(missing)}; found {found or 'none'}; the file has "
        f"{listed(skeleton)}. Name the missing joints with --joint-map (docs/formats.md)"
    )


def check_one_person(skeleton: SourceSkeleton, where: str, mapping: JointMapping) -> None:
    """Refuses limbs that do not hang on one trunk or that share a joint; warns of further skeletons in the file.

    Raises:
        MotionFileError: the joints are not those of one person.
    """
    if len({mapping.joints[joint] for joint in LIMBS}) < len(LIMBS):
        repeated = [
            joint for joint in LIMBS if list(mapping.joints.values()).count(mapping.joints[joint]) > 1
        ]
        raise MotionFileError(
            f"{where}: {', '.join(repeated)} are the same joint of the file; correct the joint map"
        )
    hips = skeleton.common_ancestor([mapping.joints["left_hip"], mapping.joints["right_hip"]])
    shoulders = skeleton.common_ancestor([mapping.joints["left_shoulder"], mapping.joints["right_shoulder"]])
    if hips < 0 or shoulders < 0 or skeleton.common_ancestor([hips, shoulders]) < 0:
        raise MotionFileError(
            f"{where}: legs and arms have different roots; expected one skeleton, whose hips and shoulders are "
            "connected by a spine"
        )
    if skeleton.parents.count(-1) > 1:
        others = [
            skeleton.names[i]
            for i, p in enumerate(skeleton.parents)
            if p < 0 and i not in skeleton.path(hips)
        ]
        if others:
            mapping.warnings.append(
                f"the file has {len(others) + 1} skeletons; the one of {skeleton.names[skeleton.path(hips)[0]]} is "
                "read"
            )


def check_no_animal(skeleton: SourceSkeleton, where: str, mapping: JointMapping) -> None:
    """Refuses four-legged animals and birds, which programs give the names of people.

    Raises:
        MotionFileError: the skeleton is an animal's.
    """
    animal_names = [
        name
        for i, name in enumerate(skeleton.names)
        if i not in skeleton.end_sites
        and "animal" in split_name(name).words
        and _of_limbs(skeleton, mapping, i)
    ]
    if len(animal_names) >= 2:
        raise MotionFileError(
            f"{where}: expected a person's skeleton, got an animal's ({', '.join(animal_names[:3])}); if it is a "
            "person, name its joints with --joint-map"
        )
    rest = skeleton.rest_positions()

    def at(*names: str) -> np.ndarray:
        return np.asarray(np.mean([rest[mapping.joints[name]] for name in names], axis=0))

    def direction(start: np.ndarray, end: np.ndarray) -> np.ndarray:
        return np.asarray((end - start) / max(float(np.linalg.norm(end - start)), 1e-9))

    hips, shoulders = at("left_hip", "right_hip"), at("left_shoulder", "right_shoulder")
    legs = direction(hips, at("left_ankle", "right_ankle"))
    arms = direction(shoulders, at("left_wrist", "right_wrist"))
    trunk = direction(hips, shoulders)
    # standing on hands and feet, trunk level: no program gives a person this rest pose
    if legs @ arms > 0.8 and abs(legs @ trunk) < 0.5 and abs(arms @ trunk) < 0.5:
        tail = next((n for n in skeleton.names if "tail" in split_name(n).words), None)
        raise MotionFileError(
            f"{where}: expected a person's skeleton, got one that stands on four legs in its rest pose"
            f"{f' and has a tail ({tail})' if tail else ''}; if it is a person, name its joints with --joint-map"
        )


def _of_limbs(skeleton: SourceSkeleton, mapping: JointMapping, joint: int) -> bool:
    """Whether a joint is part of the limbs: wings beside the arms of a person make no animal."""
    if min(mapping.confidence[limb] for limb in LIMBS) <= BY_SHAPE:
        return True
    tops = {mapping.joints[f"{side}_{part}"] for side in SIDES for part in ("hip", "shoulder")}
    if tops.intersection(skeleton.path(joint)):
        return True
    return any(joint in skeleton.path(mapping.joints[limb]) for limb in LIMBS)
