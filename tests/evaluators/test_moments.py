"""Moments of a motion: found, ordered, and put together from parts."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bimotion.data.window_features import Features
from bimotion.evaluators.contrastive import EVALUATOR_SIZES, ContrastiveEvaluator
from bimotion.evaluators.embedding import Embeddings, read_embedder
from bimotion.evaluators.moments import Moments, PartsEmbedder, moments_of

AXES = np.eye(6, dtype=np.float32)


def motion(*lengths: int, noise: float = 0.3) -> Moments:
    """A motion that shows a different axis for so many parts each."""
    rng = np.random.default_rng(0)
    parts = np.concatenate([np.tile(AXES[axis], (length, 1)) for axis, length in enumerate(lengths)])
    return Moments(parts + rng.normal(0, noise, parts.shape), 4, 4 * len(parts) - 1)


@given(st.lists(st.integers(5, 20), min_size=2, max_size=5), st.data())
def test_a_phrase_is_found_where_it_is_shown(lengths: list[int], data: st.DataObject) -> None:
    axis = data.draw(st.integers(0, len(lengths) - 1))
    start, stop, cosine = motion(*lengths, noise=0.1).best(AXES[axis])
    true = 4 * sum(lengths[:axis]), 4 * sum(lengths[: axis + 1])
    assert abs(start - true[0]) <= 8
    assert abs(stop - true[1]) <= 8
    assert cosine > 0.8


@given(st.lists(st.integers(5, 20), min_size=2, max_size=5))
def test_phrases_in_order_are_cut_where_they_change(lengths: list[int]) -> None:
    moments = motion(*lengths, noise=0.1)
    phrases = AXES[: len(lengths)]
    cuts, cosines = moments.in_order(phrases)
    # a mean over a long moment hardly changes with a part of another one
    np.testing.assert_allclose(cuts, np.cumsum([0, *lengths]), atol=3)
    assert cosines.min() > 0.8
    assert moments.in_order(phrases[::-1])[1].mean() < cosines.mean() - 0.2


def test_a_motion_shorter_than_its_phrases_shows_none_of_them() -> None:
    cuts, cosines = Moments(np.ones((2, 6)), 4, 8).in_order(AXES[:3])
    assert cuts[-1] == 2
    assert cosines.tolist() == [-1, -1, -1]
    assert Moments(np.ones((1, 6)), 4, 3).best(AXES[0])[:2] == (0, 3)


@torch.no_grad()
def test_the_mean_of_all_parts_is_the_motion() -> None:
    torch.manual_seed(0)
    network = ContrastiveEvaluator(EVALUATOR_SIZES["micro"]).eval()
    lengths = torch.tensor([40, 18])
    features = torch.randn(2, 40, 263)
    parts = network.motion_parts(features, lengths)
    whole = network.embed_motion(features, lengths)
    assert parts.mask.sum(1).tolist() == [10, 5]
    rows = torch.tensor([0, 1])
    moments = parts.moments(rows, torch.zeros_like(rows), torch.tensor([10, 5]))
    torch.testing.assert_close(moments, whole, rtol=0, atol=1e-5)


class Counting:
    """Parts are their own number in the recording, read from the first feature column."""

    kind, max_frames, frames_per_part = "contrastive", 40, 4
    tagged: dict[str, list[str]] = {}

    def embed_texts(self, captions: list[str]) -> Embeddings:
        raise NotImplementedError

    def embed_motions(self, motions: list[Features]) -> Embeddings:
        raise NotImplementedError

    def motion_parts(self, motions: list[Features]) -> list[Embeddings]:
        assert all(len(each) <= 40 for each in motions)
        return [np.array([[each[at, 0]] for at in range(0, len(each), 4)]) for each in motions]


@pytest.mark.parametrize("frames", [3, 40, 41, 79, 203])
def test_a_long_motion_is_read_in_pieces_without_gaps(frames: int) -> None:
    features = np.zeros((frames, 263), np.float32)
    features[:, 0] = np.arange(frames)
    (found,) = moments_of(Counting(), [features])  # type: ignore[arg-type]
    np.testing.assert_array_equal(found.parts[:, 0], np.arange(0, frames, 4))


def test_the_bundled_evaluator_embeds_parts() -> None:
    assert isinstance(read_embedder(None), PartsEmbedder)
