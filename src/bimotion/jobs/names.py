"""File names of sentences."""

import re
import unicodedata

_MAX_SLUG = 60


def slug(sentence: str) -> str:
    """A file name of a sentence: lower case, words joined by hyphens, at most 60 characters, cut between words.

    Letters of every script are kept, accents are not; "motion" where nothing is left.
    """
    accents = range(0x300, 0x370)  # other marks are part of a letter, as in Japanese
    plain = "".join(c for c in unicodedata.normalize("NFKD", sentence.lower()) if ord(c) not in accents)
    words = re.findall(r"[^\W_]+", unicodedata.normalize("NFC", plain))
    text = "-".join(words)
    if len(text) > _MAX_SLUG:
        text = text[: _MAX_SLUG + 1].rpartition("-")[0] or text[:_MAX_SLUG]
    return text or "motion"
