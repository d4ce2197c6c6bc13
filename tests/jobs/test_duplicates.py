import numpy as np

from bimotion.features.clips import clip_to_features
from bimotion.jobs.duplicates import find_duplicates
from bimotion.motion.clip import Clip


def wandering(walk: Clip, seed: int) -> Clip:
    """Six seconds whose elbows and wrists go as no others do."""
    rng = np.random.default_rng(seed)
    joints = np.concatenate([walk.joints[:40] + [0, 0, 2 * index] for index in range(3)])
    time = np.linspace(0, 1, len(joints))[:, None, None]
    joints[:, 18:] += sum(
        rng.normal(0, 0.15, (1, 4, 3)) * np.sin((k + 1) * 5 * time + rng.uniform(0, 6)) for k in range(4)
    )
    return Clip(joints.astype(np.float32), walk.fps)


def test_copies_crops_and_mirror_images_are_found_and_others_are_not(walk: Clip) -> None:
    take, other = wandering(walk, 0), wandering(walk, 1)
    cosine, sine = np.cos(1.0), np.sin(1.0)
    turn = np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])
    elsewhere = Clip((take.joints @ turn.T + [3, 0, 1]).astype(np.float32), take.fps)
    clips = {
        "take": take,
        "other": other,
        "moved at 30": elsewhere.resample(30),
        "crop": take[30:90],
        "mirror": take[:100].mirror(),
        "short": take[:8],
    }
    found = find_duplicates({name: clip_to_features(clip) for name, clip in clips.items()})
    pairs = {frozenset((each.first, each.second)): each for each in found}
    assert {frozenset(("take", name)) for name in ("moved at 30", "crop", "mirror")} <= pairs.keys()
    assert not any("other" in pair or "short" in pair for pair in pairs)
    assert pairs[frozenset(("take", "crop"))].start == 1.5
    assert pairs[frozenset(("take", "mirror"))].mirrored
    assert not pairs[frozenset(("take", "crop"))].mirrored
