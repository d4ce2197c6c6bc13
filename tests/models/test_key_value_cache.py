"""Keys and values of sequences of different lengths."""

import torch

from bimotion.models.branch import MixtureConfig
from bimotion.models.key_value_cache import KeyValueCache


def cache_of(lengths: list[int], room: int = 6) -> KeyValueCache:
    """A cache whose sequences hold their own number as keys and values."""
    config = MixtureConfig(width=8, heads=2, layers=2, ff_width=8)
    cache = KeyValueCache(config, len(lengths), room, torch.device("cpu"), torch.float32)
    cache.filled[:] = torch.tensor(lengths)
    cache.longest, cache.equal_lengths = max(lengths), len(set(lengths)) == 1
    return cache


def test_a_new_position_comes_after_the_end_of_each_sequence() -> None:
    cache = cache_of([2, 4])
    k = torch.ones(2, cache.store.shape[3], 1, cache.store.shape[5])
    keys, values = cache.append(1, k, 2 * k)
    assert keys.shape[2] == 5
    assert [int(row[0].sum(-1).nonzero()) for row in keys] == [2, 4]
    assert float(values[0, 0, 2].sum()) == 2 * k.shape[-1]
    assert not cache.store[0].any()


def test_the_next_token_attends_to_its_own_sequence_and_itself() -> None:
    mask = cache_of([1, 3]).mask()
    assert mask is not None
    assert mask[:, 0, 0].tolist() == [[True, True, False, False], [True] * 4]
    assert cache_of([3, 3]).mask() is None


def test_the_front_of_a_cache_shares_its_memory() -> None:
    cache = cache_of([2, 2, 2])
    front = cache.front(2)
    assert front.store.shape[2] == 2
    front.store[0, 0, 0, 0, 0, 0] = 5
    assert float(cache.store[0, 0, 0, 0, 0, 0]) == 5
    assert not front.equal_lengths
