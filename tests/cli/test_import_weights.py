"""`bimotion import-weights`, from a file to a folder that the other commands use, and every way to refuse one."""

import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from bimotion.cli.main import exit_code
from bimotion.features import features_to_joints
from bimotion.interop.official import read_official
from bimotion.interop.unpickle import CheckpointFile
from bimotion.models.generate import DecodingConfig
from bimotion.models.motion_language import MotionLanguage
from bimotion.models.token_batch import TokenBatch
from bimotion.models.weights import load_model
from bimotion.training.vae.folder import load_vae

CLOSE = {"rtol": 0, "atol": 1e-4}
GREEDY = DecodingConfig(repetition_penalty=1.1)
State = dict[str, Tensor]


@pytest.fixture(scope="module")
def checkpoint(goldens: Path) -> Path:
    return goldens / "small_checkpoint.ckpt"


@pytest.fixture(scope="module")
def golden(goldens: Path) -> State:
    return load_file(goldens / "small_checkpoint_e2e.safetensors")


@pytest.fixture(scope="module")
def state(checkpoint: Path) -> State:
    """All that stands in the checkpoint's state."""
    with CheckpointFile(checkpoint) as file:
        return {name: file.tensor(stored) for name, stored in file.state().items()}


@pytest.fixture(scope="module")
def stats(golden: State, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like HumanML3D's with the statistics that the golden's joints were made with."""
    folder = tmp_path_factory.mktemp("stats")
    np.save(folder / "Mean.npy", golden["mean"].numpy())
    np.save(folder / "Std.npy", golden["std"].numpy())
    return folder


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    """The one line with which a command refuses; nothing is written."""
    before = sorted(Path().rglob("*"))
    assert exit_code(["import-weights", *args]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert sorted(Path().rglob("*")) == before
    (line,) = output.err.splitlines()
    return line


def batch_of(model: MotionLanguage, golden: State, task: str) -> TokenBatch:
    """The task's recorded prompts, moved to the left where they were padded there."""
    ids, mask = golden[f"{task}.ids_global"], golden[f"{task}.attention_mask"].bool()
    lengths = mask.sum(1)
    valid = torch.arange(int(lengths.max())) < lengths[:, None]
    rows = torch.zeros(valid.shape, dtype=torch.long)
    rows[valid] = ids[mask]
    return TokenBatch.of_ids(rows, valid, torch.zeros_like(valid), model.config.special, 4, interleaved=True)


def captions(model: MotionLanguage, golden: State) -> list[list[int]]:
    """Ids that a model writes of the recorded motions."""
    with torch.no_grad():
        latents = model.encode(golden["m2t.features"], golden["m2t.lengths"])
    return model.generate(batch_of(model, golden, "m2t"), latents, GREEDY)


def test_published_checkpoint_end_to_end(
    here: Path,
    checkpoint: Path,
    golden: State,
    stats: Path,
    gpt2_files: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    args = (str(checkpoint), "models/published", "--stats", str(stats), "--tokenizer", str(gpt2_files))
    assert exit_code(["import-weights", *args, "--heads", "4"]) == 0
    assert capsys.readouterr().out.startswith("models/published: a model folder, ")
    assert [path.name for path in Path("models").iterdir()] == ["published"]
    names = {"README.md", "config.json", "model.safetensors", "tokenizer.json"}
    assert {path.name for path in Path("models/published").iterdir()} == names
    model, tokenizer = load_model("models/published")

    prompt = (
        "Generate motion: someone jumps twice, then sits down \n \n" + f" {tokenizer.motion_out}<|endoftext|>"
    )
    row, mask = golden["t2m.ids_global"][1], golden["t2m.attention_mask"][1].bool()
    assert tokenizer.encode(prompt) == row[mask].tolist()
    noise = torch.cat((golden["t2m.noise_init"][None], golden["t2m.noise_steps"][:, :2]))
    with torch.no_grad():
        latents, frames = model.sample(batch_of(model, golden, "t2m"), noise=noise)
        features = model.decode(latents, golden["t2m.lengths"])
    assert frames is None
    torch.testing.assert_close(latents, golden["t2m.raw_sample"], **CLOSE)
    torch.testing.assert_close(features, golden["t2m.features"], **CLOSE)
    joints = features_to_joints(features * model.feature_std + model.feature_mean)
    torch.testing.assert_close(joints, golden["t2m.joints"], **CLOSE)

    before = read_official(checkpoint, heads=4)
    assert captions(model, golden) == captions(before, golden)
    with torch.no_grad():  # as the published code samples them, the ids are the published ones
        mu, logvar = model.vae.encode(golden["m2t.features"], golden["m2t.lengths"])
        noisy = mu + torch.exp(0.5 * logvar) * golden["m2t.rsample_eps"][0][:, None]
        written = model.generate(batch_of(model, golden, "m2t"), model.normalise(noisy), GREEDY)
    assert written == golden["m2t.generated"].tolist()

    generate = (
        "generate",
        "a person walks",
        "--model",
        "models/published",
        "--out",
        "walk.npy",
        "--seed",
        "0",
    )
    assert exit_code(generate) == 2
    assert "does not predict lengths; give seconds" in capsys.readouterr().err
    assert exit_code([*generate, "--seconds", "1"]) == 0
    assert np.load("walk.npy").shape == (20, 22, 3)


@pytest.mark.usefixtures("here")
def test_half_precision_rounds_parameters_only(
    checkpoint: Path, stats: Path, gpt2_files: Path, golden: State
) -> None:
    args = (str(checkpoint), "out", "--stats", str(stats), "--tokenizer", str(gpt2_files), "--heads", "4")
    assert exit_code(["import-weights", *args, "--dtype", "float16"]) == 0
    stored, whole = load_file("out/model.safetensors"), read_official(checkpoint, heads=4).state_dict()
    torch.testing.assert_close(stored["feature_mean"], golden["mean"].float(), rtol=0, atol=0)
    torch.testing.assert_close(stored["latent_std"], whole["latent_std"], rtol=0, atol=0)
    assert stored["understanding.weight"].equal(whole["understanding.weight"].half())


@pytest.mark.parametrize("prefix", ["vae.", "motion_vae.", ""])
@pytest.mark.usefixtures("here")
def test_a_motion_vae_alone_becomes_a_vae_folder(
    state: State, stats: Path, golden: State, prefix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    alone = {f"{prefix}{k.removeprefix('vae.')}": v for k, v in state.items() if k.startswith("vae.")}
    torch.save({"state_dict": alone, "epoch": 7}, "mld.ckpt")
    assert exit_code(["import-weights", "mld.ckpt", "vae", "--stats", str(stats)]) == 0
    assert capsys.readouterr().out.startswith("vae: a VAE folder, ")
    vae, read = load_vae(Path("vae"))
    with torch.no_grad():
        mu, _ = vae.encode(golden["m2t.features"], golden["m2t.lengths"])
    torch.testing.assert_close(mu, golden["m2t.mu"], **CLOSE)
    np.testing.assert_array_equal(read.std, golden["std"].numpy())
    alone[f"{prefix}more"] = torch.zeros(1)
    torch.save({"state_dict": alone}, "mld.ckpt")
    assert "mld.ckpt: the weights do not fit the configuration: more is unknown" in refused(
        capsys, "mld.ckpt", "other", "--stats", str(stats)
    )


BLOCK = "lm.diffloss.net.res_blocks.1.mlp.2.weight"
EMBEDDING = "lm.language_model.transformer.wte.weight"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({BLOCK: None}, "head.blocks.1.down.weight is missing"),
        ({"vae.encoder.norm.bias": None}, "vae.encoder.norm.bias is missing"),
        ({EMBEDDING: None}, "wte.weight is missing; this is not a published checkpoint"),
        (
            {"vae.global_motion_token": None},
            "global_motion_token is missing; this is not a published checkpoint",
        ),
        ({"lm.more": torch.zeros(1)}, "lm.more is unknown"),
        ({"lm.fake_latent_2": torch.zeros(1)}, "lm.fake_latent_2 is unknown"),
        ({"other.weight": torch.zeros(1)}, "other.weight is unknown"),
        ({"vae.distribution_tokens": torch.zeros(2, 32)}, "two tensors map to distribution_tokens"),
        ({"latent_std": torch.zeros(1, 32)}, "two tensors map to latent_std"),
        ({BLOCK: torch.zeros(3, 3)}, "head.blocks.1.down.weight has shape (3, 3), not (64, 64)"),
        ({EMBEDDING: torch.zeros(50259)}, "wte.weight has shape (50259,), expected 2 sizes above 0"),
        ({"vae.query_pos_decoder.pe": torch.zeros(500)}, "vae.decoder_positions has shape (500,), not"),
        ({"lm.diffloss.net.cond_embed.hid_pos.pe": torch.zeros(())}, "head.condition.positions has shape ()"),
        (
            {"vae.decoder.middle_block.multihead_attn.in_proj_bias": torch.zeros(())},
            "vae.decoder.middle.cross.q.bias is missing",
        ),
        ({"vae.skel_embedding.weight": torch.zeros(32, 251)}, "its features have 251 columns, not the 263"),
        (
            {"lm.language_model.lm_head.weight": torch.zeros(50259, 28)},
            "lm_head.weight differs from the text embedding",
        ),
        (
            {"vae.final_layer.bias": torch.full((263,), torch.nan)},
            "a value that is not finite (vae.final_layer.bias)",
        ),
    ],
)
@pytest.mark.usefixtures("here")
def test_tensors_that_do_not_fit(
    state: State,
    stats: Path,
    gpt2_files: Path,
    capsys: pytest.CaptureFixture[str],
    change: dict[str, Tensor | None],
    message: str,
) -> None:
    torch.save({"state_dict": {k: v for k, v in {**state, **change}.items() if v is not None}}, "bad.ckpt")
    args = ("bad.ckpt", "out", "--stats", str(stats), "--tokenizer", str(gpt2_files), "--heads", "4")
    line = refused(capsys, *args)
    assert line.startswith("bimotion: ")
    assert message in line


def hostile(path: Path, _: bytes) -> None:
    class Attack:
        def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
            return os.system, ("touch ran",)

    with zipfile.ZipFile(path, "w") as file:
        file.writestr("archive/data.pkl", pickle.dumps({"state_dict": {"vae.weight": Attack()}}, 2))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (hostile, ".system, which a checkpoint does not need; refused"),
        (lambda path, whole: path.write_bytes(whole[: len(whole) // 2]), "not a complete zip file"),
        (lambda path, whole: path.write_bytes(b""), "not a complete zip file"),
        (lambda path, _: torch.save({"a": torch.zeros(1)}, path), "neither a published model"),
        (lambda path, _: torch.save({"state_dict": {}}, path), "has no state_dict"),
    ],
    ids=["hostile", "truncated", "empty", "another model", "no tensors"],
)
@pytest.mark.usefixtures("here")
def test_files_that_are_no_checkpoint(
    checkpoint: Path,
    stats: Path,
    capsys: pytest.CaptureFixture[str],
    damage: Callable[[Path, bytes], object],
    message: str,
) -> None:
    damage(Path("bad.ckpt"), checkpoint.read_bytes())
    line = refused(capsys, "bad.ckpt", "out", "--stats", str(stats))
    assert line.startswith("bimotion: bad.ckpt: ")
    assert message in line


def test_what_published_weights_need(
    here: Path, checkpoint: Path, stats: Path, gpt2_files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from bimotion.models.tokens import MotionTokenizer

    (here / "full").mkdir()
    (here / "full" / "file").touch()
    (here / "empty").mkdir()
    (here / "broken.npz").write_bytes(b"PK\x03\x04 and no more")
    (here / "merges").mkdir()
    (here / "merges" / "vocab.json").write_text("{}")
    (here / "merges" / "merges.txt").write_text("one two three")
    (here / "small").mkdir()
    (here / "small" / "tokenizer.json").write_text(MotionTokenizer.train(["a person walks"], 300).to_json())
    source, mean = str(checkpoint), str(stats / "Mean.npy")
    whole = ("--stats", str(stats), "--tokenizer", str(gpt2_files))
    for args, message in (
        ((source, "out"), "--stats is missing: published weights lack the mean"),
        ((source, "full", *whole), "full exists already"),
        ((source, ".", *whole), "expected the name of a folder"),
        (("none.ckpt", "out", *whole), "none.ckpt: no such file"),
        (
            (source, "out", *whole),
            "28 columns cannot be divided into heads of 64; give the number of heads (--heads)",
        ),
        ((source, "out", *whole, "--heads", "3"), "width must be a multiple of heads, got width 28, heads 3"),
        ((source, "out", "--stats", "empty", *whole[2:], "--heads", "4"), "empty: has no Mean.npy"),
        ((source, "out", "--stats", mean, *whole[2:], "--heads", "4"), "Mean.npy: not a complete zip file"),
        (
            (source, "out", "--stats", "broken.npz", *whole[2:], "--heads", "4"),
            "broken.npz: not a complete zip file",
        ),
        (
            (source, "out", *whole[:2], "--heads", "4", "--tokenizer", "./none"),
            "./none: expected a folder with",
        ),
        (
            (source, "out", *whole[:2], "--heads", "4", "--tokenizer", "empty"),
            "empty: expected tokenizer.json",
        ),
        (
            (source, "out", *whole[:2], "--heads", "4", "--tokenizer", "merges"),
            "merges.txt:1: expected two tokens, got 3",
        ),
        ((source, "out", *whole[:2], "--heads", "4", "--tokenizer", "small"), "is not the model's"),
        ((source, "out", *whole, "--text-branch"), "cannot be combined with --text-branch"),
        (
            ("./none", "out", "--text-branch"),
            "./none: expected a transformers model folder, a .gguf file or hf:OWNER/NAME",
        ),
        (("none.gguf", "out", "--text-branch"), "none.gguf: no such file"),
    ):
        line = refused(capsys, *args)
        assert message in line, args


def test_the_published_evaluator_becomes_an_evaluator_folder(
    here: Path, goldens: Path, stats: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from bimotion.evaluators.embedding import read_embedder

    golden = load_file(goldens / "t2m_evaluator_small.safetensors")
    parts: dict[str, State] = {}
    for name, value in golden.items():
        if name.startswith("state."):
            _, part, rest = name.split(".", 2)
            parts.setdefault(part, {})[rest] = value
    torch.save(parts, here / "finest.tar")
    (here / "glove").mkdir()
    np.save(here / "glove" / "our_vab_data.npy", np.ones((2, golden["text.word_embs"].shape[-1])))
    (here / "glove" / "our_vab_words.pkl").write_bytes(pickle.dumps(["unk", "walk"]))
    (here / "texts").mkdir()
    (here / "texts" / "000000.txt").write_text("he walks.#he/PRON walk/VERB#0.0#0.0\n")
    args = ("finest.tar", "judge", "--stats", str(stats))
    assert "--glove and --texts must be given together" in refused(capsys, *args, "--glove", "glove")
    words = ("--glove", "glove", "--texts", "texts")
    assert "cannot be combined with --text-branch" in refused(capsys, *args[:2], *words, "--text-branch")
    assert exit_code(["import-weights", *args, *words]) == 0
    assert capsys.readouterr().out == "judge: an evaluator, which knows 1 captions\n"
    embedder = read_embedder("judge")
    assert embedder.kind == "published"
    assert embedder.embed_texts(["he walks."]).shape == (1, 32)
