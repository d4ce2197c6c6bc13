"""Whether a caption is English, the only language of the rules that swap sides, check claims and find contents."""

import json
import re
import unicodedata
from functools import cache
from importlib import resources

_WORD = re.compile(r"[^\W\d_]+")


def is_english(text: str) -> bool:
    """Whether a caption is English, by its letters and by the frequent words of English and of its neighbours.

    Letters of another script than Latin decide at once. Otherwise the language with more of its frequent words in
    the caption wins; without any, letters with accents count against English. Short captions without such words
    ("jumping jacks") count as English.
    """
    words = _WORD.findall(text.casefold())
    letters = [] if text.isascii() else [letter for word in words for letter in word if not letter.isascii()]
    if any(not unicodedata.name(letter, "").startswith("LATIN") for letter in letters):
        return False
    frequent_english, frequent_other = _frequent_words()
    english = sum(word in frequent_english for word in words)
    others = sum(word in frequent_other for word in words)
    return english >= others and not (english == 0 and letters)


@cache
def _frequent_words() -> tuple[frozenset[str], frozenset[str]]:
    """Frequent words of captions in English, and in other languages."""
    path = resources.files("bimotion.captions").joinpath("static/frequent_words.json")
    words: dict[str, str] = json.loads(path.read_text("utf-8"))
    others = frozenset(word for name, text in words.items() if name != "English" for word in text.split())
    return frozenset(words["English"].split()), others
