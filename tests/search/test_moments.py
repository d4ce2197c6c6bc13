from pathlib import Path

import numpy as np
import pytest

import bimotion
from bimotion.evaluators.embedding import read_embedder
from bimotion.features.clips import clip_to_features
from bimotion.motion.clip import Clip
from bimotion.search.library import Library
from bimotion.search.moments import best_moment, moments


def long_walk(walk: Clip) -> Clip:
    """Ten seconds that are different everywhere."""
    rng = np.random.default_rng(0)
    joints = np.concatenate([walk.joints[:40] + [0, 0, index * 2] for index in range(5)]).astype(np.float32)
    joints[:, 16:] += rng.normal(0, 0.3, (1, 6, 3)) * np.linspace(0, 1, len(joints))[:, None, None]
    return Clip(joints.astype(np.float32), walk.fps)


def test_the_moment_that_is_looked_for_is_found(judge: Path, walk: Clip) -> None:
    features = clip_to_features(long_walk(walk))
    embedder = read_embedder(judge)
    query = np.asarray(embedder.embed_motions([features[70:120]])[0])
    assert best_moment(features, (30, 150), query, embedder) == (70, 120, pytest.approx(1, abs=1e-4))


def test_moments_lie_within_their_bounds_and_reach_both() -> None:
    found = moments(7, 128)
    assert min(start for start, _ in found) == 7
    assert max(stop for _, stop in found) == 128
    assert {stop - start for start, stop in found} == {30, 50, 80, 120}
    assert moments(5, 20) == [(5, 20)]


def test_a_library_finds_moments_inside_its_recordings(judge: Path, walk: Clip, tmp_path: Path) -> None:
    bimotion.save_clip(long_walk(walk), tmp_path / "long.npz")
    library = Library(tmp_path, evaluator=judge)
    (piece,), (moment,) = library.search("a person walks"), library.moments("a person walks")
    assert moment.cosine >= piece.cosine - 1e-3
    assert moment.stop - moment.start >= 0.8
    assert moment.path == piece.path
