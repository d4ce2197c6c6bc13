"""Fewer bits change a model's results by little, and its transformer's layers only."""

import copy
from dataclasses import replace
from typing import Literal

import pytest
import torch
from torch import nn

from bimotion.models import kernels
from bimotion.models.motion_language import MotionLanguage
from bimotion.models.precision import QuantizedLinear, set_precision
from bimotion.models.tokens import MotionTokenizer, TokenSequence

WITH_AND_WITHOUT_THE_LIBRARY = pytest.mark.parametrize("library", [True, False])


def fewer(micro: MotionLanguage, precision: Literal["bf16", "int8"]) -> MotionLanguage:
    copied = copy.deepcopy(micro)
    set_precision(copied, precision)
    return copied


@pytest.fixture
def maybe_library(library: bool, monkeypatch: pytest.MonkeyPatch) -> bool:
    if not library:
        monkeypatch.setattr(kernels.library, "_RUN", None)
    elif not kernels.available():
        pytest.skip("the kernels were not compiled")
    return library


@WITH_AND_WITHOUT_THE_LIBRARY
@pytest.mark.parametrize(("precision", "most"), [("bf16", 0.01), ("int8", 0.05)])
def test_conditions_and_scores_stay_close(
    micro: MotionLanguage,
    tokenizer: MotionTokenizer,
    maybe_library: bool,
    precision: Literal["bf16", "int8"],
    most: float,
) -> None:
    rough = fewer(micro, precision)
    batch = micro.batch([tokenizer.motion_request("a person walks"), tokenizer.motion_request("jumps")])
    eye = torch.eye(32, dtype=rough.understanding.weight.dtype)
    with torch.no_grad():
        for before, after in (
            (micro.condition(batch), rough.condition(batch)),
            (micro.mixture.logits(torch.eye(32)), rough.mixture.logits(eye)),
        ):
            error = float((after.float() - before).norm() / before.norm())
            assert 0 < error < most


@WITH_AND_WITHOUT_THE_LIBRARY
def test_only_the_transformer_is_in_eight_bits(micro: MotionLanguage, maybe_library: bool) -> None:
    rough = fewer(micro, "int8")
    own = {name for name, part in micro.named_modules() if isinstance(part, nn.Linear)}
    layers = {name for name in own if name.startswith(("mixture.text.layers", "mixture.motion.layers"))}
    assert {name for name, part in rough.named_modules() if isinstance(part, QuantizedLinear)} == {
        *layers,
        "mixture.output",
    }
    assert {name for name, part in rough.named_modules() if type(part) is nn.Linear} == set()
    assert rough.mixture.text.embedding.weight.equal(micro.mixture.text.embedding.weight)


@WITH_AND_WITHOUT_THE_LIBRARY
@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_the_llama_family_has_it_too(
    micro: MotionLanguage, maybe_library: bool, precision: Literal["bf16", "int8"]
) -> None:
    mixture = replace(micro.config.mixture, family="llama", kv_heads=1)
    network = MotionLanguage(replace(micro.config, mixture=mixture)).eval()
    rough = fewer(network, precision)
    batch = network.batch([TokenSequence((1, 2, 3, 4, 5))])
    with torch.no_grad():
        before, after = (one.mixture(batch).text.float() for one in (network, rough))
        assert 0 < float((after - before).norm() / before.norm()) < 0.05
    assert len(rough.generate(batch)) == 1


@pytest.mark.skipif(not kernels.available(), reason="the kernels were not compiled")
@pytest.mark.parametrize(("precision", "share"), [("bf16", 1 / 2), ("int8", 1 / 4)])
def test_weights_take_the_memory_of_their_bits(precision: Literal["bf16", "int8"], share: float) -> None:
    layer = QuantizedLinear(torch.randn(64, 96), None, precision)
    assert layer.weight.element_size() * layer.weight.numel() == 64 * 96 * 4 * share


@pytest.mark.skipif(not kernels.available(), reason="the kernels were not compiled")
def test_a_row_of_zeros_stays_zero_and_one_that_is_not_finite_shows() -> None:
    layer = QuantizedLinear(torch.cat((torch.zeros(1, 40), torch.randn(7, 40))), None, "int8")
    x = torch.randn(3, 40)
    x[1, 5], x[2] = torch.nan, 0
    y = layer(x)
    assert y[0, 0] == 0
    assert y[0, 1:].isfinite().all()
    assert y[1].isnan().all()
    assert (y[2] == 0).all()
