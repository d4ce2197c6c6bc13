"""The networks as numpy computes them are those of torch."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from bimotion.inference.model import MotionLanguageModel
from bimotion.models.diffusion import DiffusionConfig, schedule_of
from bimotion.models.motion_language import MotionLanguage
from bimotion.models.presets import preset
from bimotion.models.tokens import MotionTokenizer
from bimotion.models.weights import save_model
from bimotion.portable.diffusion import PortableHead, levels_of, xt_width
from bimotion.portable.folder import read_config
from bimotion.portable.motion_vae import PortableVae
from bimotion.portable.numpy_operations import NumpyOperations, erf
from bimotion.portable.tensors import StoredTensors
from bimotion.portable.transformer import PortableMixture, Tokens

TOLERANCE = 1e-4


def random_folder(folder: Path, *, family: str, **changes: object) -> Path:
    """A model folder of the smallest size with random weights, no zero among them, in the family of transformers."""
    tokenizer = MotionTokenizer.train(["a person walks forward."] * 3, 300)
    config = preset("micro", tokenizer.special.text_vocab_size, tokenizer.special.eos)
    if family == "llama":
        mixture = replace(config.mixture, family="llama", heads=4, kv_heads=2, motion_width=16, width=32)
        config = replace(config, mixture=mixture)
    torch.manual_seed(0)
    network = MotionLanguage(replace(config, **changes))
    for parameter in network.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.2)
    save_model(network, folder, tokenizer, int8=("mixture.text",))
    return folder


@pytest.fixture(scope="module", params=["gpt2", "llama", "cosines"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("portable") / request.param
    if request.param != "cosines":
        return random_folder(target, family=request.param)
    vae = replace(preset("micro").vae, cosines=8, pose_axes=6, norm="pre", latent_width=None, width=16)
    diffusion = DiffusionConfig(
        prediction="v", sampler="ddim", sample_steps=4, guidance_scale=2.5, guidance_rescale=0.7
    )
    return random_folder(target, family="llama", vae=vae, latent_rank=12, diffusion=diffusion)


@pytest.fixture(scope="module")
def model(folder: Path) -> MotionLanguageModel:
    return MotionLanguageModel.from_folder(folder)


@pytest.fixture(scope="module")
def operations(folder: Path) -> NumpyOperations:
    return NumpyOperations(StoredTensors.of_file(folder / "model.safetensors"))


def test_a_prompt_gives_the_same_states_and_logits(
    folder: Path, model: MotionLanguageModel, operations: NumpyOperations
) -> None:
    config = read_config(folder)
    mixture = PortableMixture(operations, config.mixture)
    sequence = model.tokenizer.motion_request("a person walks.")
    batch = model.network.batch([sequence])
    with torch.inference_mode():
        hidden = model.network.mixture(batch)
        logits = model.network.mixture.logits(hidden.text[-1])
    text, length = len(batch.text_ids), len(sequence.ids)
    empty = np.zeros((config.mixture.layers, 1, mixture.groups, 0, mixture.head_width), np.float32)
    tokens = Tokens(
        np.asarray(sequence.ids[:text])[None],
        mixture.out_slots(config.slots),
        np.arange(length),
        np.arange(text),
        np.arange(text, length),
    )
    states = mixture.run(tokens, empty, empty)
    np.testing.assert_allclose(states.motion[0], hidden.motion, atol=TOLERANCE)
    np.testing.assert_allclose(states.logits[0], logits, atol=TOLERANCE)


def test_tokens_one_by_one_give_the_logits_of_all_at_once(folder: Path, operations: NumpyOperations) -> None:
    config = read_config(folder)
    mixture = PortableMixture(operations, config.mixture)
    ids = np.arange(5)[None] + 3
    none = np.zeros((1, 0, mixture.out_slots(1).shape[2]), np.float32)
    keys = values = np.zeros((config.mixture.layers, 1, mixture.groups, 0, mixture.head_width), np.float32)
    whole = mixture.run(Tokens(ids, none, np.arange(5), np.arange(5), np.arange(0)), keys, values)
    for token in range(5):
        one = Tokens(ids[:, token : token + 1], none, np.arange(1), np.arange(1), np.arange(0))
        states = mixture.run(one, keys, values)
        keys, values = states.keys, states.values
    np.testing.assert_allclose(states.logits, whole.logits, atol=TOLERANCE)
    np.testing.assert_allclose(states.keys, whole.keys, atol=TOLERANCE)


def test_the_same_noise_gives_the_same_latents_and_length(
    folder: Path, model: MotionLanguageModel, operations: NumpyOperations
) -> None:
    config = read_config(folder)
    head, sampler = PortableHead(operations, config), config.diffusion.sampler
    levels = levels_of(config.diffusion, sampler, config.diffusion.sample_steps)
    assert (
        levels.timesteps
        == schedule_of(model.network.config.diffusion, sampler, len(levels.timesteps)).timesteps
    )
    rng = np.random.default_rng(0)
    z = rng.standard_normal((3, config.slots, head.condition_width)).astype(np.float32)
    noise = rng.standard_normal((3, xt_width(config))).astype(np.float32)
    with torch.inference_mode():
        x0 = model.network.head.sample(torch.from_numpy(z), noise=torch.from_numpy(noise)[None, :, None])
        assert model.network.length is not None
        frames = model.network.length.predict(torch.from_numpy(z), x0)
    found = head.sample(z, noise, config.diffusion.guidance_scale, levels, sampler)
    np.testing.assert_allclose(found, x0[:, 0], rtol=1e-5, atol=TOLERANCE)
    np.testing.assert_array_equal(head.num_frames(z, found), frames)


@pytest.mark.parametrize("frames", [20, 37, 80])
def test_latents_and_features_are_the_same(
    folder: Path, model: MotionLanguageModel, operations: NumpyOperations, frames: int
) -> None:
    config = read_config(folder)
    vae = PortableVae(operations, config)
    x0 = np.random.default_rng(0).standard_normal((2, xt_width(config))).astype(np.float32)
    latents = torch.from_numpy(x0).view(2, *model.network.config.latent_shape)
    expected = model.decode_features(latents, [frames, frames])
    found = vae.decode(x0, np.asarray(frames))
    np.testing.assert_allclose(found, np.stack(expected), atol=TOLERANCE)
    encoded = vae.encode(found[:1])
    np.testing.assert_allclose(encoded, model.encode_features([found[0]]).flatten(1), atol=TOLERANCE)


def test_the_error_function_is_that_of_torch() -> None:
    x = np.linspace(-5, 5, 2001, dtype=np.float32)
    np.testing.assert_allclose(erf(x), torch.erf(torch.from_numpy(x)), atol=1e-6)
