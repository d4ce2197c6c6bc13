"""The published checkpoint gives the published numbers."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from bimotion.errors import ModelError
from bimotion.features import features_to_joints
from bimotion.interop.official import (
    BESIDE_THE_MODEL,
    official_config,
    official_model,
    official_state,
    read_official,
    read_official_vae,
)
from bimotion.interop.unpickle import CheckpointFile
from bimotion.models.generate import DecodingConfig
from bimotion.models.motion_language import MotionLanguage
from bimotion.models.presets import preset
from bimotion.models.token_batch import TokenBatch
from bimotion.models.vae import sample_latent

GOLDENS = Path(__file__).parent.parent / "goldens"
CLOSE = {"rtol": 0, "atol": 1e-4}


@pytest.fixture(scope="module")
def checkpoint(goldens: Path) -> Path:
    return goldens / "small_checkpoint.ckpt"


@pytest.fixture(scope="module")
def golden(goldens: Path) -> dict[str, Tensor]:
    return load_file(goldens / "small_checkpoint_e2e.safetensors")


@pytest.fixture(scope="module")
def model(checkpoint: Path) -> MotionLanguage:
    return read_official(checkpoint, heads=4)


def batch_of(
    model: MotionLanguage, golden: dict[str, Tensor], task: str, learnt: Tensor | None = None
) -> TokenBatch:
    """The task's prompts, moved to the left where they were padded there."""
    ids, mask = golden[f"{task}.ids_global"], golden[f"{task}.attention_mask"].bool()
    lengths = mask.sum(1)
    rows = torch.zeros(len(ids), int(lengths.max()), dtype=torch.long)
    for row, one, valid in zip(rows, ids, mask, strict=True):
        row[: int(valid.sum())] = one[valid]
    valid = torch.arange(rows.shape[1]) < lengths[:, None]
    learnt = torch.zeros_like(valid) if learnt is None else learnt
    return TokenBatch.of_ids(rows, valid, learnt, model.config.special, 4, interleaved=True)


def sampled(
    model: MotionLanguage, features: Tensor, segments: list[tuple[int, int, int]], eps: Tensor
) -> Tensor:
    """Latents of (item, first, end) segments with recorded noise, as the published code draws them."""
    longest = max(end - first for _, first, end in segments)
    parts = torch.zeros(len(segments), longest, features.shape[-1])
    for part, (item, first, end) in zip(parts, segments, strict=True):
        part[: end - first] = features[item, first:end]
    lengths = torch.tensor([end - first for _, first, end in segments])
    mu, logvar = model.vae.encode(parts, lengths)
    return model.normalise(mu + torch.exp(0.5 * logvar) * eps[0][:, None])


def test_text_to_motion(model: MotionLanguage, golden: dict[str, Tensor]) -> None:
    batch = batch_of(model, golden, "t2m")
    noise = torch.cat((golden["t2m.noise_init"][None], golden["t2m.noise_steps"][:, :2]))
    with torch.no_grad():
        z = model.condition(batch)
        latents, frames = model.sample(batch, noise=noise)
        features = model.decode(latents, golden["t2m.lengths"])
    torch.testing.assert_close(z, golden["t2m.z"], **CLOSE)
    torch.testing.assert_close(latents, golden["t2m.raw_sample"], **CLOSE)
    torch.testing.assert_close(latents / 0.8457, golden["t2m.latent"], **CLOSE)
    torch.testing.assert_close(features, golden["t2m.features"], **CLOSE)
    assert frames is None
    joints = features_to_joints(features * golden["std"] + golden["mean"])
    torch.testing.assert_close(joints, golden["t2m.joints"], **CLOSE)


def test_greedy_captions(model: MotionLanguage, golden: dict[str, Tensor]) -> None:
    features, lengths = golden["m2t.features"], golden["m2t.lengths"].tolist()
    segments = [(i, 0, n) for i, n in enumerate(lengths)]
    decoding = DecodingConfig(repetition_penalty=1.1)
    for task in ("m2t", "m2t_direct"):
        with torch.no_grad():
            latents = sampled(model, features, segments, golden[f"{task}.rsample_eps"])
            if task == "m2t":
                mu, _ = model.vae.encode(features, golden["m2t.lengths"])
                torch.testing.assert_close(mu, golden["m2t.mu"], **CLOSE)
        written = model.generate(batch_of(model, golden, task), latents, decoding)
        assert written == golden[f"{task}.generated"].tolist()


def test_prediction_and_inbetweening_conditions(model: MotionLanguage, golden: dict[str, Tensor]) -> None:
    features, lengths = golden["m2t.features"], golden["m2t.lengths"].tolist()
    heads = [(i, 0, int(0.2 * n)) for i, n in enumerate(lengths)]
    tails = [(i, int(0.2 * n), n) for i, n in enumerate(lengths)]
    segments = [part for pair in zip(heads, tails, strict=True) for part in pair]
    with torch.no_grad():
        latents = sampled(model, features, segments, golden["pred.rsample_eps"])[0::2]
        z = model.condition(batch_of(model, golden, "pred"), latents)
        torch.testing.assert_close(z, golden["pred.z"], **CLOSE)
        segments = [
            part
            for i, n in enumerate(lengths)
            for part in ((i, 0, int(0.25 * n)), (i, int(0.75 * n), n), (i, 0, n))
        ]
        latents = sampled(model, features, segments, golden["inbetween.rsample_eps"])
        context = latents.view(3, 3, 1, -1)[:, :2].flatten(0, 1)
        z = model.condition(batch_of(model, golden, "inbetween"), context)
    torch.testing.assert_close(z, golden["inbetween.z"], **CLOSE)


def test_training_conditions_and_diffusion_loss(model: MotionLanguage, golden: dict[str, Tensor]) -> None:
    # The published text loss is not compared: it also counts the padding, which our batches do not compute.
    special = model.config.special
    ids, valid = golden["train.ids_global"], golden["train.attention_mask"].bool()
    batch = TokenBatch.of_ids(ids, valid, torch.zeros_like(valid), special, 4, interleaved=True)
    slots = golden["train.holder_embeddings"]
    # The golden lists slots by position; the published order alternates between the two motions of a prompt.
    rows = torch.empty(batch.motion_ids.shape[0], slots.shape[-1])
    rows[batch.in_rows.flatten().sort().values] = slots
    kept = ~golden["train.fake_rows"].bool()
    with torch.no_grad():
        z = model.mixture(batch, rows[batch.in_rows]).motion[batch.out_rows]
        x0, t, noise = golden["train.target"][: len(z)], golden["train.t"], golden["train.noise"]
        diffusion = model.head.loss_of(x0, z, t, ~kept, noise).mean()
    torch.testing.assert_close(z.repeat(4, 1, 1)[kept], golden["train.z"][kept], **CLOSE)
    torch.testing.assert_close(diffusion[None], golden["train.diff_loss"], **CLOSE)


def test_the_vae_alone_is_read(checkpoint: Path, model: MotionLanguage) -> None:
    vae = read_official_vae(checkpoint)
    for name, value in vae.state_dict().items():
        torch.testing.assert_close(value, model.vae.state_dict()[name], rtol=0, atol=0)


def test_sampled_and_mean_latents_differ_by_the_deviation() -> None:
    mu, logvar = torch.zeros(4000, 1, 1), torch.full((4000, 1, 1), 2.0).log() * 2
    z = sample_latent(mu, logvar, torch.Generator().manual_seed(0))
    assert abs(float(z.std()) - 2) < 0.1


def test_the_gpt2_preset_has_the_published_names_and_shapes_and_no_others() -> None:
    manifest = json.loads((GOLDENS / "full_checkpoint_manifest.json").read_text())
    with torch.device("meta"):
        published = {
            name: torch.empty(entry["shape"])
            for name, entry in manifest["keys_stage1"].items()
            if not name.startswith(BESIDE_THE_MODEL)
        }
    tied = {name for key, names in manifest.items() if key.startswith("aliases") for name in names}
    published = {name: value for name, value in published.items() if name not in tied}
    assert all(name.startswith(("vae.", "lm.")) for name in published)
    config, own = official_config(published), preset("gpt2")
    # What we do otherwise: lengths are predicted, the head begins at zero, no dropout of attention weights.
    emulated = replace(
        own,
        vae=replace(own.vae, attention_dropout=0.1),
        mixture=replace(own.mixture, attention_dropout=0.1),
        head=replace(own.head, zero_init=False, ff_width=3072),
        length=None,
        interleaved_slots=True,
    )
    assert config == replace(emulated, diffusion=config.diffusion)
    with torch.device("meta"):
        model = MotionLanguage(replace(own, length=None))
        state = official_state(published, config)
    assert {k: v.shape for k, v in state.items()} == {k: v.shape for k, v in model.state_dict().items()}
    # Nothing is dropped on the way but what is never read: two rows of the motion embedding, the motion branch's
    # output matrix, and the head's positions beyond the query's and the slots'.
    unread = 2 * 768 + 6 * 768 + (500 - 5) * 768
    statistics = 2 * 256 + 2 * 263
    counts = {
        side: sum(v.numel() for v in tensors.values())
        for side, tensors in (("theirs", published), ("ours", state))
    }
    assert counts["theirs"] - unread == counts["ours"] - statistics


def test_missing_superfluous_and_misshapen_tensors_are_named(checkpoint: Path) -> None:
    with CheckpointFile(checkpoint) as file:
        state = {k: file.tensor(v) for k, v in file.state().items() if k.startswith(("vae.", "lm."))}
    name = "lm.diffloss.net.res_blocks.1.mlp.2.weight"
    for change, message in (
        ({name: None}, "head.blocks.1.down.weight is missing"),
        ({"lm.more": torch.zeros(1)}, "lm.more is unknown"),
        ({name: torch.zeros(3, 3)}, r"head.blocks.1.down.weight has shape \(3, 3\), not \(64, 64\)"),
        (
            {"vae.skel_embedding.weight": None},
            "skel_embedding.weight is missing; this is not a published checkpoint",
        ),
        ({"lm.language_model.lm_head.weight": torch.zeros(50259, 28)}, "differs from the text embedding"),
    ):
        changed = {k: v for k, v in {**state, **change}.items() if v is not None}
        with pytest.raises(ModelError, match=message):
            official_model(changed, "small.ckpt", heads=4)
    unguided = {k: v for k, v in state.items() if k != "lm.fake_latent"}
    assert official_model(unguided, "small.ckpt", heads=4).config.diffusion.guidance_scale == 1.0
