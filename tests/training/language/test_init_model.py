"""What a stage starts from: an earlier model, with another VAE or other settings, and what is refused."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from bimotion.errors import ConfigError, ModelError
from bimotion.models.vae import MotionVae
from bimotion.models.weights import load_model
from bimotion.training.language.init_model import EMBEDDED, earlier_model, find_model


def test_a_model_is_found_in_its_run_and_the_bundled_one_by_name(micro_folder: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "model").symlink_to(micro_folder)
    assert find_model(run) == run / "model"
    assert find_model(micro_folder) == micro_folder
    assert find_model(Path("embedded")) == EMBEDDED
    with pytest.raises(ModelError, match="no model folder"):
        find_model(tmp_path)


def test_an_earlier_model_is_taken_whole_with_other_settings(micro_folder: Path) -> None:
    old, _ = load_model(micro_folder)
    settings = replace(old.config, mixture=replace(old.config.mixture, dropout=0.3))
    model, tokenizer = earlier_model(micro_folder, settings, None)
    assert model.config.mixture.dropout == 0.3
    assert tokenizer.special.text_vocab_size == model.config.mixture.text_vocab_size
    expected = old.state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in model.state_dict().items())


def test_another_vae_of_other_latents_starts_head_and_understanding_anew(micro_folder: Path) -> None:
    old, _ = load_model(micro_folder)
    torch.manual_seed(1)
    vae = MotionVae(replace(old.config.vae, num_latents=2 * old.config.vae.num_latents))
    model, _ = earlier_model(micro_folder, old.config, vae)
    assert model.config.latent_shape[0] == 2 * old.config.latent_shape[0]
    assert torch.equal(model.mixture.text.embedding.weight, old.mixture.text.embedding.weight)


def test_a_transformer_of_another_size_is_refused_with_both_shapes(micro_folder: Path) -> None:
    old, _ = load_model(micro_folder)
    wider = replace(old.config, mixture=replace(old.config.mixture, ff_width=2 * old.config.mixture.ff_width))
    with pytest.raises(ConfigError, match="the transformer has another shape .*expected"):
        earlier_model(micro_folder, wider, None)
