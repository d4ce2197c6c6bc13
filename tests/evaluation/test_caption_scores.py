import math
import sys
import types

import numpy as np
import pytest

from bimotion.errors import ConfigError, DataError, ModelError
from bimotion.evaluation.caption_scores import bert_score, bleu, cider_d, published_bleu, rouge_l

CAPTIONS = [
    "a person walks forward.",
    "Someone waves with the left hand",
    "a man jumps up and down and then turns around.",
    "walks walks walks walks",
    "a person runs fast",
]
REFERENCES = [
    ["a person walks forward slowly.", "someone is walking ahead."],
    ["someone waves with the left hand", "a person waves the right hand", "a figure waves"],
    ["a man jumps up and down.", "the person jumps twice and turns around."],
    ["a person walks forward.", "somebody walks"],
    ["a person runs", "someone sprints fast", "a man runs very fast"],
]
ONE = [reference[:1] for reference in REFERENCES]


def test_published_bleu_in_closed_form() -> None:
    # "walks" counts once however often it is said; 4 words against 4, so no penalty.
    assert published_bleu(["walks walks walks walks"], [["a person walks forward."]], 1) == pytest.approx(
        1 / 4
    )
    # all 3 words are right, the shortest reference has 4: exp(1 - 4 / 3)
    assert published_bleu(["A person walks!"], [["a person walks on", "a person walks ahead now"]], 1) == (
        pytest.approx(math.exp(-1 / 3))
    )
    # both references together allow two "the"
    assert published_bleu(["the the cat"], [["the cat", "the the dog"]], 1) == pytest.approx(1)
    assert published_bleu(["a b c"], [["a b c"]], 4) == 0  # no 4-gram, no smoothing


@pytest.mark.parametrize("order", [1, 2, 4])
def test_with_one_reference_published_bleu_is_that_of_nltk(order: int) -> None:
    from nltk.translate.bleu_score import corpus_bleu

    plain = [[text.lower().replace(".", "").split() for text in texts] for texts in ([c] for c in CAPTIONS)]
    expected = corpus_bleu(
        [[reference[0].lower().replace(".", "").split()] for reference in ONE],
        [words[0] for words in plain],
        weights=(1 / order,) * order,
    )
    assert published_bleu(CAPTIONS, ONE, order) == pytest.approx(expected)


def test_bleu_takes_the_reference_nearest_in_length() -> None:
    """Where the shortest one is far shorter, the published penalty is none at all."""
    captions, references = ["a b c d e"], [["x", "a b c d e f g"]]
    assert published_bleu(captions, references, 1) == pytest.approx(1.0)
    assert bleu(captions, references, 1) == pytest.approx(math.exp(1 - 7 / 5))
    assert bleu(CAPTIONS, [[c] for c in CAPTIONS], 4) == pytest.approx(1.0)


def test_rouge_l_takes_the_best_reference() -> None:
    # "a walks" of 3 said and 4 wanted words in order: precision 2/3, recall 2/4
    value = rouge_l(["a b walks"], [["a person walks on", "nothing alike"]])
    assert value == pytest.approx(2 * (2 / 3) * (1 / 2) / (2 / 3 + 1 / 2))
    assert rouge_l(CAPTIONS, [[c] for c in CAPTIONS]) == 1


def test_published_rouge_l_is_the_median_of_resampled_means() -> None:
    mean = rouge_l(CAPTIONS, REFERENCES)
    drawn = [rouge_l(CAPTIONS, REFERENCES, np.random.default_rng(seed)) for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2]
    assert drawn == pytest.approx([mean] * 3, abs=0.05)


def test_cider_d_is_that_of_the_coco_code() -> None:
    assert cider_d(CAPTIONS, REFERENCES) == pytest.approx(1.9652737280643648, rel=1e-12)  # pycocoevalcap 1.2
    each = [
        0.6941082688861772,
        3.2753782655978148,
        2.7714483155527847,
        0.30086917832367543,
        2.7845646119613736,
    ]
    for caption, value in zip(CAPTIONS, each, strict=True):
        alone = [caption if c == caption else "nothing of this" for c in CAPTIONS]
        assert cider_d(alone, REFERENCES) == pytest.approx(value / 5, rel=1e-12)


def test_cider_d_of_what_is_asked_for_is_ten_and_case_counts() -> None:
    captions = ["one two three four", "five six seven eight"]
    assert cider_d(captions, [[c] for c in captions]) == pytest.approx(10)
    assert cider_d([c.upper() for c in captions], [[c] for c in captions]) == 0


@pytest.mark.parametrize("score", [cider_d, rouge_l, lambda c, r: published_bleu(c, r, 1)])
def test_items_in_another_order_score_the_same(score: object) -> None:
    assert callable(score)
    order = [3, 0, 4, 1, 2]
    moved = score([CAPTIONS[i] for i in order], [REFERENCES[i] for i in order])
    assert moved == pytest.approx(score(CAPTIONS, REFERENCES))


def test_faults_are_named() -> None:
    with pytest.raises(DataError, match="item 1 has no reference"):
        cider_d(["a", "b"], [["a"], []])
    with pytest.raises(DataError, match="got 1 and 2"):
        rouge_l(["a"], [["a"], ["b"]])
    with pytest.raises(DataError, match="got 0 and 0"):
        published_bleu([], [], 1)


def test_bert_score_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bert_score", None)
    with pytest.raises(ConfigError, match=r"pip install 'bimotion\[bertscore\]'"):
        bert_score(["a"], [["a"]])

    def score(*args: object, **settings: object) -> object:
        assert settings["rescale_with_baseline"] is True
        assert settings["idf"] is True
        raise OSError("We couldn't connect to the Hub")

    monkeypatch.setitem(sys.modules, "bert_score", types.SimpleNamespace(score=score))
    with pytest.raises(ModelError, match="roberta-large cannot be loaded: We couldn't connect"):
        bert_score(["a"], [["a"]])
