"""Model folders: round trips, and what is said of broken ones."""

import json
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from bimotion.errors import ModelError
from bimotion.models import kernels
from bimotion.models.motion_language import MotionLanguage, MotionLanguageConfig
from bimotion.models.precision import set_precision
from bimotion.models.presets import PRESETS, preset
from bimotion.models.tokens import MotionTokenizer
from bimotion.models.weights import load_config, load_model, save_model
from bimotion.storage.records import record_from_json


@pytest.fixture
def folder(micro: MotionLanguage, tokenizer: MotionTokenizer, tmp_path: Path) -> Path:
    torch.nn.init.normal_(micro.feature_std)
    save_model(micro, tmp_path / "model", tokenizer, "# A card")
    return tmp_path / "model"


def test_a_saved_model_comes_back(micro: MotionLanguage, tokenizer: MotionTokenizer, folder: Path) -> None:
    model, again = load_model(folder)
    assert model.config == micro.config
    assert again.special == tokenizer.special
    assert not model.training
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
        "tokenizer.json",
    ]
    parameters = dict(micro.named_parameters())
    for name, value in model.state_dict().items():
        expected = micro.state_dict()[name]
        assert value.dtype == torch.float32
        torch.testing.assert_close(
            value, expected.half().float() if name in parameters else expected, rtol=0, atol=0
        )
    batch = model.batch([again.motion_request("a person walks")])
    latents, _ = model.sample(batch, generator=torch.Generator().manual_seed(0))
    halved = micro.half().float()
    expected, _ = halved.sample(batch, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(latents, expected, rtol=0, atol=1e-5)


def test_single_precision_is_exact(
    micro: MotionLanguage, tokenizer: MotionTokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_model(micro, tmp_path, tokenizer, dtype=torch.float32)
    model, _ = load_model(tmp_path)
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, micro.state_dict()[name], rtol=0, atol=0)
    monkeypatch.setattr(kernels.library, "_RUN", None)
    set_precision(model, "bf16")
    assert model.vae.embed.weight.dtype == torch.bfloat16
    assert model.feature_std.dtype == torch.float32


def test_loading_draws_no_random_numbers(folder: Path) -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    load_model(folder)
    assert torch.rand(1).equal(expected)


@pytest.mark.parametrize("name", list(PRESETS))
def test_configurations_survive_json(name: str) -> None:
    from dataclasses import asdict

    config = preset(name)
    assert record_from_json(MotionLanguageConfig, json.loads(json.dumps(asdict(config)))) == config


def test_missing_superfluous_and_misshapen_weights_are_named(folder: Path) -> None:
    path = folder / "model.safetensors"
    state = load_file(path)
    embed = state.pop("vae.embed.weight")
    save_file(state, path)
    with pytest.raises(ModelError, match=r"model.safetensors: .* vae.embed.weight is missing"):
        load_model(folder)
    save_file({**state, "vae.embed.weight": embed, "more": torch.zeros(1)}, path)
    with pytest.raises(ModelError, match="more is unknown"):
        load_model(folder)
    save_file({**state, "vae.embed.weight": embed[:3].clone()}, path)
    with pytest.raises(ModelError, match=r"vae.embed.weight has shape \(3, 1052\), not \(32, 1052\)"):
        load_model(folder)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ModelError, match="cannot be read as safetensors"):
        load_model(folder)


def test_broken_configurations_are_named(folder: Path) -> None:
    path = folder / "config.json"
    good = json.loads(path.read_text())
    for change, message in (
        ({"format": "other"}, "not the configuration of a bimotion 1 model folder"),
        ({"colour": 1}, "unknown settings colour"),
        ({"vae": {**good["vae"], "width": "wide"}}, "vae.width: expected `int`, got 'wide'"),
        ({"vae": {**good["vae"], "norm": "none"}}, "vae.norm: expected one of 'post', 'pre', got 'none'"),
        ({"slots": 0}, "slots must lie in 1..1048576, got 0"),
        ({"mixture": 3}, "mixture: expected `object`, got 3"),
    ):
        path.write_text(json.dumps({**good, **change}))
        with pytest.raises(ModelError, match=message):
            load_model(folder)
    path.write_text("{")
    with pytest.raises(ModelError, match="not JSON"):
        load_model(folder)
    path.unlink()
    with pytest.raises(ModelError, match="a model folder"):
        load_model(folder)


def test_a_foreign_tokenizer_is_refused(micro: MotionLanguage, tmp_path: Path) -> None:
    other = MotionTokenizer.train(["other words"], 265)
    with pytest.raises(ModelError, match="is not the model's"):
        save_model(micro, tmp_path, other)
    assert list(tmp_path.iterdir()) == []


def test_numbers_beyond_half_precision_are_refused(
    micro: MotionLanguage, tokenizer: MotionTokenizer, tmp_path: Path
) -> None:
    micro.vae.embed.weight.data[0, 0] = 1e6
    with pytest.raises(ModelError, match="vae.embed.weight has values that are not finite"):
        save_model(micro, tmp_path, tokenizer)
    assert list(tmp_path.iterdir()) == []


def test_settings_of_older_folders_are_read_under_their_new_names(tmp_path: Path, micro_folder: Path) -> None:
    data = json.loads((micro_folder / "config.json").read_text())
    data["says_length"] = data.pop("length_in_prompt")
    (tmp_path / "config.json").write_text(json.dumps(data))
    assert load_config(tmp_path) == load_config(micro_folder)


@pytest.mark.parametrize(
    ("part", "change", "message"),
    [
        ("mixture", {"kv_heads": 0}, "mixture kv_heads must lie in 1..1048576, got 0"),
        ("mixture", {"layers": 200_000}, "much larger than the stored weights"),
        ("vae", {"width": 0}, "vae width must lie in 1..1048576, got 0"),
        ("mixture", {"max_positions": 10**12}, "mixture max_positions must lie in"),
        ("mixture", {"ff_width": 1 << 20}, "much larger than the stored weights|has shape"),
        ("diffusion", {"train_steps": 10**10}, "diffusion train_steps must lie in"),
        ("vae", {"layers": 3 + 2 * 10**5}, "much larger than the stored weights"),
        ("mixture", {"norm_eps": -1}, "norm_eps must be above 0"),
    ],
)
def test_sizes_are_compared_with_the_weights_before_anything_is_built(
    part: str, change: dict[str, float], message: str, folder: Path
) -> None:
    path = folder / "config.json"
    config = json.loads(path.read_text())
    config[part] |= change
    path.write_text(json.dumps(config))
    begin = time.monotonic()
    with pytest.raises(ModelError, match=message):
        load_model(folder)
    assert time.monotonic() - begin < 20  # two hundred thousand layers would take minutes


def test_matrices_can_be_stored_in_8_bits(
    micro: MotionLanguage, tokenizer: MotionTokenizer, tmp_path: Path
) -> None:
    save_model(micro, tmp_path, tokenizer, dtype=torch.float32, int8=("mixture.text.",))
    stored = load_file(tmp_path / "model.safetensors")
    eighths = {name for name, value in stored.items() if value.dtype == torch.int8}
    assert eighths
    assert all(name.startswith("mixture.text.") and stored[name].ndim == 2 for name in eighths)
    model, _ = load_model(tmp_path)
    for name, value in model.state_dict().items():
        expected = micro.state_dict()[name]
        assert value.dtype == torch.float32
        if name in eighths:
            half_step = expected.abs().amax(1, keepdim=True) / 127 / 2
            assert ((value - expected).abs() <= 1.001 * half_step).all()
        else:
            torch.testing.assert_close(value, expected, rtol=0, atol=0)


def test_scales_without_their_matrix_are_refused(
    micro: MotionLanguage, tokenizer: MotionTokenizer, tmp_path: Path
) -> None:
    save_model(micro, tmp_path, tokenizer, int8=("mixture.text.",))
    path = tmp_path / "model.safetensors"
    state = load_file(path)
    name = "mixture.text.embedding.weight"
    save_file(state | {name: state[name].float()}, path, {"format": "pt"})
    with pytest.raises(ModelError, match=r"embedding.weight.scale is unknown"):
        load_model(tmp_path)
    save_file(state | {name + ".scale": state[name + ".scale"][:-1]}, path, {"format": "pt"})
    with pytest.raises(ModelError, match=r"embedding.weight.scale is unknown"):
        load_model(tmp_path)
