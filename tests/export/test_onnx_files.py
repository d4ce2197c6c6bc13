"""ONNX Runtime computes from the exported files what torch computes from the model folder."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bimotion.errors import ConfigError
from bimotion.export.onnx_files import export_onnx
from bimotion.inference import prompts
from bimotion.inference.model import MotionLanguageModel

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")

TOLERANCE = 1e-3


class Exported:
    """The files of a model, and what a user does with them."""

    def __init__(self, folder: Path, out: Path) -> None:
        self.files = export_onnx(folder, out)
        self.settings: dict[str, Any] = json.loads((out / "bimotion.json").read_text())
        self.sessions = {
            path.stem: onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
            for path in self.files
            if path.suffix == ".onnx"
        }

    def run(self, name: str, **feeds: Any) -> list[np.ndarray]:
        """Outputs of a graph."""
        found: list[np.ndarray] = self.sessions[name].run(None, {k: np.asarray(v) for k, v in feeds.items()})
        return found

    def states(self, ids: list[int], motion: np.ndarray, at: int) -> list[np.ndarray]:
        """One pass over a prompt whose motion stands at index `at`."""
        layers, groups, width = self.settings["cache"]
        slots, text = motion.shape[1], len(ids)
        positions = np.arange(text + slots)
        motion_index = positions[at : at + slots]
        text_index = np.delete(positions, motion_index)
        source = np.empty(text + slots, dtype=np.int64)
        source[text_index], source[motion_index] = np.arange(text), text + np.arange(slots)
        empty = np.zeros((layers, 1, groups, 0, width), np.float32)
        return self.run(
            "transformer",
            ids=np.asarray(ids, dtype=np.int64)[None],
            motion=motion,
            source=source,
            text_index=text_index,
            motion_index=motion_index,
            keys=empty,
            values=empty,
        )

    def latents(self, states: np.ndarray, noise: np.ndarray) -> np.ndarray:
        """The sampling loop."""
        found = self.run("condition", states=states)
        modulations = {f"modulation{index}": each for index, each in enumerate(found)}
        guidance = np.float32(self.settings["guidance_scale"])
        xt = x0 = noise
        for step in range(self.settings["sample_steps"]):
            xt, x0 = self.run("step", **modulations, xt=xt, previous=x0, step=step, guidance=guidance)
        return x0


@pytest.fixture(scope="module")
def model(micro_folder: Path) -> MotionLanguageModel:
    return MotionLanguageModel.from_folder(micro_folder)


@pytest.fixture(scope="module")
def exported(micro_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    return Exported(micro_folder, tmp_path_factory.mktemp("onnx"))


def compare_generation(exported: Exported, model: MotionLanguageModel, text: str) -> None:
    sequence = prompts.motion_of_text(model.tokenizer, text, model.max_tokens)
    ids = [each for each in sequence.ids if each < model.tokenizer.special.text_vocab_size]
    slots = np.tile(np.float32(exported.settings["out_slot"]), (1, exported.settings["slots"], 1))
    states = exported.states(ids, slots, len(ids))[1]
    noise = (
        np.random.default_rng(0).standard_normal((1, exported.settings["latent_values"])).astype(np.float32)
    )
    latents = exported.latents(states, noise)
    x, frames = model.network.sample(
        model.network.batch([sequence]), noise=torch.from_numpy(noise)[None, :, None]
    )
    np.testing.assert_allclose(latents, x.flatten(1), atol=TOLERANCE)
    (length,) = exported.run("length", states=states, latents=latents)
    assert frames is not None
    assert length.tolist() == frames.tolist()
    (features,) = exported.run("decoder", latents=latents, frames=int(length[0]))
    np.testing.assert_allclose(features[0], model.decode_features(x, length.tolist())[0], atol=TOLERANCE)


def compare_caption(exported: Exported, model: MotionLanguageModel, features: np.ndarray) -> None:
    """The first tokens of the greedy caption, a token at a time after the prompt."""
    latents, motion = exported.run("encoder", features=features[None])
    np.testing.assert_allclose(latents, model.encode_features([features]).flatten(1), atol=TOLERANCE)
    timed = len(features) if model.length_in_prompt else None
    prompt = prompts.text_of_motion(model.tokenizer, timed)
    size = model.tokenizer.special.text_vocab_size
    at = next(index for index, each in enumerate(prompt.ids) if each >= size)
    logits, _, keys, values = exported.states([each for each in prompt.ids if each < size], motion, at)
    batch = model.network.batch([prompt])
    expected = model.network.generate(batch, model.encode_features([features]))[0][:5]
    start, none = exported.settings["ids"]["start"], motion[:, :0]
    found: list[int] = []
    one = {"source": np.arange(1), "text_index": np.arange(1), "motion_index": np.arange(0), "motion": none}
    while len(found) < len(expected):
        found.append(int(logits[0, :start].argmax()))
        logits, _, keys, values = exported.run(
            "transformer", ids=[[found[-1]]], keys=keys, values=values, **one
        )
    assert found == expected


def test_a_sentence_gives_the_motion_that_torch_gives(exported: Exported, model: MotionLanguageModel) -> None:
    compare_generation(exported, model, "a person walks forward")


def test_a_motion_gives_the_caption_that_torch_gives(exported: Exported, model: MotionLanguageModel) -> None:
    features = np.random.default_rng(1).standard_normal((50, 263)).astype(np.float32) * 0.01
    compare_caption(exported, model, features + model.stats.mean)


def test_the_prompts_are_those_of_the_library(exported: Exported, model: MotionLanguageModel) -> None:
    wordings, encode = exported.settings["prompts"], model.tokenizer.encode
    plain, timed = (
        wordings[name].replace("{caption}", "a person walks.").replace("{seconds}", "4.0")
        for name in ("motion", "timed_motion")
    )
    for prompt, frames in ((plain, None), (timed, 80)):
        expected = prompts.motion_of_text(model.tokenizer, "A person  walks", model.max_tokens, frames)
        assert tuple(encode(f"{prompt} \n")) == expected.prompt


def test_the_bundled_model_is_exported_at_the_size_of_its_weights(tmp_path: Path) -> None:
    from bimotion.api import EMBEDDED, load

    exported = Exported(EMBEDDED, tmp_path)
    stored = (EMBEDDED / "model.safetensors").stat().st_size
    assert sum(path.stat().st_size for path in exported.files) < 1.05 * stored
    model = load()
    compare_generation(exported, model, "a person waves with the right hand")
    compare_caption(exported, model, np.tile(model.stats.mean, (60, 1)))


def test_a_model_without_lengths_is_refused(micro_folder: Path, tmp_path: Path) -> None:
    config = json.loads((micro_folder / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "length": None}))
    (tmp_path / "model.safetensors").write_bytes((micro_folder / "model.safetensors").read_bytes())
    with pytest.raises(ConfigError, match="only models that predict lengths"):
        export_onnx(tmp_path, tmp_path / "out")
