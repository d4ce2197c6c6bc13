"""Linear layers with what stands around them give the same with the kernels as with torch."""

import pytest
import torch
from torch.nn import functional as F

from bimotion.models import kernels
from bimotion.models.kernels import MAX_KERNEL_ROWS, Norm, usable
from bimotion.models.linear import Linear


@pytest.mark.parametrize(
    "shape", [(64,), (1, 64), (2, 3, 64), (5, 1, 64), (0, 64), (MAX_KERNEL_ROWS + 1, 64)]
)
def test_shapes_and_dtypes_are_kept(shape: tuple[int, ...]) -> None:
    layer = Linear(64, 96)
    with torch.no_grad():
        assert layer(torch.zeros(shape)).shape == (*shape[:-1], 96)
        assert layer.double()(torch.zeros(shape).double()).dtype == torch.float64


@pytest.mark.parametrize("rows", [1, 7, MAX_KERNEL_ROWS + 1])
def test_what_stands_around_is_done_in_its_order(rows: int) -> None:
    layer = Linear(64, 96).eval()
    x, gate, add = torch.randn(rows, 64), torch.randn(2, 96), torch.randn(rows, 96)
    norm = Norm("layer", torch.randn(64), torch.randn(64), 1e-5)
    y = F.layer_norm(x, (64,), norm.gain, norm.shift, norm.eps) @ layer.weight.T + layer.bias
    gates = torch.cat((gate, gate[-1:].expand(rows, -1)))[:rows]
    expected = F.silu(y) * gates + add
    for context in (torch.no_grad, torch.enable_grad):
        with context():
            got = layer(x, norm=norm, activation="silu", gate=gate[:rows], add=add)
            torch.testing.assert_close(got, expected, rtol=1e-5, atol=2e-5)


def test_only_what_is_added_survives_if_all_else_is_dropped() -> None:
    layer = Linear(64, 96)
    x, add = torch.randn(3, 64), torch.randn(3, 96)
    with torch.no_grad():
        assert torch.equal(layer(x, dropout=1.0, add=add), add)
        assert not torch.allclose(layer.eval()(x, dropout=1.0, add=add), add)


def test_gradients_flow_where_they_are_wanted() -> None:
    layer = Linear(64, 96)
    layer(torch.ones(2, 64)).sum().backward()
    assert layer.weight.grad is not None
    torch.testing.assert_close(layer.weight.grad, torch.full((96, 64), 2.0))


def test_what_the_kernels_cannot_take_is_left_to_torch() -> None:
    x, weight = torch.zeros(2, 64), torch.zeros(96, 64)
    assert not usable(x, weight)  # a gradient may be wanted
    with torch.no_grad():
        assert usable(x, weight) == kernels.available()
        assert not usable(torch.zeros(2, 63), weight)
        assert not usable(x, torch.zeros(64, 96).T)
        assert not usable(x.half(), weight)
        assert not usable(torch.zeros(0, 64), weight)
        assert not usable(torch.zeros(MAX_KERNEL_ROWS + 1, 64), weight)
        assert not usable(torch.zeros(2, 64, device="meta"), weight)


def test_inputs_and_parameters_stay_as_they_are() -> None:
    layer = Linear(64, 96).eval()
    x, before = torch.randn(3, 64), {name: value.clone() for name, value in layer.state_dict().items()}
    kept = x.clone()
    with torch.inference_mode():
        layer(x, activation="gelu", add=torch.ones(3, 96))
    assert torch.equal(x, kept)
    assert all(torch.equal(value, before[name]) for name, value in layer.state_dict().items())


def test_without_the_kernels_it_is_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    layer, x = Linear(64, 96).eval(), torch.randn(3, 64)
    with torch.no_grad():
        near = layer(x, activation="gelu")
        monkeypatch.setattr(kernels.library, "_RUN", None)
        torch.testing.assert_close(layer(x, activation="gelu"), near, rtol=1e-5, atol=1e-5)
        assert torch.equal(layer(x), F.linear(x, layer.weight, layer.bias))
