import pytest
from hypothesis import given
from hypothesis import strategies as st

from bimotion.data.splits import group_takes, split_takes
from bimotion.errors import DataError

NAMES = st.lists(st.text("abcdef0123", min_size=1, max_size=6), unique=True, max_size=60)


@given(NAMES)
def test_shares_are_those_of_the_rule(names: list[str]) -> None:
    splits = split_takes((name, "walk") for name in names)
    n = len(names)
    counts = [list(splits.values()).count(split) for split in ("test", "val")]
    assert counts == [max(round(0.12 * n), int(n >= 3)), max(round(0.06 * n), int(n >= 6))]
    assert set(splits) == set(names)


@given(NAMES)
def test_the_order_of_takes_does_not_matter(names: list[str]) -> None:
    forwards = split_takes((name, "walk") for name in names)
    assert split_takes((name, "walk") for name in reversed(names)) == forwards


def test_another_group_does_not_change_the_split() -> None:
    walks = [(f"walk_{i}", "walk") for i in range(20)]
    alone = split_takes(walks)
    joined = split_takes([*walks, *((f"run_{i}", "run") for i in range(20))])
    assert {take: joined[take] for take in alone} == alone


def test_a_take_with_two_groups_is_an_error() -> None:
    with pytest.raises(DataError, match="'a' has the groups 'walk' and 'run'"):
        split_takes([("a", "walk"), ("a", "run")])


def test_joined_recordings_share_a_take_also_across_pairs() -> None:
    takes = group_takes({name: name for name in "abcde"}, [("d", "b"), ("b", "c"), ("e", "x")])
    assert takes == {"a": "a", "b": "b", "c": "b", "d": "b", "e": "e"}
