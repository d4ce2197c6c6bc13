"""Continuous batching: sequences join and leave while others are decoded, and each gets the text that it gets alone."""

import pytest
import torch

from bimotion.errors import ModelError
from bimotion.models.batch_invariance import batch_invariant
from bimotion.models.continuous import ContinuousDecoder
from bimotion.models.generate import DecodingConfig
from bimotion.models.motion_language import MotionLanguage
from bimotion.models.presets import preset
from bimotion.models.tokens import TokenSequence


@pytest.fixture(scope="module")
def micro() -> MotionLanguage:
    torch.manual_seed(0)
    model = MotionLanguage(preset("micro")).eval()
    torch.nn.init.normal_(model.mixture.text.embedding.weight, std=1.0)  # texts that differ, and end
    return model


PROMPTS = [TokenSequence((5, 6, 7)), TokenSequence((9,)), TokenSequence((3, 4, 5, 6, 8))]


def decoded(decoder: ContinuousDecoder) -> dict[object, list[list[int]]]:
    texts = {}
    while decoder.rows:
        texts |= dict(decoder.step())
    return texts


def test_a_text_does_not_depend_on_who_joins_and_when(micro: MotionLanguage) -> None:
    config = DecodingConfig(max_tokens=12)
    with batch_invariant():
        alone = [micro.generate(micro.batch([prompt]), decoding=config)[0] for prompt in PROMPTS]
        decoder = ContinuousDecoder(micro.mixture, micro.config.special, max_rows=4)
        texts: dict[object, list[list[int]]] = {}
        for number, prompt in enumerate(PROMPTS):
            decoder.add([number], micro.batch([prompt]), None, config)
            texts |= dict(decoder.step())
            texts |= dict(decoder.step())
        texts |= decoded(decoder)
    assert [texts[number] for number in range(3)] == [[text] for text in alone]
    assert decoder.free == 4


def test_candidates_are_those_of_a_batch(micro: MotionLanguage) -> None:
    config = DecodingConfig(max_tokens=12, temperature=100.0, top_k=20)
    with batch_invariant():
        together = micro.generate(
            micro.batch([PROMPTS[0]] * 3), decoding=config, generator=torch.Generator().manual_seed(0)
        )
        decoder = ContinuousDecoder(micro.mixture, micro.config.special)
        decoder.add(["greedy"], micro.batch([PROMPTS[1]]), None, DecodingConfig(max_tokens=5))
        decoder.add(["drawn"], micro.batch([PROMPTS[0]]), None, config, candidates=3)
        texts = decoded(decoder)
    assert texts["drawn"] == together
    assert len({tuple(text) for text in together}) > 1


def test_a_dropped_prompt_leaves_the_others_as_they_are(micro: MotionLanguage) -> None:
    config = DecodingConfig(max_tokens=8)
    with batch_invariant():
        alone = micro.generate(micro.batch([PROMPTS[2]]), decoding=config)
        decoder = ContinuousDecoder(micro.mixture, micro.config.special, max_rows=2)
        decoder.add(["given up", "kept"], micro.batch([PROMPTS[0], PROMPTS[2]]), None, config)
        decoder.step()
        decoder.drop("given up")
        assert decoded(decoder) == {"kept": alone}


def test_no_more_join_than_there_are_rows(micro: MotionLanguage) -> None:
    decoder = ContinuousDecoder(micro.mixture, micro.config.special, max_rows=2)
    with pytest.raises(ModelError, match="3 sequences cannot join: 2 rows are free"):
        decoder.add(["a"], micro.batch([PROMPTS[0]]), None, DecodingConfig(temperature=1.0), candidates=3)
