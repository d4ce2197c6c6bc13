"""Checkpoints are read whatever they are wrapped in."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from bimotion.errors import ModelError
from bimotion.interop.published_state import PublishedState


def read(path: Path) -> dict[str, Tensor]:
    with PublishedState(path) as file:
        return {name: file.tensor(key) for name, key in file.names.items()}


@pytest.fixture
def state() -> dict[str, Tensor]:
    return {"vae.weight": torch.arange(6.0).reshape(2, 3), "lm.bias": torch.ones(4)}


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: {"state_dict": state, "epoch": 3},
        lambda state: {"state_dict": {"state_dict": state}},
        lambda state: {"model": {"state_dict": state}},
        lambda state: {"model_state_dict": {f"module.{name}": value for name, value in state.items()}},
        lambda state: {"state_dict": {f"module._orig_mod.{name}": value for name, value in state.items()}},
        lambda state: {"state_dict": {f"model.{name}": value for name, value in state.items()}},
    ],
)
def test_nested_and_prefixed_states_are_the_plain_one(
    tmp_path: Path, state: dict[str, Tensor], wrap: object
) -> None:
    assert callable(wrap)
    torch.save(wrap(state), tmp_path / "model.ckpt")
    found = read(tmp_path / "model.ckpt")
    assert set(found) == set(state)
    assert all(torch.equal(found[name], value) for name, value in state.items())


def test_safetensors_are_read(tmp_path: Path, state: dict[str, Tensor]) -> None:
    save_file({f"module.{name}": value for name, value in state.items()}, tmp_path / "model.safetensors")
    found = read(tmp_path / "model.safetensors")
    assert all(torch.equal(found[name], value) for name, value in state.items())


def test_a_prefix_of_some_names_stays(tmp_path: Path) -> None:
    torch.save({"model.a": torch.ones(1), "b": torch.ones(1)}, tmp_path / "model.ckpt")
    assert set(read(tmp_path / "model.ckpt")) == {"model.a", "b"}


@pytest.mark.parametrize("contents", [{}, {"state_dict": {}}, {"state_dict": {"a": 3}}, [1, 2]])
def test_what_holds_no_tensors_is_refused(tmp_path: Path, contents: object) -> None:
    torch.save(contents, tmp_path / "model.ckpt")
    with pytest.raises(ModelError, match=r"model\.ckpt: "):
        read(tmp_path / "model.ckpt")
