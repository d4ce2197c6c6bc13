"""Trees of joints given by the index of each joint's parent, -1 for roots."""

from collections.abc import Iterable, Sequence


def path_to(parents: Sequence[int], joint: int) -> list[int]:
    """The joint and its ancestors, from the root down."""
    path = []
    while joint >= 0:
        path.append(joint)
        joint = parents[joint]
    return path[::-1]


def common_ancestor(parents: Sequence[int], joints: Iterable[int]) -> int:
    """The lowest joint that is an ancestor of all joints or one of them; -1 under different roots."""
    shared = -1
    for level in zip(
        *(path_to(parents, joint) for joint in joints), strict=False
    ):  # down to the shortest path
        if len(set(level)) > 1:
            break
        shared = level[0]
    return shared


def children_of(parents: Sequence[int]) -> list[list[int]]:
    """Children of each joint."""
    children: list[list[int]] = [[] for _ in parents]
    for joint, parent in enumerate(parents):
        if parent >= 0:
            children[parent].append(joint)
    return children
