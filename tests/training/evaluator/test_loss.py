import math

import numpy as np
import pytest
import torch

from bimotion.errors import ConfigError
from bimotion.training.evaluator.loss import CaptionSimilarity, ContrastiveLossConfig, info_nce

CAPTIONS = ["a person walks.", "someone walks.", "a person waves.", "a person jumps."] * 5


def test_info_nce_in_closed_form() -> None:
    eye = torch.eye(3)
    nothing = torch.zeros(3, 3, dtype=torch.bool)
    perfect = info_nce(eye, eye * 7, nothing, torch.tensor(2.0))
    assert perfect.item() == pytest.approx(math.log(1 + 2 * math.exp(-2)), rel=1e-5)
    same = torch.ones(3, 3)
    assert info_nce(same, same, nothing, torch.tensor(9.0)).item() == pytest.approx(math.log(3), rel=1e-5)


def test_alike_items_are_no_wrong_answers() -> None:
    same = torch.ones(3, 3)
    similar = torch.eye(3, dtype=torch.bool)
    similar[0, 1] = similar[1, 0] = True
    # items 0 and 1 choose among themselves and item 2, which chooses among all three
    expected = (2 * math.log(2) + math.log(3)) / 3
    assert info_nce(same, same, similar, torch.tensor(1.0)).item() == pytest.approx(expected, rel=1e-5)
    everything = torch.ones(3, 3, dtype=torch.bool)
    assert info_nce(same, same, everything, torch.tensor(1.0)).item() == pytest.approx(0, abs=1e-6)


def test_texts_that_differ_in_frequent_words_only_say_the_same() -> None:
    similarity = CaptionSimilarity(["a person walks slowly."] * 99 + ["somebody kicks."], 0.8)
    texts = ["a person kicks.", "Kicks, a person!", "kicks", "a person walks slowly."]
    assert similarity.same_meaning(texts).tolist() == [
        [True, True, True, False],
        [True, True, True, False],
        [True, True, True, False],
        [False, False, False, True],
    ]


def test_items_that_share_a_caption_say_the_same() -> None:
    similarity = CaptionSimilarity(CAPTIONS, 1.0)
    texts = ["a person walks.", "someone walks.", "a person waves."]
    np.testing.assert_array_equal(similarity.same_meaning(texts), np.eye(3, dtype=bool))
    shared = similarity.same_meaning(texts, [["x", "y"], ["y"], ["z"]])
    assert shared[0, 1]
    assert shared[1, 0]
    assert not shared[:2, 2].any()


def test_settings_out_of_range_are_named() -> None:
    with pytest.raises(ConfigError, match=r"alike_words must lie in 0\.\.1, got 2"):
        ContrastiveLossConfig(alike_words=2)


def test_a_wrong_text_counts_for_its_own_motion_only() -> None:
    generator = torch.Generator().manual_seed(0)
    text, motion, wrong = (torch.randn(n, 6, generator=generator) for n in (3, 3, 1))
    similar, scale = torch.eye(3, dtype=torch.bool), torch.tensor(5.0)
    plain = info_nce(text, motion, similar, scale)
    rows = torch.tensor([1])
    far = info_nce(text, motion, similar, scale, (rows, -motion[1:2]))
    near = info_nce(text, motion, similar, scale, (rows, motion[1:2]))
    torch.testing.assert_close(far, plain, atol=1e-3, rtol=0)
    scores = 5 * torch.nn.functional.normalize(motion) @ torch.nn.functional.normalize(text).T
    expected = torch.logsumexp(torch.cat((scores[1], torch.tensor([5.0]))), 0) - torch.logsumexp(scores[1], 0)
    torch.testing.assert_close(near - plain, expected / 6)
