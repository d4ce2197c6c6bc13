"""Weights laid out for few rows compute the same, while they are wanted and no longer."""

import pytest
import torch
from torch import nn

from bimotion.models.few_rows import few_rows


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("rows", [1, 2, 7, 32, 100])
def test_products_are_the_same_with_any_number_of_rows(rows: int, bias: bool) -> None:
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Linear(48, 32, bias=bias), nn.GELU(), nn.Linear(32, 20, bias=bias))
    with torch.inference_mode():
        for count in (rows, 3 * rows):
            x = torch.randn(count, 48)
            expected = layers(x)
            with few_rows([layers], rows):
                torch.testing.assert_close(layers(x), expected, rtol=0, atol=1e-5)


def test_the_layers_are_themselves_again_afterwards() -> None:
    layer = nn.Linear(8, 8)
    x = torch.randn(4, 8)
    with pytest.raises(RuntimeError), torch.inference_mode(), few_rows([layer], 4):
        layer(torch.randn(4, 9))
    nn.init.zeros_(layer.weight)
    torch.testing.assert_close(layer(x), layer.bias.expand(4, -1))


def test_it_is_for_some_rows_in_single_precision() -> None:
    for layer, rows in ((nn.Linear(8, 8), 1), (nn.Linear(8, 8), 1000), (nn.Linear(8, 8).double(), 4)):
        with few_rows([layer], rows):
            assert "forward" not in vars(layer)
    layer = nn.Linear(8, 8)
    with few_rows([layer], 4):
        assert "forward" in vars(layer)
