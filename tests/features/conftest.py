"""A motion without a recording: bones that swing smoothly while the body walks along a curve."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from bimotion.motion.skeleton import PARENTS, TARGET_OFFSETS

Make = Callable[..., np.ndarray]


def turned(joints: np.ndarray, angle: np.ndarray | float) -> np.ndarray:
    """Positions turned about +Y by an angle, or by one for each frame."""
    angle = np.asarray(angle)[..., None]
    x, y, z = joints[..., 0], joints[..., 1], joints[..., 2]
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack([x * cos + z * sin, y + 0 * cos, z * cos - x * sin], -1)


@pytest.fixture(scope="session", name="turned")
def turned_fixture() -> Make:
    """`turned(joints, angle)`: see above."""
    return turned


@pytest.fixture(scope="session")
def make_motion() -> Make:
    """`make_motion(frames, seed=0, dtype=float32)`: joints (frames, 22, 3) on the uniform skeleton."""

    def make(num_frames: int, seed: int = 0, dtype: type = np.float32) -> np.ndarray:
        rng = np.random.default_rng(seed)
        time = np.arange(num_frames)[:, None, None] / 20
        swing = 0.35 * np.sin(rng.uniform(1, 4, (22, 3)) * time + rng.uniform(0, 6, (22, 3)))  # (T, 22, 3)
        length = np.linalg.norm(TARGET_OFFSETS, axis=-1)[:, None]
        bones = TARGET_OFFSETS / np.where(length > 0, length, 1) + swing
        bones *= length / np.linalg.norm(bones, axis=-1, keepdims=True)
        joints = np.zeros((num_frames, 22, 3))
        joints[:, 0] = np.concatenate([time[:, 0] * 0.8, 0.9 + 0 * time[:, 0], np.sin(time[:, 0])], -1)
        for joint in range(1, 22):
            joints[:, joint] = joints[:, PARENTS[joint]] + bones[:, joint]
        return turned(joints, 0.4 * time[:, 0, 0]).astype(dtype)

    return make


@pytest.fixture(scope="session")
def published(shared: Path) -> dict[str, np.ndarray]:
    """One published recording, two variations of it, and what the published code makes of them."""
    return load_file(shared / "goldens" / "humanml3d_features.safetensors")


@pytest.fixture(scope="session")
def windows(shared: Path) -> list[tuple[str, bool, np.ndarray, np.ndarray, np.ndarray]]:
    """Windows of recordings: id, whether the facing crosses 180 degrees, joints, features, decoded joints."""
    listed = json.loads((shared / "data" / "reference_features.json").read_text())["clips"]
    with np.load(shared / "data" / "reference_features.npz") as stored:
        return [
            (
                item["id"],
                item["crosses_180"],
                *(stored[f"{item['id']}/{k}"] for k in ("joints", "vecs", "new_joints")),
            )
            for item in listed
        ]
