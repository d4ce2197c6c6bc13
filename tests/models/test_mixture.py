"""The two-branch transformer: parity with the published one, and what must hold for either family."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from bimotion.errors import ConfigError, ModelError
from bimotion.interop.official import mixture_state
from bimotion.models import kernels
from bimotion.models.branch import MixtureConfig
from bimotion.models.mixture import Mixture
from bimotion.models.token_batch import TokenBatch
from bimotion.models.tokens import MotionTokenizer, SpecialIds, TokenSequence

GPT2 = MixtureConfig(text_vocab_size=300, width=32, layers=2, heads=4, ff_width=48, max_positions=64)
LLAMA = replace(GPT2, family="llama", kv_heads=2)
NARROW = replace(LLAMA, motion_width=20, motion_ff_width=24)
PUBLISHED = MixtureConfig(
    text_vocab_size=302, width=64, layers=3, heads=4, ff_width=256, max_positions=64, dropout=0.0
)


@pytest.fixture(params=[GPT2, LLAMA], ids=["gpt2", "llama"])
def mixture(request: pytest.FixtureRequest, tokenizer: MotionTokenizer) -> Mixture:
    torch.manual_seed(0)
    config = replace(request.param, text_vocab_size=tokenizer.special.text_vocab_size)
    model = Mixture(config).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return model


@pytest.fixture
def sequences(tokenizer: MotionTokenizer) -> list[TokenSequence]:
    return [
        tokenizer.sequence("a person walks", tokenizer.motion_out),
        tokenizer.sequence(f"what is {tokenizer.motion_in}", "a person walks"),
        tokenizer.plain("someone jumps"),
    ]


def run(mixture: Mixture, sequences: list[TokenSequence], tokenizer: MotionTokenizer) -> list[Tensor]:
    """States of each sequence's tokens, alone or in a batch; in slots hold numbers counted up from 0."""
    batch = TokenBatch.of(sequences, tokenizer.special, 4)
    count = batch.in_rows.numel() * mixture.config.width
    context = torch.arange(count).view(-1, 4, mixture.config.width) / max(count, 1) if count else None
    with torch.no_grad():
        hidden = mixture(batch, context)
    positions = torch.cat(hidden)[batch.source].view(batch.size, batch.length, -1)
    return [row[: len(sequence)] for row, sequence in zip(positions, sequences, strict=True)]


def published_batch(golden: dict[str, Tensor]) -> TokenBatch:
    """The golden's batch. The published code computes its padding on the right as well, which no token ever sees."""
    ids, valid = golden["in.ids_global"], golden["in.attention_mask"].bool()
    return TokenBatch.of_ids(ids, valid, (ids < 302) & (ids != 301), SpecialIds(302, 299), 4)


def test_published_transformer_is_reproduced(goldens: Path) -> None:
    golden = load_file(goldens / "mot_small.safetensors")
    state = {k.removeprefix("state."): v for k, v in golden.items() if k.startswith("state.")}
    mixture = Mixture(PUBLISHED).eval()
    mixture.load_state_dict(mixture_state(state))
    batch = published_batch(golden)
    with torch.no_grad():
        hidden = mixture(batch, golden["in.holder_embeddings"].view(-1, 4, 64))
        states = torch.cat(hidden)[batch.source].view(2, 28, 64)
        logits = mixture.logits(hidden.text)
        loss = torch.nn.functional.cross_entropy(logits[batch.answer_rows], batch.answer_ids)
    valid = golden["in.attention_mask"].bool()
    expected = golden["out.hidden_text"] + golden["out.hidden_motion"]
    torch.testing.assert_close(states[valid], expected[valid], rtol=0, atol=2e-5)
    is_text = valid & (golden["in.type_ids"] == 0)
    torch.testing.assert_close(logits, golden["out.logits_text"][is_text], rtol=0, atol=2e-5)
    # The published loss also counts padding and the bracket after the masked motion; ours counts neither.
    scores, ids = golden["out.logits_text"], golden["in.ids_global"]
    targets = is_text[:, :-1] & is_text[:, 1:] & (ids[:, 1:] != 301)
    published = torch.nn.functional.cross_entropy(scores[:, :-1][targets], ids[:, 1:][targets])
    torch.testing.assert_close(loss, published, rtol=0, atol=2e-5)


def test_a_sequence_alone_and_in_a_batch_are_the_same(
    mixture: Mixture, tokenizer: MotionTokenizer, sequences: list[TokenSequence]
) -> None:
    together = run(mixture, sequences, tokenizer)
    backwards = run(mixture, sequences[::-1], tokenizer)[::-1]
    for i, sequence in enumerate(sequences):
        torch.testing.assert_close(run(mixture, [sequence], tokenizer)[0], together[i], rtol=0, atol=1e-5)
        torch.testing.assert_close(backwards[i], together[i], rtol=0, atol=1e-5)


def test_wanted_states_are_the_same_as_among_all(
    mixture: Mixture, tokenizer: MotionTokenizer, sequences: list[TokenSequence]
) -> None:
    plain = TokenBatch.of([tokenizer.plain("jumps")] * 2, tokenizer.special, 4)
    for batch in (TokenBatch.of(sequences[::2], tokenizer.special, 4), plain):
        with torch.no_grad():
            whole = mixture(batch)
            some = mixture(batch, text_rows=batch.last_rows)
            none = mixture(batch, text_rows=batch.last_rows[:0])
        torch.testing.assert_close(some.text, whole.text[batch.last_rows], rtol=0, atol=1e-6)
        assert none.text.shape == (0, whole.text.shape[1])
        for hidden in (some, none):
            torch.testing.assert_close(hidden.motion, whole.motion, rtol=0, atol=0)


def test_nothing_depends_on_what_comes_later(
    mixture: Mixture, tokenizer: MotionTokenizer, sequences: list[TokenSequence]
) -> None:
    whole = run(mixture, [sequences[1]], tokenizer)[0]
    cut = TokenSequence(sequences[1].prompt, sequences[1].answer[:2])
    torch.testing.assert_close(run(mixture, [cut], tokenizer)[0], whole[: len(cut)], rtol=0, atol=1e-5)


def test_text_tokens_ignore_the_motion_branch_until_a_motion(
    mixture: Mixture, tokenizer: MotionTokenizer, sequences: list[TokenSequence]
) -> None:
    first_slot = sequences[1].ids.index(tokenizer.special.in_slot)
    before = run(mixture, sequences, tokenizer)[1]
    torch.nn.init.zeros_(mixture.motion.layers[0].get_parameter("qkv.weight"))
    after = run(mixture, sequences, tokenizer)[1]
    torch.testing.assert_close(after[:first_slot], before[:first_slot], rtol=0, atol=0)
    assert (after[first_slot:] != before[first_slot:]).any(-1).all()


def test_cached_steps_equal_the_whole_sequence(
    mixture: Mixture, tokenizer: MotionTokenizer, sequences: list[TokenSequence]
) -> None:
    prompts = [TokenSequence(s.prompt) for s in sequences[:2]]
    more = torch.tensor([tokenizer.encode("a person walks")[:3], tokenizer.encode("jumps twice")[:3]])
    context = torch.randn(1, 4, mixture.config.width, generator=torch.Generator().manual_seed(0))
    for chosen in (prompts, [prompts[1]] * 2):
        cache = mixture.cache(2, 40)
        present = context[:0] if chosen[0] is chosen[1] else context
        present = context.expand(2, -1, -1) if chosen[0] is chosen[1] else context
        with torch.no_grad():
            mixture(TokenBatch.of(chosen, tokenizer.special, 4), present, cache)
            stepped = [mixture.step(ids, cache) for ids in more.T]
            assert (cache.step._calls is not None) == kernels.available()
            for step, states in enumerate(stepped):
                longer = [
                    TokenSequence(s.prompt, tuple(ids[: step + 1]))
                    for s, ids in zip(chosen, more.tolist(), strict=True)
                ]
                batch = TokenBatch.of(longer, tokenizer.special, 4)
                whole = mixture(batch, present).text[batch.last_rows]
                torch.testing.assert_close(states, whole, rtol=0, atol=1e-5)


@pytest.mark.parametrize("library", [True, False])
def test_a_full_cache_is_refused(
    mixture: Mixture, tokenizer: MotionTokenizer, monkeypatch: pytest.MonkeyPatch, library: bool
) -> None:
    if not library:
        monkeypatch.setattr(kernels.library, "_RUN", None)
    cache = mixture.cache(1, 6)
    with torch.no_grad():
        mixture(TokenBatch.of([TokenSequence((1, 2, 3, 4))], tokenizer.special, 4), None, cache)
        for _ in range(2):
            mixture.step(torch.tensor([5]), cache)
        with pytest.raises(ModelError, match="full at 6 tokens"):
            mixture.step(torch.tensor([5]), cache)


def filled(config: MixtureConfig, tokenizer: MotionTokenizer) -> Mixture:
    torch.manual_seed(0)
    model = Mixture(replace(config, text_vocab_size=tokenizer.special.text_vocab_size)).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return model


@pytest.mark.parametrize("config", [GPT2, LLAMA, NARROW], ids=["gpt2", "llama", "narrow"])
def test_motion_after_kept_prompts_equals_the_whole_sequence(
    config: MixtureConfig, tokenizer: MotionTokenizer
) -> None:
    mixture = filled(config, tokenizer)
    requests = [
        tokenizer.motion_request(text) for text in ("a person walks", "someone jumps twice, then sits")
    ]
    whole = TokenBatch.of(requests, tokenizer.special, 4)
    prompts = [TokenSequence(request.ids[:-4]) for request in requests]
    kept = mixture.cache(2, 60)
    expected = mixture(whole).motion[whole.out_rows]
    expected.square().sum().backward()
    gradients = {name: p.grad for name, p in mixture.motion.named_parameters() if p.grad is not None}
    mixture.zero_grad()
    with torch.no_grad():
        mixture(TokenBatch.of(prompts, tokenizer.special, 4), cache=kept)
    states = mixture.motion_states(torch.full((2, 4), 2), kept)
    torch.testing.assert_close(states, expected, rtol=0, atol=1e-5)
    states.square().sum().backward()
    for name, parameter in mixture.motion.named_parameters():
        if name in gradients:
            torch.testing.assert_close(parameter.grad, gradients[name], rtol=1e-3, atol=1e-5)


def test_a_motion_branch_may_have_its_own_width(tokenizer: MotionTokenizer) -> None:
    mixture = filled(NARROW, tokenizer)
    batch = TokenBatch.of(
        [tokenizer.sequence(f"what is {tokenizer.motion_in}", "a person walks"), tokenizer.plain("jumps")],
        tokenizer.special,
        4,
    )
    hidden = mixture(batch, torch.randn(1, 4, 20))
    assert (hidden.text.shape[1], hidden.motion.shape[1]) == (32, 20)
    hidden.text.square().sum().backward()
    assert all(p.grad is not None for p in mixture.motion.layers[0].parameters())
    with pytest.raises(ConfigError, match="needs rotary positions"):
        replace(GPT2, motion_width=20)


def test_frozen_text_branch_changes_no_gradient(tokenizer: MotionTokenizer, mixture: Mixture) -> None:
    batch = TokenBatch.of([tokenizer.motion_request("a person walks")], tokenizer.special, 4)
    assert batch.text_first
    mixture(batch).motion.square().sum().backward()
    expected = {name: p.grad.clone() for name, p in mixture.motion.named_parameters() if p.grad is not None}
    mixture.zero_grad()
    mixture.text.requires_grad_(False)
    mixture(batch).motion.square().sum().backward()
    assert expected
    for name, p in mixture.motion.named_parameters():
        if name in expected:
            torch.testing.assert_close(p.grad, expected[name])


def test_faults_are_named(mixture: Mixture, tokenizer: MotionTokenizer) -> None:
    special = tokenizer.special
    with pytest.raises(ModelError, match="65 tokens is longer than the model's 64"):
        mixture(TokenBatch.of([TokenSequence((1,) * 65)], special, 4))
    with pytest.raises(ModelError, match="slots for 1 motions, got 0"):
        mixture(TokenBatch.of([tokenizer.text_request(tokenizer.motion_in)], special, 4))
    with pytest.raises(ConfigError, match="multiple of kv_heads"):
        replace(GPT2, kv_heads=3)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_llama_text_branch_equals_transformers() -> None:
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    reference = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=300,
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=64,
            rms_norm_eps=1e-5,
            rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
            tie_word_embeddings=True,
        )
    ).eval()
    actual = Mixture(LLAMA).eval()
    state = reference.model.state_dict()
    with torch.no_grad():
        actual.text.embedding.weight.copy_(state["embed_tokens.weight"])
        actual.text.norm.weight.copy_(state["norm.weight"])
        for i, layer in enumerate(actual.text.layers):
            part = {k.removeprefix(f"layers.{i}."): v for k, v in state.items() if f"layers.{i}." in k}
            qkv = [part[f"self_attn.{name}_proj.weight"] for name in "qkv"]
            layer.qkv.weight.copy_(torch.cat(qkv))
            layer.out.weight.copy_(part["self_attn.o_proj.weight"])
            layer.norm_attention.weight.copy_(part["input_layernorm.weight"])
            layer.norm_feed_forward.weight.copy_(part["post_attention_layernorm.weight"])
            layer.feed_forward.gate.weight.copy_(part["mlp.gate_proj.weight"])
            layer.feed_forward.up.weight.copy_(part["mlp.up_proj.weight"])
            layer.feed_forward.down.weight.copy_(part["mlp.down_proj.weight"])
        ids = torch.randint(0, 290, (1, 20))
        batch = TokenBatch.of([TokenSequence(tuple(ids[0].tolist()))], SpecialIds(300, 0), 4)
        torch.testing.assert_close(
            actual.logits(actual(batch).text)[None], reference(ids).logits, rtol=0, atol=1e-5
        )
