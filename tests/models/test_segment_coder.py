import pytest
import torch
from torch import Tensor

from bimotion.errors import ConfigError
from bimotion.models.segment_coder import SegmentCoder, SegmentConfig

CONFIG = SegmentConfig(feature_dim=6, frames=10, overlap=4, cosines=14, pose_axes=6, values=84, rank=84)


def waves(frames: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(frames, 6, generator=generator).cumsum(0)


@pytest.fixture(scope="module")
def coder() -> SegmentCoder:
    coder = SegmentCoder(CONFIG)
    motions = [waves(200, seed) for seed in range(8)]
    segments = torch.cat([coder.split(motion) for motion in motions])
    after = torch.cat([coder.split(motion)[1:] for motion in motions])
    before = torch.cat([coder.split(motion)[:-1] for motion in motions])
    coder.fit(list(segments), (before, after), torch.ones(6))
    return coder


def test_all_values_rebuild_a_motion_of_any_length(coder: SegmentCoder) -> None:
    for frames in (14, 15, 103):
        motion = waves(frames, 99)
        rebuilt = coder.join(coder.decode(coder.encode(coder.split(motion))))[:frames]
        torch.testing.assert_close(rebuilt, motion, atol=2e-3, rtol=1e-3)


def test_segments_that_agree_where_they_overlap_join_to_the_motion_they_were_cut_from() -> None:
    coder, motion = SegmentCoder(CONFIG), waves(54, 1)
    torch.testing.assert_close(coder.join(coder.split(motion)), motion)


def test_an_innovation_is_what_a_latent_adds_to_the_one_before(coder: SegmentCoder) -> None:
    latents = coder.encode(coder.split(waves(104, 5)))
    before = torch.cat((torch.zeros_like(latents[:1]), latents[:-1]))
    first = torch.arange(len(latents)) == 0
    innovation = coder.innovation(latents, before, first)
    torch.testing.assert_close(coder.latent(innovation, before, first), latents, atol=2e-3, rtol=1e-3)


def test_what_the_end_of_a_segment_determines_is_hardly_drawn_again(coder: SegmentCoder) -> None:
    motion = waves(104, 7)
    latents = coder.encode(coder.split(motion))
    predicted = coder.decode(latents[:-1] @ coder.prediction.T)
    true = coder.split(motion)[1:]
    shared, new = (
        (predicted[:, part] - true[:, part]).square().mean() for part in (slice(0, 4), slice(10, 14))
    )
    assert shared < 0.05 * new


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"overlap": 10}, "overlap must lie below frames"), ({"rank": 90}, "rank <= values")],
)
def test_sizes_that_do_not_fit_are_refused(changes: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SegmentConfig(**{**vars(CONFIG), **changes})
