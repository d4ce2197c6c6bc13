"""Data sets of made-up windows, as `prepare` writes them."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bimotion.data.store import Item, write_index
from bimotion.features.normalise import FeatureStats

WALK = Item(
    id="clip#0",
    take="clip",
    split="test",
    source="made-up",
    content="walk",
    label="walk",
    style="none",
    side="none",
    gait="walk",
    start=0,
    num_frames=30,
    offset=0,
    mirrored=False,
    text=True,
    captions=("a person walks.",),
    licence="none",
)


def synthetic_item(**changes: Any) -> Item:
    """A window of a walk with other values in some fields."""
    return replace(WALK, **changes)


def write_set(
    folder: Path, items: Sequence[Item], features: Sequence[np.ndarray], fitted: int | None = None
) -> None:
    """Write windows as a data set: the features of all, and statistics of the first `fitted`; None: of all."""
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "features.npy", np.concatenate(features))
    write_index(list(items), folder / "index.jsonl")
    FeatureStats.of(iter(features[:fitted])).save(folder / "stats.npz")
    (folder / "meta.json").write_text(json.dumps({"version": 2, "fingerprint": "made-up"}), encoding="utf-8")
