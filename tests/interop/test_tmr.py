"""TMR's files become an evaluator that gives the numbers of its layout, and nothing in them is run."""

import math
import pickle
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bimotion.cli.main import exit_code
from bimotion.errors import ModelError
from bimotion.evaluators.embedding import TmrEmbedder, read_embedder
from bimotion.interop.tmr import is_tmr, read_tmr

WIDTH, TEXT_WIDTH, LAYERS = 64, 48, 2
WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "a",
    "person",
    "walks",
    "waves",
    "slowly",
    "and",
    "turns",
]
CAPTIONS = ["a person walks", "a person waves slowly and turns", "turns"]


class Encoder(nn.Module):
    """An encoder as TMR's files name its parts: one sequence at a time."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.projection = nn.Linear(features, WIDTH)
        self.tokens = nn.Parameter(torch.randn(2, WIDTH))
        layer = nn.TransformerEncoderLayer(WIDTH, 1, 96, activation="gelu", batch_first=True)
        self.seqTransEncoder = nn.TransformerEncoder(layer, LAYERS, enable_nested_tensor=False)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.cat((self.tokens, self.projection(x)))
        position = torch.zeros(len(y), WIDTH)
        for at in range(len(y)):
            for pair in range(WIDTH // 2):
                angle = at / 10000 ** (2 * pair / WIDTH)
                position[at, 2 * pair], position[at, 2 * pair + 1] = math.sin(angle), math.cos(angle)
        mean: Tensor = self.seqTransEncoder((y + position)[None])[0, 0]
        return mean / mean.norm()


@pytest.fixture(scope="module")
def encoders() -> dict[str, Encoder]:
    torch.manual_seed(0)
    generated = {"text_encoder": Encoder(TEXT_WIDTH), "motion_encoder": Encoder(263)}
    for each in generated.values():
        each.eval()
    return generated


@pytest.fixture(scope="module")
def distilbert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import BertTokenizerFast, DistilBertConfig, DistilBertModel

    folder = tmp_path_factory.mktemp("distilbert")
    (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    BertTokenizerFast(vocab=str(folder / "vocab.txt")).save_pretrained(folder)
    torch.manual_seed(1)
    config = DistilBertConfig(vocab_size=len(WORDS), dim=TEXT_WIDTH, n_layers=2, n_heads=2, hidden_dim=64)
    DistilBertModel(config).save_pretrained(folder)
    return folder


@pytest.fixture
def run(encoders: dict[str, Encoder], tmp_path: Path) -> Path:
    """A run's folder as TMR's own code leaves it."""
    weights = tmp_path / "run" / "last_weights"
    weights.mkdir(parents=True)
    for name, encoder in encoders.items():
        torch.save(encoder.state_dict(), weights / f"{name}.pt")
    torch.save({"final_layer.weight": torch.zeros(3)}, weights / "motion_decoder.pt")
    stats = tmp_path / "stats"
    stats.mkdir()
    torch.manual_seed(2)
    torch.save(torch.randn(263), stats / "mean.pt")
    torch.save(torch.rand(263) + 0.5, stats / "std.pt")
    return tmp_path / "run"


def imported(run: Path, distilbert: Path, source: Path | None = None) -> TmrEmbedder:
    out = run.parent / "evaluator"
    command = ["import-weights", str(source or run), str(out), "--stats", str(run.parent / "stats")]
    assert exit_code([*command, "--text-model", str(distilbert)]) == 0
    embedder = read_embedder(out)
    assert isinstance(embedder, TmrEmbedder)
    return embedder


def test_motions_and_captions_are_embedded_as_by_its_layout(
    run: Path, distilbert: Path, encoders: dict[str, Encoder]
) -> None:
    from transformers import AutoModel, AutoTokenizer

    embedder = imported(run, distilbert)
    rng = np.random.default_rng(0)
    motions = [rng.standard_normal((frames, 263)).astype(np.float32) for frames in (40, 7, 120)]
    mean, std = (torch.load(run.parent / "stats" / f"{name}.pt") for name in ("mean", "std"))
    with torch.inference_mode():
        expected = [encoders["motion_encoder"]((torch.from_numpy(motion) - mean) / std) for motion in motions]
        np.testing.assert_allclose(embedder.embed_motions(motions), torch.stack(expected), atol=1e-5)
        tokenizer, model = AutoTokenizer.from_pretrained(distilbert), AutoModel.from_pretrained(distilbert)
        states = [model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0] for text in CAPTIONS]
        expected = [encoders["text_encoder"](each) for each in states]
        np.testing.assert_allclose(embedder.embed_texts(CAPTIONS), torch.stack(expected), atol=1e-5)


def test_a_checkpoint_gives_the_same(run: Path, distilbert: Path, encoders: dict[str, Encoder]) -> None:
    state = {
        f"{name}.{key}": value for name, each in encoders.items() for key, value in each.state_dict().items()
    }
    state |= {"motion_decoder.final_layer.weight": torch.zeros(3)}
    torch.save({"state_dict": state, "epoch": 3}, run.parent / "last.ckpt")
    embedder = imported(run, distilbert, run.parent / "last.ckpt")
    motions = [np.random.default_rng(1).standard_normal((30, 263)).astype(np.float32)]
    by_folder = read_tmr(run)
    assert np.isfinite(embedder.embed_motions(motions)).all()
    assert torch.equal(by_folder.motion_encoder.tokens, encoders["motion_encoder"].tokens)


def test_what_does_not_fit_is_one_line_and_writes_nothing(
    run: Path, distilbert: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = run / "last_weights" / "motion_encoder.pt"
    state = torch.load(file)
    stats = ["--stats", str(run.parent / "stats")]

    def error_of(*args: str) -> str:
        assert exit_code(["import-weights", *args]) == 2
        output = capsys.readouterr().err.strip()
        assert not (run.parent / "out").exists()
        return output

    out = str(run.parent / "out")
    assert "mean.pt and std.pt" in error_of(str(run), out)
    del state["seqTransEncoder.layers.1.norm2.bias"]
    torch.save(state, file)
    assert "motion_encoder.encoder.layers.1.norm2.bias" in error_of(str(run), out, *stats)
    file.write_bytes(file.read_bytes()[:2000])
    assert "motion_encoder.pt" in error_of(str(run), out, *stats)
    file.unlink()
    assert "without TMR's text_encoder.pt" in error_of(str(run), out, *stats)


def test_nothing_in_a_pickle_is_run(run: Path, tmp_path: Path) -> None:
    class Bad:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (print, ("run!",))

    file = run / "last_weights" / "text_encoder.pt"
    with zipfile.ZipFile(file, "w") as generated:
        generated.writestr("archive/data.pkl", pickle.dumps({"tokens": Bad()}, protocol=2))
        generated.writestr("archive/version", "3")
    with pytest.raises(ModelError):
        read_tmr(run)


def test_other_folders_are_not_taken_for_it(tmp_path: Path) -> None:
    assert not is_tmr(tmp_path)
    torch.save({"state_dict": {"vae.encoder.weight": torch.zeros(2)}}, tmp_path / "other.ckpt")
    assert not is_tmr(tmp_path / "other.ckpt")


def test_another_language_model_is_refused(run: Path, distilbert: Path, tmp_path: Path) -> None:
    from transformers import DistilBertConfig, DistilBertModel

    other = Path(shutil.copytree(distilbert, tmp_path / "other"))
    config = DistilBertConfig(vocab_size=len(WORDS), dim=32, n_layers=1, n_heads=2, hidden_dim=64)
    DistilBertModel(config).save_pretrained(other)
    with pytest.raises(ModelError, match="expected states of width 48, got 32"):
        imported(run, other).embed_texts(CAPTIONS)
