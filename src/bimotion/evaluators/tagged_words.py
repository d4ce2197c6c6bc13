"""Captions as words with part-of-speech classes, the input of the published evaluator.

A tagged word is `walk/VERB`.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from bimotion.captions.sentence import plain_words
from bimotion.errors import ConfigError

DATA_WORDS, TAGGED_WORDS = 20, 40
"""Words that are read of a data set's caption, and of one that spaCy tags."""

SPACY_MODEL = "en_core_web_sm"


def published_tokens(
    captions: Sequence[str], tagged: Mapping[str, Sequence[str]]
) -> list[tuple[Sequence[str], int]]:
    """Tagged words of each caption and how many of them are read: the data set's own, others by spaCy.

    Raises:
        ConfigError: spaCy or its model is not installed and a caption is not in `tagged`.
    """
    return [
        (tagged[caption], DATA_WORDS) if caption in tagged else (tag_words(caption), TAGGED_WORDS)
        for caption in captions
    ]


def tag_words(caption: str, language: Any = None) -> list[str]:
    """Tagged words of a caption; `language` is spaCy's `en_core_web_sm` where not given.

    Source: the published processing of captions: no hyphens, letters only, nouns and verbs as lemmas but for `left`.

    Raises:
        ConfigError: spaCy or its model is not installed.
    """
    tokens = []
    for token in (language or _language())(caption.replace("-", "")):
        word = token.text
        if word.isalpha():
            plain = token.lemma_ if token.pos_ in ("NOUN", "VERB") and word != "left" else word
            tokens.append(f"{plain}/{token.pos_}")
    return tokens


def token_captions(captions: Sequence[str], tagged: Mapping[str, Sequence[str]]) -> list[str]:
    """Captions as their tokens: the data set's own tagged words without classes, else lower-case words."""
    return [
        " ".join(
            [word.rpartition("/")[0] for word in tagged[caption]]
            if caption in tagged
            else plain_words(caption)
        )
        for caption in captions
    ]


@cache
def _language() -> Any:
    try:
        import spacy

        return spacy.load(SPACY_MODEL)
    except (ImportError, OSError) as error:
        raise ConfigError(
            f"captions that are not in the data set are tagged by spaCy's {SPACY_MODEL} for the published evaluator: "
            f"pip install spacy, then python -m spacy download {SPACY_MODEL}"
        ) from error
