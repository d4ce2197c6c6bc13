"""Products in blocks are those of torch, whatever the sizes."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from bimotion.models.linear import Linear, linear
from bimotion.models.kernels import MOST_ROWS


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, MOST_ROWS + 1), st.integers(1, 70), st.integers(1, 300), st.booleans(), st.integers(0, 2**31 - 1)
)
def test_products_are_those_of_torch(rows: int, width: int, count: int, bias: bool, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    x, weight = (torch.randn(n, width, generator=generator) for n in (rows, count))
    added = torch.randn(count, generator=generator) if bias else None
    expected = F.linear(x, weight, added)
    with torch.inference_mode():
        torch.testing.assert_close(linear(x, weight, added), expected, rtol=1e-5, atol=1e-4)
        torch.testing.assert_close(linear(x[None], weight, added), expected[None], rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("shape", [(64,), (1, 64), (2, 3, 64), (5, 1, 64)])
def test_shapes_are_kept(shape: tuple[int, ...]) -> None:
    layer = Linear(64, 96)
    with torch.no_grad():
        assert layer(torch.zeros(shape)).shape == (*shape[:-1], 96)
        assert layer.double()(torch.zeros(shape).double()).dtype == torch.float64


def test_gradients_flow_where_they_are_wanted() -> None:
    layer = Linear(64, 96)
    layer(torch.ones(2, 64)).sum().backward()
    assert layer.weight.grad is not None
    torch.testing.assert_close(layer.weight.grad, torch.full((96, 64), 2.0))


def test_inputs_and_parameters_stay_as_they_are() -> None:
    layer = Linear(64, 96)
    x, before = torch.randn(3, 64), {name: value.clone() for name, value in layer.state_dict().items()}
    kept = x.clone()
    with torch.inference_mode():
        layer(x)
    assert torch.equal(x, kept)
    assert all(torch.equal(value, before[name]) for name, value in layer.state_dict().items())
