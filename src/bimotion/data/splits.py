"""Training, validation and test: whole takes, chosen by hash, so that a take is in one split only."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Literal

from bimotion.errors import DataError

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")

TEST_SHARE = 0.12
VAL_SHARE = 0.06
_MIN_FOR_TEST = 3
_MIN_FOR_VAL = 6


def split_takes(takes: Iterable[tuple[str, str]]) -> dict[str, Split]:
    """The split of every take, from (take, group) pairs; a group is a content group within a source.

    The takes of a group are ordered by the SHA-256 of their name. The first 12 % are test (at least one of
    three or more), the next 6 % validation (at least one of six or more), the rest training. The split of a
    take depends on nothing but the names in its group, so the same recordings always split the same way.

    Raises:
        DataError: a take is given with two groups.
    """
    group_of: dict[str, str] = {}
    for take, group in takes:
        if group_of.setdefault(take, group) != group:
            raise DataError(f"take {take!r} has the groups {group_of[take]!r} and {group!r}, expected one")
    members: dict[str, list[str]] = defaultdict(list)
    for take, group in group_of.items():
        members[group].append(take)
    splits: dict[str, Split] = {}
    for names in members.values():
        names.sort(key=lambda name: hashlib.sha256(name.encode()).hexdigest())
        count = len(names)
        num_test = max(round(TEST_SHARE * count), 1 if count >= _MIN_FOR_TEST else 0)
        num_val = max(round(VAL_SHARE * count), 1 if count >= _MIN_FOR_VAL else 0)
        for index, name in enumerate(names):
            splits[name] = "test" if index < num_test else "val" if index < num_test + num_val else "train"
    return splits


def group_takes(takes: Mapping[str, str], together: Iterable[tuple[str, ...]]) -> dict[str, str]:
    """The take of every recording once near duplicates are joined: recording -> take.

    `takes` names the take of each recording; each tuple of `together` lists recordings that must share one.
    A joined take has the alphabetically first name of its members. Recordings not in `takes` are ignored.
    """
    parent = {take: take for take in takes.values()}

    def root(take: str) -> str:
        while parent[take] != take:
            take = parent[take]
        return take

    for group in together:
        roots = sorted({root(takes[recording]) for recording in group if recording in takes})
        for other in roots[1:]:
            parent[other] = roots[0]
    return {recording: root(take) for recording, take in takes.items()}
