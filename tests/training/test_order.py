"""Which clips a step sees."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from bimotion.data.store import MotionStore
from bimotion.errors import ConfigError
from bimotion.training.order import BatchOrder, OrderConfig
from bimotion.training.task import Shard


def order(data: Path, *, batch_size: int = 4, shard: Shard | None = None, **options: float) -> BatchOrder:
    items = MotionStore.open(data).items("train")
    config = OrderConfig(**options)  # type: ignore[arg-type]
    return BatchOrder(items, config, batch_size=batch_size, seed=3, shard=shard or Shard())


def test_the_order_goes_on_from_any_place(data: Path) -> None:
    whole = order(data)
    for _ in range(25):  # into the second epoch
        whole.next()
    resumed = order(data)
    resumed.restore(whole.state())
    for _ in range(30):
        a, b = whole.next(), resumed.next()
        for name in ("indices", "starts", "lengths", "seeds"):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


def test_processes_share_out_the_batch_of_one_process(data: Path) -> None:
    one = order(data, batch_size=8)
    two = [order(data, batch_size=4, shard=Shard(rank, 2)) for rank in range(2)]
    for _ in range(12):
        whole, parts = one.next(), [each.next() for each in two]
        np.testing.assert_array_equal(
            np.sort(whole.indices), np.sort(np.concatenate([p.indices for p in parts]))
        )
        np.testing.assert_array_equal(whole.lengths[0::2], parts[0].lengths)


def test_an_epoch_shows_every_clip_once_without_balance(data: Path) -> None:
    draws = order(data, balance=0.0)
    seen = Counter(index for _ in range(18) for index in draws.next().indices.tolist())
    assert set(seen.values()) == {1}
    assert len(seen) == 72


def test_pieces_lie_within_their_clips(data: Path) -> None:
    draws = order(data, crop_probability=1.0, min_frames=10)
    for _ in range(18):
        draw = draws.next()
        whole = draws.lengths[draw.indices]
        assert (draw.lengths >= 10).all()
        assert (draw.starts >= 0).all()
        assert (draw.starts + draw.lengths <= whole).all()


def test_settings_out_of_bounds_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"balance must lie in 0\.\.1, got 2"):
        OrderConfig(balance=2.0)
