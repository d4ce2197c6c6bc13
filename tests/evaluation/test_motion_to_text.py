"""Motion to text: captions of which the scores are known."""

from collections.abc import Sequence

import numpy as np
import pytest

from bimotion.data.store import MotionStore
from bimotion.engines.local import LocalEngine
from bimotion.errors import ConfigError
from bimotion.evaluation.evaluation_set import EvaluationSet
from bimotion.evaluation.motion_to_text import motion_to_text
from bimotion.evaluation.protocols import BIMOTION_1
from bimotion.evaluation.scores import REAL, SYSTEM, Scores
from bimotion.evaluation.shards import Spread, Subject
from bimotion.evaluators.tagged_words import published_tokens, tag_words, token_captions
from tests.evaluation.numbered_motions import Oracle, number_of, track


class Writer:
    """Says the number of a motion in the words given."""

    def __init__(self, words: str) -> None:
        self._words = words

    def text_to_motions(
        self, texts: Sequence[str], frames: Sequence[int] | None, seed: int
    ) -> list[np.ndarray]:
        raise NotImplementedError

    def features_to_text(self, motions: Sequence[np.ndarray]) -> list[str]:
        values = [number_of(motion) for motion in motions]
        return [self._words.format(0 if number == 1 else number) for number in values]


def scored(store: MotionStore, oracle: Oracle, words: str) -> Scores:
    subject = Subject(EvaluationSet(store, BIMOTION_1), Writer(words), oracle)
    return motion_to_text(subject, 2, Spread(LocalEngine(), lambda: subject, track))


def test_captions_of_people_are_perfect(store: MotionStore, oracle: Oracle) -> None:
    scores = scored(store, oracle, "motion {} walks ahead.")
    assert scores["motion_to_text"][SYSTEM]["top_1"].mean == scores["motion_to_text"][REAL]["top_1"].mean == 1
    assert scores["captions_raw"][SYSTEM]["bleu_4"].mean == pytest.approx(1)
    assert scores["captions_tokens"][SYSTEM]["rouge_l"].mean == pytest.approx(1)


def test_tokens_and_captions_as_written_differ(store: MotionStore, oracle: Oracle) -> None:
    scores = scored(store, oracle, "Motion {} WALKS ahead")
    assert (
        scores["captions_tokens"][SYSTEM]["cider_d"].mean > 2 * scores["captions_raw"][SYSTEM]["cider_d"].mean
    )


def test_silence_is_left_out_and_finds_nothing(store: MotionStore, oracle: Oracle) -> None:
    scores = scored(store, oracle, " ")
    assert scores["captions_raw"] == scores["captions_tokens"] == {}
    assert scores["motion_to_text"][SYSTEM]["top_1"].mean < 0.1


def test_published_tokens_are_the_data_sets_own_or_spacys() -> None:
    class Token:
        def __init__(self, text: str, lemma: str, pos: str) -> None:
            self.text, self.lemma_, self.pos_ = text, lemma, pos

    def language(text: str) -> list[Token]:
        assert text == "a man sidesteps left, 2 times"
        return [
            Token("a", "a", "DET"),
            Token("man", "man", "NOUN"),
            Token("sidesteps", "sidestep", "VERB"),
            Token("left", "leave", "VERB"),
            Token(",", ",", "PUNCT"),
            Token("2", "2", "NUM"),
            Token("times", "time", "NOUN"),
        ]

    tagged = tag_words("a man side-steps left, 2 times", language)
    assert tagged == ["a/DET", "man/NOUN", "sidestep/VERB", "left/VERB", "time/NOUN"]
    known = {"A man walks.": ["a/DET", "man/NOUN", "walk/VERB"]}
    assert published_tokens(["A man walks."], known) == [(known["A man walks."], 20)]
    assert token_captions(["A man walks.", "A man RUNS."], known) == ["a man walk", "a man runs"]


def test_without_spacy_other_captions_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "spacy", None)
    with pytest.raises(ConfigError, match="pip install spacy"):
        published_tokens(["a man walks"], {})
