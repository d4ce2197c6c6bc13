"""Checkpoints are read without running anything in them."""

import io
import os
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from bimotion.errors import ModelError
from bimotion.interop import pickles
from bimotion.interop.unpickle import CheckpointFile

GOLDENS = Path(__file__).parent.parent / "goldens"


def checkpoint_of(data: bytes, path: Path) -> Path:
    """A file like torch's whose pickle is `data`."""
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("archive/data.pkl", data)
        file.writestr("archive/byteorder", "little")
    return path


class Calls:
    """Pickles as a call of a function."""

    def __init__(self, function: Callable[..., object], *args: object) -> None:
        self.call = (function, args)

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.call


def test_tensors_come_back_as_torch_reads_them(tmp_path: Path) -> None:
    base = torch.arange(24.0).view(4, 6)
    state = OrderedDict(
        whole=base,
        turned=base.T,
        part=base[1:3, 2:],
        half=torch.randn(3).half(),
        brain=torch.randn(2, 2).bfloat16(),
        count=torch.tensor(7),
        empty=torch.zeros(0, 4),
        parameter=torch.nn.Parameter(torch.randn(2)),
        flags=torch.tensor([True, False]),
    )
    path = tmp_path / "state.pt"
    for saved in (state, {"state_dict": state, "epoch": 3, "callbacks": {}}):
        torch.save(saved, path)
        with CheckpointFile(path) as file:
            read = {name: file.tensor(stored) for name, stored in file.state().items()}
        assert list(read) == list(state)
        for name, value in state.items():
            torch.testing.assert_close(read[name], value.detach(), rtol=0, atol=0)


def test_settings_of_other_libraries_are_passed_over() -> None:
    with CheckpointFile(GOLDENS / "lightning_omegaconf_pickle_sample.ckpt") as file:
        assert file.data["epoch"] == 0
        assert "lm.fake_latent" in file.state()
        assert file.tensor(file.state()["lm.fake_latent"]).shape == (4, 28)


@pytest.mark.parametrize(
    "attack",
    [
        Calls(os.system, "touch ran"),
        Calls(eval, "open('ran', 'w')"),
        Calls(exec, "open('ran', 'w')"),
        Calls(__import__, "antigravity"),
        Calls(getattr, "text", "encode"),
        Calls(io.open, "ran", "w"),
        Calls(torch.hub.load, "somebody/thing", "model"),
        Calls(torch.load, "other.pt"),
    ],
    ids=lambda attack: attack.call[0].__name__,
)
def test_nothing_in_a_pickle_runs(attack: Calls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = checkpoint_of(pickle.dumps({"state_dict": {"weight": attack}}, 2), tmp_path / "bad.ckpt")
    with pytest.raises(
        ModelError, match=r"bad.ckpt: (its pickle refers to|the entry 'weight'|its pickle cannot)"
    ):
        CheckpointFile(path).state()
    assert not (tmp_path / "ran").exists()


def test_refusals_name_what_was_asked_for(tmp_path: Path) -> None:
    path = checkpoint_of(pickle.dumps(Calls(os.system, "true"), 2), tmp_path / "bad.ckpt")
    with pytest.raises(ModelError, match=r"refers to \w+.system, which a checkpoint does not need; refused"):
        CheckpointFile(path)


def test_broken_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "state.ckpt"
    torch.save({"state_dict": {"weight": torch.randn(100)}}, path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-200])
    with pytest.raises(ModelError, match="expected a torch.save file"):
        CheckpointFile(path)
    path.write_bytes(b"")
    with pytest.raises(ModelError, match="expected a torch.save file"):
        CheckpointFile(path)
    with pytest.raises(ModelError, match="cannot be read"):
        CheckpointFile(tmp_path / "none.ckpt")
    with pytest.raises(ModelError, match="its pickle cannot be read"):
        CheckpointFile(checkpoint_of(b"\x80\x02}q\x00(X", path))
    with pytest.raises(ModelError, match="has no state_dict"):
        CheckpointFile(checkpoint_of(pickle.dumps([1, 2]), path)).state()
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("other/file", "")
    with pytest.raises(ModelError, match="no data.pkl"):
        CheckpointFile(path)


def test_tensors_beyond_their_numbers_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.ckpt"
    torch.save({"weight": torch.randn(4)}, path)
    with zipfile.ZipFile(path) as file:
        records = {name: file.read(name) for name in file.namelist()}
    name = next(name for name in records if name.endswith("data.pkl"))
    shape = pickle.BININT1 + b"\x04" + pickle.TUPLE1
    assert records[name].count(shape) == 1
    records[name] = records[name].replace(shape, pickle.BININT1 + b"\x63" + pickle.TUPLE1)
    with zipfile.ZipFile(path, "w") as file:
        for record, data in records.items():
            file.writestr(record, data)
    with CheckpointFile(path) as file, pytest.raises(ModelError, match="exceeds its storage of 4 values"):
        file.tensor(file.state()["weight"])


class Built:
    """Pickles as a call's result whose attributes are then set."""

    def __init__(self, generated: object, state: object) -> None:
        self.generated, self.state = generated, state

    def __reduce__(self) -> tuple[object, ...]:
        assert isinstance(self.generated, Calls)
        return (*self.generated.call, self.state)


def rebuilt(counts: object, offset: int, shape: tuple[int, ...], stride: tuple[int, ...]) -> Calls:
    return Calls(torch._utils._rebuild_tensor_v2, counts, offset, shape, stride, False, OrderedDict())


class Reference:
    """Pickles as a reference to numbers beside the pickle."""

    def __init__(self, pid: object) -> None:
        self.pid = pid


class Referring(pickle.Pickler):
    def persistent_id(self, obj: object) -> object:
        return obj.pid if isinstance(obj, Reference) else None


def pickled(data: object) -> bytes:
    buffer = io.BytesIO()
    Referring(buffer, 2).dump(data)
    return buffer.getvalue()


FOUR = Reference(("storage", torch.FloatStorage, "0", "cpu", 4))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (Built(rebuilt(FOUR, 0, (4,), (1,)), {"offset": -5}), "modifies an object after its creation"),
        (Built(rebuilt(FOUR, 0, (4,), (1,)), {"shape": (99,)}), "modifies an object after its creation"),
        (rebuilt(FOUR, -1, (4,), (1,)), "an impossible tensor"),
        (rebuilt(FOUR, 0, (4,), (1, 1)), "an impossible tensor"),
        (rebuilt(FOUR, 0, (4.0,), (1,)), "an impossible tensor"),
        (rebuilt("numbers", 0, (4,), (1,)), "an impossible tensor"),
        (
            rebuilt(Reference(("module", "a", "b", "c", 4)), 0, (4,), (1,)),
            "an object that is not a tensor storage",
        ),
        (
            rebuilt(Reference(("storage", torch.FloatStorage, 0, "cpu", 4)), 0, (4,), (1,)),
            "not a tensor storage",
        ),
        (
            rebuilt(Reference(("storage", torch.FloatStorage, "0", "cpu", -4)), 0, (4,), (1,)),
            "not a tensor storage",
        ),
        (rebuilt(Reference(7), 0, (4,), (1,)), "cannot be read"),
        (rebuilt(FOUR, 0, (2**70, 0), (1, 1)), "the impossible shape"),
        (rebuilt(FOUR, 2**70, (4,), (1,)), "exceeds its storage of 4 values"),
    ],
)
def test_descriptions_of_tensors_that_cannot_be_are_refused(
    value: object, message: str, tmp_path: Path
) -> None:
    path = checkpoint_of(pickled({"state_dict": {"weight": value}}), tmp_path / "bad.ckpt")
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("archive/data/0", bytes(16))
    with pytest.raises(ModelError, match=rf"bad\.ckpt: .*{message}"), CheckpointFile(path) as checkpoint:
        checkpoint.tensor(checkpoint.state()["weight"])


def test_compressed_entries_are_refused(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(1000)}, tmp_path / "state.ckpt")
    path = tmp_path / "small.ckpt"
    with zipfile.ZipFile(tmp_path / "state.ckpt") as file, zipfile.ZipFile(path, "w") as packed:
        for info in file.infolist():
            way = zipfile.ZIP_DEFLATED if "/data/" in info.filename else zipfile.ZIP_STORED
            packed.writestr(info.filename, file.read(info), way)
    with pytest.raises(ModelError, match="data/0' is compressed"):
        CheckpointFile(path)


def test_states_of_something_else_are_named(tmp_path: Path) -> None:
    path = tmp_path / "state.ckpt"
    for state, message in (
        ({1: torch.zeros(1)}, "a key that is not a string"),
        ({"a": [1]}, "the entry 'a' .* is not a tensor"),
    ):
        torch.save(state, path)
        with CheckpointFile(path) as file, pytest.raises(ModelError, match=message):
            file.state()


def nested_key(depth: int) -> bytes:
    """A dictionary with a key whose hash takes 2**depth steps."""
    return b"\x80\x02}" + b")" + b"2\x86" * depth + b"Ns."


def huge_memo() -> bytes:
    """A memo entry whose number makes C Python take 34 GB."""
    return b"\x80\x02}r\xff\xff\xff\x7f."


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (nested_key(60), "nested key"),
        (huge_memo(), "has no state_dict"),
        (b"\x80\x05\x96" + (2**40).to_bytes(8, "little") + b".", "declares more bytes than it has"),
        (b"\x80\x02" + b"]" * 100_000 + b".", "operations"),
        (b"\x80\x02" + b"](" * 20_000 + b"l" * 20_000 + b".", "has no state_dict|cannot be read"),
    ],
)
def test_pickles_that_would_hang_or_take_all_memory_end_soon(
    data: bytes, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pickles, "MAX_OPERATIONS", 80_000)
    path = checkpoint_of(data, tmp_path / "bad.ckpt")
    with pytest.raises(ModelError, match=rf"bad\.ckpt: .*({message})"), CheckpointFile(path) as checkpoint:
        checkpoint.state()


def test_the_same_numbers_are_not_read_over_and_over(tmp_path: Path) -> None:
    counts = torch.zeros(1 << 20)
    torch.save({f"w{i}": counts[:1] for i in range(64)}, tmp_path / "shared.ckpt")
    with CheckpointFile(tmp_path / "shared.ckpt") as checkpoint:
        stored = list(checkpoint.state().values())
        with pytest.raises(ModelError, match="more than 4 times as large as the file"):
            list(map(checkpoint.tensor, stored))
