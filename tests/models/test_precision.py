"""Fewer bits change a model's results by little, and its transformer's layers only."""

import copy

import pytest
import torch
from torch import nn

from bimotion.models.motion_language import MotionLanguage
from bimotion.models.precision import quantise
from bimotion.models.tokens import MotionTokenizer


@pytest.fixture
def quantised(micro: MotionLanguage) -> MotionLanguage:
    copied = copy.deepcopy(micro)
    quantise(copied)
    return copied


def test_quantised_conditions_and_scores_stay_close(
    micro: MotionLanguage, quantised: MotionLanguage, tokenizer: MotionTokenizer
) -> None:
    batch = micro.batch([tokenizer.motion_request("a person walks"), tokenizer.motion_request("jumps")])
    with torch.no_grad():
        for before, after in (
            (micro.condition(batch), quantised.condition(batch)),
            (micro.mixture.logits(torch.eye(32)), quantised.mixture.logits(torch.eye(32))),
        ):
            error = float((after - before).norm() / before.norm())
            assert 0 < error < 0.05


def test_only_the_transformer_is_quantised(micro: MotionLanguage, quantised: MotionLanguage) -> None:
    own = {name for name, part in micro.named_modules() if isinstance(part, nn.Linear)}
    kept = {name for name, part in quantised.named_modules() if isinstance(part, nn.Linear)}
    assert own - kept == {
        name for name in own if name.startswith(("mixture.text.layers", "mixture.motion.layers"))
    }
    assert quantised.mixture.text.embedding.weight.equal(micro.mixture.text.embedding.weight)
