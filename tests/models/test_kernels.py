"""The kernels compute what torch does, whatever the sizes, and a row's result is its own."""

import inspect
from collections.abc import Iterator
from threading import Thread
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from bimotion.models import kernels
from bimotion.models.branch import Rotary
from bimotion.models.kernels import Activation, CallGraph, Norm, attend_next, broadcast_last, product

pytestmark = pytest.mark.skipif(not kernels.available(), reason="the kernels were not compiled here")

unchecked = inspect.unwrap(product)
"""Without the type checks that tests run under, which would refuse wrong shapes first."""

BEST = kernels.variant() or ""
"""Chosen when the library was loaded."""


def usable_variants() -> list[str]:
    """Those that this processor has, best first."""
    found = [name for name in kernels.VARIANTS if kernels.use_variant(name)]
    kernels.use_variant(BEST)
    return found


SIZES = {"rows": st.integers(1, 140), "width": st.integers(1, 70), "count": st.integers(1, 90)}


@pytest.fixture(params=usable_variants(), scope="module", autouse=True)
def variant(request: pytest.FixtureRequest) -> Iterator[str]:
    """Every test is run with each variant that this processor has."""
    assert kernels.use_variant(request.param)
    yield request.param
    assert kernels.use_variant(BEST)


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def tensors(seed: int, *shapes: tuple[int, ...]) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator) for shape in shapes]


def eight_bits(weight: Tensor) -> tuple[Tensor, Tensor]:
    scale = weight.abs().amax(1) / 127
    return (weight / scale[:, None]).round().to(torch.int8), scale


@settings(max_examples=60, deadline=None)
@given(**SIZES, bias=st.booleans(), seed=st.integers(0, 2**31 - 1))
def test_products_are_those_of_torch(rows: int, width: int, count: int, bias: bool, seed: int) -> None:
    x, weight, added = tensors(seed, (rows, width), (count, width), (count,))
    shift = added if bias else None
    torch.testing.assert_close(product(x, weight, shift), F.linear(x, weight, shift), rtol=1e-5, atol=1e-4)
    half = weight.bfloat16()
    torch.testing.assert_close(
        product(x, half, shift), F.linear(x, half.float(), shift), rtol=1e-5, atol=1e-4
    )
    whole, scale = eight_bits(weight)
    exact = F.linear(x, whole * scale[:, None], shift)
    # rows are rounded to at least 2 ** 14 levels on each side of zero at this width
    atol = float(x.abs().max()) / 2**14 * float(weight.abs().sum(1).max()) + 1e-5
    torch.testing.assert_close(product(x, whole, shift, scale), exact, rtol=1e-5, atol=atol)


@settings(max_examples=40, deadline=None)
@given(
    **SIZES,
    norm=st.sampled_from(("layer", "rms", None)),
    context_rows=st.integers(1, 4),
    activation=st.sampled_from(("gelu", "silu", None)),
    seed=st.integers(0, 2**31 - 1),
)
def test_norms_activations_gates_and_sums_are_those_of_torch(
    rows: int,
    width: int,
    count: int,
    norm: str | None,
    context_rows: int,
    activation: Activation | None,
    seed: int,
) -> None:
    context_rows = min(context_rows, rows)
    x, weight, gain, shift, gate, add = tensors(
        seed,
        (rows, width),
        (count, width),
        (context_rows, width),
        (context_rows, width),
        (context_rows, count),
        (rows, count),
    )
    weight /= width**0.5
    x, expected = 3 * x + 1, 3 * x + 1
    around = None
    if norm == "layer":
        around = Norm("layer", gain, shift, 1e-5)
        expected = F.layer_norm(expected, (width,), eps=1e-5) * broadcast_last(gain, rows) + broadcast_last(
            shift, rows
        )
    elif norm == "rms":
        around = Norm("rms", gain[0], None, 1e-5)
        expected = F.rms_norm(expected, (width,), gain[0], 1e-5)
    expected = F.linear(expected, weight)
    if activation is not None:
        expected = F.silu(expected) if activation == "silu" else F.gelu(expected, approximate="tanh")
    expected = expected * broadcast_last(gate, rows) + add
    got = product(x, weight, norm=around, activation=activation, gate=gate, add=add)
    # the variance of two or three numbers near each other is a difference of large ones
    loose = 1e-2 if norm == "layer" and width < 4 else 1e-4
    torch.testing.assert_close(got, expected, rtol=loose, atol=loose)


@pytest.mark.parametrize("activation", ["gelu", "silu"])
def test_activations_hold_from_one_end_of_the_numbers_to_the_other(activation: Activation) -> None:
    x = torch.cat((torch.linspace(-110, 110, 4001), torch.tensor([-1e30, 1e30, 0.0, -0.0, 1e-30])))
    got = product(x[:, None], torch.ones(1, 1), activation=activation)[:, 0]
    expected = F.silu(x.double()) if activation == "silu" else F.gelu(x.double(), approximate="tanh")
    torch.testing.assert_close(got.double(), expected, rtol=1e-5, atol=1e-6)
    strange = product(torch.tensor([[torch.nan], [torch.inf]]), torch.ones(1, 1), activation=activation)
    assert strange[0].isnan()
    assert strange[1] == torch.inf


@pytest.mark.parametrize("bits", ["fp32", "bf16", "int8"])
def test_a_row_is_the_same_to_the_bit_whatever_it_is_computed_with(bits: str, two_threads: None) -> None:
    x, weight, bias, gain, shift = tensors(3, (300, 77), (101, 77), (101,), (77,), (77,))
    scale = None
    if bits != "fp32":
        weight, scale = eight_bits(weight) if bits == "int8" else (weight.bfloat16(), None)
    around = {"norm": Norm("layer", gain, shift, 1e-5), "activation": "gelu"}
    together = product(x, weight, bias, scale, **around)
    for rows in (1, 2, 3, 4, 5, 8, 131):
        for threads in (1, 2):
            torch.set_num_threads(threads)
            assert torch.equal(product(x[:rows], weight, bias, scale, **around), together[:rows])


@pytest.mark.parametrize(("heads", "groups", "width"), [(3, 3, 8), (6, 2, 12), (4, 1, 64)])
@pytest.mark.parametrize("turned", [True, False])
def test_one_more_token_attends_as_in_torch(heads: int, groups: int, width: int, turned: bool) -> None:
    qkv, keys, values = tensors(
        1, (3, (heads + 2 * groups) * width), (3, groups, 20, width), (3, groups, 20, width)
    )
    filled = torch.tensor([0, 7, 19])
    rotary = Rotary(width, 20, 10000.0)
    q, k, v = qkv.view(3, 1, -1, width).transpose(1, 2).split([heads, groups, groups], dim=1)
    if turned:
        q, k = rotary(q, filled[:, None]), rotary(k, filled[:, None])
    own_keys, own_values = keys.clone(), values.clone()
    for row, position in enumerate(filled):
        own_keys[row, :, position], own_values[row, :, position] = k[row, :, 0], v[row, :, 0]
    mask = (torch.arange(20) <= filled[:, None])[:, None, None]
    expected = F.scaled_dot_product_attention(q, own_keys, own_values, attn_mask=mask, enable_gqa=True)
    got = attend_next(qkv, keys, values, filled, (rotary.cosine, rotary.sine) if turned else None)
    torch.testing.assert_close(got, expected.transpose(1, 2).reshape(3, -1), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(keys, own_keys, rtol=1e-5, atol=1e-6)
    assert torch.equal(values, own_values)


def test_repeated_calls_see_what_they_are_given() -> None:
    first, second = tensors(5, (24, 16), (8, 24))
    repeated = CallGraph()

    def function(x: Tensor, add: Tensor) -> Tensor:
        return product(product(x, first, activation="gelu"), second, add=add)

    for seed in range(4):
        x, add = tensors(seed, (2, 16), (2, 8))
        assert torch.equal(repeated(function, x, add), function(x, add))
    assert repeated._calls is not None
    assert len(repeated._calls) == 2


def test_what_torch_computes_between_the_kernels_is_computed_each_time() -> None:
    [weight] = tensors(5, (8, 16))
    repeated = CallGraph()
    for seed in range(3):
        [x] = tensors(seed, (2, 16))
        assert torch.equal(repeated(lambda x: product(x, weight).relu(), x), product(x, weight).relu())
    assert repeated._calls is None


def test_what_another_thread_computes_is_not_recorded() -> None:
    weight, reference = tensors(5, (8, 16), (1, 16))
    repeated = CallGraph()

    def function(x: Tensor) -> Tensor:
        other = Thread(target=product, args=(reference, weight))
        other.start()
        other.join()
        return product(x, weight)

    repeated(function, torch.ones(2, 16))
    assert repeated._calls is not None
    assert len(repeated._calls) == 1


def test_a_torch_norm_becomes_ours() -> None:
    [x] = tensors(2, (4, 32))
    for module in (nn.LayerNorm(32, eps=1e-3), nn.RMSNorm(32, eps=1e-3)):
        with torch.no_grad():
            module.weight.uniform_()
            torch.testing.assert_close(Norm.of(module)(x), module(x))
            eye = torch.eye(32)
            torch.testing.assert_close(product(x, eye, norm=Norm.of(module)), module(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weight": torch.ones(3, 5)}, "x: expected rows of 5"),
        ({"weight": torch.ones(4, 3).T}, "packed matrix"),
        ({"weight": torch.ones(3)}, "packed matrix"),
        ({"weight": torch.ones(3, 4, dtype=torch.float64)}, "packed matrix"),
        ({"weight": torch.ones(3, 4, dtype=torch.int8)}, "int8 weights need one"),
        ({"scale": torch.ones(3)}, "others have none"),
        ({"bias": torch.ones(2)}, "bias: expected 3"),
        ({"bias": torch.ones(6)[::2]}, "bias: expected 3"),
        ({"x": torch.ones(2, 4).double()}, "single precision"),
        ({"add": torch.ones(1, 3)}, "as many rows as x"),
        ({"gate": torch.ones(2, 4)}, "gate: expected rows of 3"),
        ({"norm": Norm("rms", torch.ones(3), None, 1e-5)}, "gain: expected rows of 4"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(change: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {"x": torch.ones(2, 4), "weight": torch.ones(3, 4)}
    assert product(**arguments).tolist() == [[4.0] * 3] * 2
    with pytest.raises(ValueError, match=message):
        unchecked(**(arguments | change))


def test_what_the_processor_lacks_is_not_used(variant: str) -> None:
    assert not kernels.use_variant("neon2")
    assert kernels.variant() == variant
    assert usable_variants()[0] == BEST
    assert usable_variants()[-1] == "plain"
    assert kernels.use_variant(variant)


def test_no_rows_are_no_work() -> None:
    x = torch.ones(2, 0, 4)
    for weight, scale in ((torch.ones(3, 4), None), eight_bits(torch.ones(3, 4))):
        assert product(x, weight, torch.ones(3), scale, add=torch.ones(2, 0, 3)).shape == (2, 0, 3)
        assert product(x, weight, torch.ones(3), scale, gate=torch.ones(0, 3)).shape == (2, 0, 3)
