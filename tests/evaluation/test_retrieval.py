import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bimotion.errors import DataError
from bimotion.evaluation.retrieval import distances, filled_groups, retrieval, whole_groups


def test_embeddings_that_are_all_the_same_find_nothing() -> None:
    same = np.ones((64, 8))
    assert retrieval(same, same, whole_groups(np.arange(64))).r_precision == (0, 0, 0)


def test_chance_is_one_two_and_three_of_32() -> None:
    rng = np.random.default_rng(0)
    text, motion = rng.normal(size=(2, 32 * 200, 4))
    got = retrieval(text, motion, whole_groups(np.arange(len(text)))).r_precision
    assert got == pytest.approx((1 / 32, 2 / 32, 3 / 32), abs=0.01)


def test_motions_that_the_text_describes_as_well_count_as_found() -> None:
    text = np.array([[0.0], [10.0], [20.0]])
    motion = np.array([[9.0], [1.0], [20.0]])  # the first two are swapped
    groups = np.array([[0, 1, 2]])
    assert retrieval(text, motion, groups).r_precision[0] == pytest.approx(1 / 3)
    correct = np.zeros((3, 3), dtype=bool)
    correct[0, 1] = correct[1, 0] = True
    assert retrieval(text, motion, groups, correct=correct).r_precision[0] == 1
    assert retrieval(text, motion, groups, correct=correct).mm_dist == pytest.approx(
        6
    )  # of its own, all the same


@given(num=st.integers(1, 200), size=st.integers(1, 40))
def test_filled_groups_count_every_item_once_and_show_none_twice(num: int, size: int) -> None:
    order = np.random.default_rng(num).permutation(num)
    groups, counted = filled_groups(order, size)
    assert sorted(groups[counted]) == list(range(num))
    assert all(len(set(group)) == min(size, num) for group in groups.tolist())


@settings(max_examples=20)
@given(seed=st.integers(0, 2**31))
def test_the_order_within_a_group_does_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    text, motion = rng.normal(size=(2, 64, 5))
    groups = whole_groups(rng.permutation(64))
    shuffled = rng.permuted(groups, axis=1)[::-1]
    a, b = retrieval(text, motion, groups), retrieval(text, motion, shuffled)
    assert a.r_precision == b.r_precision
    assert a.mm_dist == pytest.approx(b.mm_dist)


def test_the_rest_is_dropped_and_too_few_are_refused() -> None:
    assert whole_groups(np.arange(70)).shape == (2, 32)
    with pytest.raises(DataError, match="compares 32 items at a time, the data set has 31"):
        whole_groups(np.arange(31))


def test_distances_are_euclidean() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(7, 3)), rng.normal(size=(5, 3))
    np.testing.assert_allclose(distances(a, b), np.linalg.norm(a[:, None] - b, axis=-1), atol=1e-12)
