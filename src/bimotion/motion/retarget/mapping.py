"""Mapping from the joints of a file to the 22: by a joint map, by names, or by the shape of the skeleton."""

import re
from collections.abc import Mapping
from dataclasses import replace

from bimotion.errors import MotionFileError
from bimotion.motion.retarget.families import find_family, plain_name
from bimotion.motion.retarget.joint_mapping import BY_SHAPE, BY_WORD_IN_DOUBT, LIMBS, JointMapping, listed
from bimotion.motion.retarget.limb_mapping import add_limbs_by_name, add_limbs_by_shape
from bimotion.motion.retarget.parts import is_head, is_neck
from bimotion.motion.retarget.person_checks import check_all_limbs, check_no_animal, check_one_person
from bimotion.motion.retarget.source import SourceMotion, SourceSkeleton
from bimotion.motion.retarget.words import split_name

_FEW = 6
"""With this many names or fewer, a shared word may be chance."""
_FIRST_WORD, _LAST_WORD = re.compile(r"^[^\W_]+[_ .:|-]+(?=\w)"), re.compile(r"(?<=\w)[_ .:|-]+[^\W_]+$")


def map_joints(source: SourceMotion, where: str, joint_map: Mapping[str, str] | None = None) -> JointMapping:
    """The joints of a skeleton by our names; `joint_map` are those that the user named.

    Raises:
        MotionFileError: no person was found in the skeleton, or a joint named by the user is not in it.
    """
    skeleton = source.skeleton
    mapping = JointMapping()
    source = replace(source, skeleton=replace(skeleton, names=without_shared_words(skeleton)))
    for joint, name in (joint_map or {}).items():
        mapping.add(joint, _mapped_joint(skeleton, where, joint, name), 1.0)
        mapping.from_user.add(joint)
    add_limbs_by_name(source.skeleton, mapping)
    add_limbs_by_shape(source, mapping)
    check_all_limbs(skeleton, where, mapping)
    check_one_person(skeleton, where, mapping)
    _trunk(source.skeleton, mapping)
    if not joint_map:
        check_no_animal(source.skeleton, where, mapping)
    mapping.family = find_family(skeleton.names, mapping.joints)
    _family_joints(skeleton, mapping)
    if not mapping.family.complete:
        for joint in {"pelvis", "spine1", "spine2", "spine3"} - mapping.from_user:
            mapping.joints.pop(joint, None)
    doubtful = [j for j in LIMBS if mapping.confidence[j] <= BY_SHAPE]
    if doubtful:
        found = ", ".join(f"{joint} = {skeleton.names[mapping.joints[joint]]}" for joint in doubtful)
        mapping.warnings.append(
            f"joint names are not clear; chosen by the shape of the skeleton: {found}; use --joint-map if that is wrong"
        )
    return mapping


def without_shared_words(skeleton: SourceSkeleton) -> tuple[str, ...]:
    """The names without a first and a last word that all share, such as `Ctrl_`, which says nothing about a joint."""
    names = list(skeleton.names)
    for pattern in (_FIRST_WORD, _LAST_WORD):
        shared = {
            match[0] if (match := pattern.search(name)) else ""
            for joint, name in enumerate(names)
            if joint not in skeleton.end_sites
        }
        if len(shared) == 1 and len(names) > _FEW and "" not in shared:
            names = [pattern.sub("", name) for name in names]
    return tuple(names)


def _mapped_joint(skeleton: SourceSkeleton, where: str, joint: str, name: str) -> int:
    if name in skeleton.names:
        return skeleton.names.index(name)
    plain = [plain_name(candidate) for candidate in skeleton.names]
    if plain_name(name) in plain and plain_name(name):
        return plain.index(plain_name(name))
    raise MotionFileError(
        f"{where}: {name!r} (joint map: {joint}) is not in the file, which has {listed(skeleton)}"
    )


def _trunk(skeleton: SourceSkeleton, mapping: JointMapping) -> None:
    """Adds neck and head, and the torso's joints where they are named like SMPL's."""
    joints = mapping.joints
    chest = skeleton.common_ancestor([joints["left_shoulder"], joints["right_shoulder"]])
    words = [split_name(name) for name in skeleton.names]
    above = [i for i in range(len(words)) if chest in skeleton.path(i)[:-1]]
    limb_joints = {index for joint, index in joints.items() if joint.startswith(("left_", "right_"))}
    free = [
        i for i in above if not limb_joints.intersection(skeleton.path(i)) and i not in skeleton.end_sites
    ]
    named_head = next((i for i in free if is_head(words[i])), None)
    neck = next((i for i in free if is_neck(words[i])), None)
    if neck is not None:
        mapping.add("neck", neck, 1.0)
    head = named_head
    if head is None:
        start = neck if neck is not None else chest
        head = _end_of_chain(skeleton, [i for i in free if start in skeleton.path(i)[:-1]], start)
    if head is not None and head != neck:
        path = skeleton.path(head)
        between = path[path.index(chest) + 1 : -1]
        if neck is None and between:
            mapping.add("neck", between[0], BY_WORD_IN_DOUBT if named_head is not None else BY_SHAPE)
        if named_head is None and neck is None and not between:
            mapping.add("neck", head, BY_SHAPE)
        else:
            mapping.add("head", head, 1.0 if named_head is not None else BY_SHAPE)
    if "neck" not in joints:
        mapping.warnings.append("no neck joint; neck and head are placed above the shoulders")
    _named_torso(skeleton, mapping)


def _end_of_chain(skeleton: SourceSkeleton, free: list[int], start: int) -> int | None:
    """The first joint after `start` of the chain with the most joints, the second where that chain has two."""
    deepest = max(free, key=lambda i: len(skeleton.path(i)), default=None)
    if deepest is None:
        return None
    path = skeleton.path(deepest)
    chain = path[path.index(start) + 1 :]
    return chain[-1] if len(chain) <= 2 else chain[1]


def _named_torso(skeleton: SourceSkeleton, mapping: JointMapping) -> None:
    """Adds pelvis and three spine joints that have SMPL's own names."""
    targets = {
        "pelvis": ("pelvis", None),
        "spine1": ("spine", 1),
        "spine2": ("spine", 2),
        "spine3": ("spine", 3),
    }
    neck = mapping.joints.get("neck", mapping.joints["left_shoulder"])
    path = skeleton.path(neck)
    for joint, (word, number) in targets.items():
        for index in path:
            words = split_name(skeleton.names[index])
            if words.words - {"root"} == {word} and (number is None or words.number == number):
                mapping.add(joint, index, 1.0)
                break


def _family_joints(skeleton: SourceSkeleton, mapping: JointMapping) -> None:
    """Takes the joints that the family's data sets use where several are possible."""
    plain = [plain_name(name) for name in skeleton.names]
    for joint, name in mapping.family.joints.items():
        if joint not in mapping.from_user and plain_name(name) in plain:
            mapping.joints[joint], mapping.confidence[joint] = plain.index(plain_name(name)), 1.0
