"""Single streams and learned experts beside the two branches: what is shared, what is routed, what it costs."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from bimotion.errors import ConfigError
from bimotion.models.branch import MixtureConfig, Stream
from bimotion.models.experts import ExpertFeedForward, balance_loss
from bimotion.models.kernels import Norm
from bimotion.models.mixture import Mixture
from bimotion.models.token_batch import TokenBatch
from bimotion.models.tokens import MotionTokenizer

TWO = MixtureConfig(
    family="llama",
    text_vocab_size=300,
    width=24,
    layers=2,
    heads=2,
    ff_width=64,
    max_positions=64,
    dropout=0.0,
)


def build(stream: Stream, tokenizer: MotionTokenizer) -> Mixture:
    torch.manual_seed(0)
    config = replace(TWO, stream=stream, text_vocab_size=tokenizer.special.text_vocab_size)
    mixture = Mixture(config)
    for parameter in mixture.parameters():
        nn.init.normal_(parameter, std=0.2)
    return mixture


@pytest.fixture
def batch(tokenizer: MotionTokenizer) -> TokenBatch:
    sequences = [
        tokenizer.sequence("a person walks", tokenizer.motion_out),
        tokenizer.sequence(f"what is {tokenizer.motion_in}", "a person walks"),
    ]
    return TokenBatch.of(sequences, tokenizer.special, 4)


def states(mixture: Mixture, batch: TokenBatch) -> torch.Tensor:
    return torch.cat(mixture(batch, torch.ones(1, 4, 24)))


def layer_parameters(mixture: Mixture) -> int:
    return sum(
        p.numel()
        for name, p in mixture.named_parameters()
        if ".layers." in name and "norm" not in name and "router" not in name
    )


def test_a_single_stream_is_two_branches_with_equal_weights(
    tokenizer: MotionTokenizer, batch: TokenBatch
) -> None:
    one, two = build("one", tokenizer).eval(), build("two", tokenizer).eval()
    two.text.load_state_dict(one.text.state_dict())
    two.motion.layers.load_state_dict(one.text.layers.state_dict())
    two.motion.norm.load_state_dict(one.text.norm.state_dict())
    two.motion.embedding.load_state_dict(one.motion.embedding.state_dict())
    torch.testing.assert_close(states(one, batch), states(two, batch))


def test_experts_hold_as_many_weights_as_two_branches_and_a_token_uses_half_of_them(
    tokenizer: MotionTokenizer,
) -> None:
    one, two, experts = (build(stream, tokenizer) for stream in ("one", "two", "experts"))
    assert layer_parameters(experts) == layer_parameters(two) == 2 * layer_parameters(one)
    layer = experts.text.layers[0].feed_forward
    assert isinstance(layer, ExpertFeedForward)
    used = layer.top_k * sum(p.numel() for p in layer.experts[0].parameters())
    assert used == sum(p.numel() for p in one.text.layers[0].feed_forward.parameters())


@pytest.mark.parametrize("stream", ["one", "experts"])
def test_motion_learns_the_weights_that_text_uses(
    stream: Stream, tokenizer: MotionTokenizer, batch: TokenBatch
) -> None:
    mixture = build(stream, tokenizer).train()
    mixture(batch, torch.ones(1, 4, 24)).motion.sum().backward()
    assert mixture.text.layers[0].qkv.weight.grad is not None
    assert not list(mixture.motion.layers.parameters())


@pytest.mark.parametrize("stream", ["two", "one", "experts"])
def test_step_by_step_is_as_at_once(stream: Stream, tokenizer: MotionTokenizer) -> None:
    mixture = build(stream, tokenizer).eval()
    sequences = [
        tokenizer.sequence(text, tokenizer.motion_out) for text in ("a person walks", "someone jumps twice")
    ]
    batch = TokenBatch.of(sequences, tokenizer.special, 4)
    earlier = torch.randn(2, 3, 24)
    with torch.no_grad():
        at_once = mixture(batch, earlier=earlier).motion[batch.out_rows]
        cache = mixture.cache(2, batch.length)
        mixture(batch, None, cache)
        cache.advance(-4)
        first = mixture.motion.embedding.weight[2].expand(2, -1)
        steps = [
            mixture.step_motion(each.contiguous(), cache).clone() for each in (first, *earlier.unbind(1))
        ]
    torch.testing.assert_close(torch.stack(steps, 1), at_once)


def test_an_expert_layer_is_the_sum_of_its_chosen_experts() -> None:
    torch.manual_seed(0)
    layer = build_layer()
    x, norm = torch.randn(7, 24), Norm("rms", torch.ones(24), None, 1e-5)
    shares, chosen, probabilities = layer.route(x, norm)
    expected = torch.stack(
        [
            sum(
                share * layer.experts[int(number)](row[None], norm, 0.0)[0]
                for share, number in zip(*each, strict=True)
            )
            for row, each in zip(x, zip(shares, chosen, strict=True), strict=True)
        ]
    )
    torch.testing.assert_close(layer(x, norm, 0.0), expected)
    torch.testing.assert_close(shares.sum(-1), torch.ones(7))
    assert torch.equal(chosen.sort(-1).values, probabilities.topk(2).indices.sort(-1).values)


def build_layer() -> ExpertFeedForward:
    mixture = Mixture(replace(TWO, stream="experts"))
    layer = mixture.text.layers[0].feed_forward
    assert isinstance(layer, ExpertFeedForward)
    return layer.eval()


def test_the_balance_loss_is_1_for_equal_loads_and_higher_for_others() -> None:
    equal = torch.full((4, 2), 0.5)
    assert balance_loss(equal, torch.tensor([[0], [1], [0], [1]])) == 1
    uneven = torch.tensor([[0.9, 0.1]] * 4)
    assert balance_loss(uneven, torch.zeros(4, 1, dtype=torch.long)) == pytest.approx(1.8)


def test_the_router_learns_to_balance(tokenizer: MotionTokenizer, batch: TokenBatch) -> None:
    mixture = build("experts", tokenizer).train()
    states(mixture, batch)
    mixture.balance().backward()
    layer = mixture.text.layers[0].feed_forward
    assert layer.router.weight.grad.abs().max() > 0
    mixture.eval()
    states(mixture, batch)
    assert mixture.balance() == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stream": "one", "motion_width": 12}, "has no motion branch"),
        ({"stream": "experts", "top_k": 3}, "multiple of top_k"),
        ({"top_k": 6}, "top_k"),
    ],
)
def test_settings_that_do_not_fit_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        replace(TWO, **change)
