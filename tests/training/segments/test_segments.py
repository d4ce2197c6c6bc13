from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from bimotion.data.store import Event, Item, MotionStore
from bimotion.models.segment_weights import load_segments
from bimotion.training.command import parse_stage, run_stage
from bimotion.training.logs import read_log
from bimotion.training.segments.takes import Take, draw_run, read_takes
from tests.data.made_up_set import synthetic_item, write_set

from ..conftest import synthetic_features

SIZES = [
    "--segment.cosines",
    "6",
    "--segment.pose-axes",
    "8",
    "--segment.values",
    "12",
    "--segment.rank",
    "10",
]


@pytest.fixture(scope="module")
def takes_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recordings of two windows each, with a phrase for every second."""
    folder, rng = tmp_path_factory.mktemp("takes"), np.random.default_rng(0)
    items: list[Item] = []
    rows: list[np.ndarray] = []
    for number in range(6):
        for window in range(2):
            rows.append(synthetic_features(rng, 120, 1.0))
            events = tuple(Event(float(second), second + 1.0, f"does {second}") for second in range(6))
            items.append(
                synthetic_item(
                    id=f"take{number}#0{window}",
                    take=f"take{number}",
                    split="val" if number == 5 else "train",
                    gait="none",
                    start=120 * window,
                    num_frames=120,
                    offset=120 * (2 * number + window),
                    captions=("a person walks", "a person walks slowly"),
                    events=events,
                )
            )
    write_set(folder, items, rows)
    return folder


@pytest.fixture(scope="module")
def take(takes_data: Path) -> Take:
    store = MotionStore.open(takes_data)
    return read_takes(store, store.items("train"), store.stats, 52)[0]


def test_windows_that_follow_each_other_are_one_take_with_all_that_is_said_of_it(take: Take) -> None:
    assert take.features.shape == (240, 263)
    assert len(take.intervals) == 2 * (1 + 6)
    assert {(each.start, each.end) for each in take.intervals if len(each.texts) == 2} == {
        (0, 120),
        (120, 240),
    }
    assert (140, 160) in {(each.start, each.end) for each in take.intervals}


def test_a_gap_between_windows_ends_a_take(takes_data: Path) -> None:
    store = MotionStore.open(takes_data)
    items = [
        replace(item, start=item.start + 10) if item.id.endswith("#01") else item
        for item in store.items("train")
    ]
    assert [len(take.features) for take in read_takes(store, items, store.stats, 52)] == [120] * 10


def test_each_segment_of_a_run_has_a_phrase_that_goes_on_in_it(take: Take) -> None:
    for seed in range(30):
        run = draw_run(take, 4, 40, 52, np.random.default_rng(seed))
        assert run.segments.shape[1:] == (52, 263)
        assert len(run.segments) == len(run.texts) == len(run.elapsed) == len(run.remaining)
        assert all(run.texts)
        assert all(elapsed >= -16 for elapsed in run.elapsed)
        assert all(remaining >= 12 for remaining in run.remaining)


def train(data: Path, base: Path, out: Path, steps: int, *more: str) -> None:
    args = ["--data", str(data), "--out", str(out), "--text-from", str(base), "--steps", str(steps)]
    args += [
        "--batch-size",
        "4",
        "--context",
        "2",
        "--validate-every",
        "2",
        "--no-tensorboard",
        *SIZES,
        *more,
    ]
    run_stage(parse_stage("segments", [*args, "--log-every", "1", "--precision", "fp32"], "train"))


def test_a_resumed_run_is_the_run_that_was_never_stopped(
    takes_data: Path, micro_folder: Path, tmp_path: Path
) -> None:
    train(takes_data, micro_folder, tmp_path / "whole", 4)
    train(takes_data, micro_folder, tmp_path / "parts", 4, "--max-minutes", "1e-9")
    train(takes_data, micro_folder, tmp_path / "parts", 4, "--resume")
    whole, parts = (
        [event["diffusion"] for event in read_log(tmp_path / name, "train")] for name in ("whole", "parts")
    )
    assert whole == parts
    assert len(whole) == 4
    first, second = (load_segments(tmp_path / name / "model") for name in ("whole", "parts"))
    for name, value in first.state_dict().items():
        torch.testing.assert_close(second.state_dict()[name], value, rtol=0, atol=0)
    assert first.config.context == 2
