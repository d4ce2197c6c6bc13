"""A small made-up data set for the training tests."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bimotion.data.store import Item
from bimotion.features.layout import CONTACTS, FEATURE_DIM, R_VEL, RIC, ROOT_Y
from tests.data.made_up_set import synthetic_item, write_set

CONTENTS = {"walk": "a person walks", "wave": "a person waves", "jump": "a person jumps"}


def synthetic_features(rng: np.random.Generator, frames: int, rate: float) -> np.ndarray:
    """Features of a body that sways: smooth in time, a metre and a half tall, feet that sometimes stand."""
    time = np.arange(frames)[:, None] / 20
    phase = rng.uniform(0, 2 * np.pi, FEATURE_DIM)
    features = 0.05 * np.sin(2 * np.pi * rate * time + phase)
    features[:, RIC] += np.linspace(0, 1.5, 63)
    features[:, ROOT_Y] += 0.9
    features[:, R_VEL] *= 0.2
    features[:, CONTACTS] = features[:, CONTACTS] > 0
    return features.astype(np.float32)


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared data set of 36 training and 9 validation windows in three contents."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    items: list[Item] = []
    rows: list[np.ndarray] = []
    offset = 0
    for number in range(45):
        content = list(CONTENTS)[number % 3]
        frames = int(rng.integers(24, 60))
        rows.append(synthetic_features(rng, frames, 0.5 + number % 3))
        item = synthetic_item(
            id=f"clip{number:02d}#0",
            take=f"take{number:02d}",
            split="val" if number >= 36 else "train",
            content=content,
            label=content,
            gait="none",
            num_frames=frames,
            offset=offset,
            captions=(CONTENTS[content], f"{CONTENTS[content]} slowly"),
        )
        items += [item, replace(item, id=f"{item.id}M", mirrored=True)]
        offset += frames
    write_set(folder, items, rows, fitted=36)
    return folder
