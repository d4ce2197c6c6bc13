"""Checkpoints are whole or not there."""

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bimotion.errors import DataError
from bimotion.storage.records import record_from_json
from bimotion.training.checkpoints import (
    Checkpoint,
    RandomState,
    list_checkpoints,
    load_checkpoint,
    loop_state,
    random_state,
    restore_random_state,
    save_checkpoint,
)

CPU = torch.device("cpu")


def checkpoint(step: int) -> Checkpoint:
    return Checkpoint(step, {"model": {"w": torch.full((2,), float(step))}}, {"batches": {"place": step}})


def test_a_checkpoint_reads_back_and_only_the_newest_are_kept(tmp_path: Path) -> None:
    for step in (5, 10, 15):
        save_checkpoint(tmp_path, checkpoint(step), keep=2)
    assert [path.name for path in list_checkpoints(tmp_path)] == ["step-00000010", "step-00000015"]
    read = load_checkpoint(list_checkpoints(tmp_path)[-1])
    assert read.step == 15
    assert read.state == {"batches": {"place": 15}}
    assert torch.equal(read.tensors["model"]["w"], torch.full((2,), 15.0))


def test_what_a_killed_run_left_is_no_checkpoint(tmp_path: Path) -> None:
    partial = tmp_path / ".partial-step-00000020"
    partial.mkdir()
    (partial / "model.safetensors").write_bytes(b"half")
    assert list_checkpoints(tmp_path) == []
    save_checkpoint(tmp_path, checkpoint(20), keep=2)
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000020"]


def test_a_failure_while_writing_leaves_the_old_checkpoint(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, checkpoint(1), keep=1)
    with pytest.raises(TypeError):
        save_checkpoint(tmp_path, Checkpoint(2, {}, {"no JSON": object()}), keep=1)
    assert [path.name for path in list_checkpoints(tmp_path)] == ["step-00000001"]


def test_a_broken_checkpoint_says_what_to_do(tmp_path: Path) -> None:
    folder = save_checkpoint(tmp_path, checkpoint(1), keep=1)
    (folder / "state.json").write_text("{")
    with pytest.raises(DataError, match=r"step-00000001: this checkpoint is damaged .*starts anew"):
        load_checkpoint(folder)
    newer = save_checkpoint(tmp_path, checkpoint(2), keep=2)
    (newer / "model.safetensors").write_bytes(b"cut")
    with pytest.raises(DataError, match=r"step-00000002: .*damaged .*continues from step-00000001"):
        load_checkpoint(newer)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batches": {"epoch": 10**12}}, "epoch is 1000000000000 at step 3"),
        ({"batches": {"epoch": "x"}}, "batches"),
        ({"world": None}, "world: expected `int`, got `null`"),
        ({"random": {"0": {"numpy": [], "python": []}}}, "numpy"),
        ({"other": 1}, "unknown settings other"),
    ],
)
def test_impossible_states_are_refused(change: dict[str, Any], message: str) -> None:
    tensors, values = random_state(CPU)
    state: dict[str, Any] = {
        "optimiser": {},
        "random": {"0": values},
        "batches": {"epoch": 1, "place": 2},
        "world": 1,
    }
    assert loop_state(Checkpoint(3, {}, json.loads(json.dumps(state)))).batches == state["batches"]
    with pytest.raises(DataError, match=message):
        loop_state(Checkpoint(3, {}, json.loads(json.dumps(state | change))))


def test_all_random_generators_go_on_where_they_stood(tmp_path: Path) -> None:
    def draw() -> tuple[list[float], float, float]:
        return torch.rand(3).tolist(), float(np.random.rand()), random.random()  # noqa: NPY002

    np.random.standard_normal()  # noqa: NPY002 - leaves half a pair behind, which is state as well
    tensors, values = random_state(CPU)
    folder = save_checkpoint(tmp_path, Checkpoint(1, {"random": tensors}, {"random": values}), keep=1)
    expected = draw()
    read = load_checkpoint(folder)
    restore_random_state(read.tensors["random"], record_from_json(RandomState, read.state["random"]), CPU)
    again = draw()
    assert again[:2] == expected[:2]
    # the type checks of the tests draw from Python's own generator, so two restored runs are compared
    restore_random_state(read.tensors["random"], record_from_json(RandomState, read.state["random"]), CPU)
    assert draw() == again
