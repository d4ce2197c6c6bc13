"""Attention and layers that VAE and head share."""

import pytest
import torch

from bimotion.models.blocks import EncoderLayer, attend


@pytest.mark.parametrize(("causal", "masked"), [(False, False), (True, False), (False, True)])
def test_training_in_half_precision_attends_alike(causal: bool, masked: bool) -> None:
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 2, 4, 7, 8).unbind(0)
    mask = (torch.arange(7) < torch.tensor([[7], [4]]))[:, None, None] if masked else None
    expected = attend(q, k, v, mask=mask, causal=causal)
    halves = [x.bfloat16().requires_grad_() for x in (q, k, v)]
    attended = attend(*halves, mask=mask, causal=causal)
    assert attended.dtype == torch.bfloat16
    torch.testing.assert_close(attended.float(), expected, rtol=0, atol=0.03)
    attended.float().sum().backward()
    assert all(x.grad is not None and x.grad.isfinite().all() for x in halves)


@pytest.mark.parametrize("norm", ["post", "pre"])
def test_few_queries_give_the_first_rows(norm: str) -> None:
    torch.manual_seed(0)
    layer = EncoderLayer(16, 2, 32, norm="pre" if norm == "pre" else "post").eval()
    x = torch.randn(3, 5, 16)
    with torch.no_grad():
        torch.testing.assert_close(layer(x, None, queries=2), layer(x, None)[:, :2], rtol=0, atol=1e-6)
