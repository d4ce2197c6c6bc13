"""Words of a model's training captions, for warnings about unknown words in a request.

A model folder may hold `training_words.json`:

    {"format": "bimotion training words 1", "tokenizer": SHA-256, "words": {"walks": 8123, "waves": 911, ...}}

with the fingerprint of the `tokenizer.json` beside it, which reveals a file left from another model, and words
in lower case without punctuation (`captions.sentence.plain_words`) with the number of training captions that hold
them. `write_known_words` writes it. Without it, only text that is hardly English causes a warning.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from bimotion.captions.sentence import plain_words
from bimotion.errors import ModelError
from bimotion.inference.model_lists import read_model_list, write_model_list
from bimotion.models.tokens import MotionTokenizer

KNOWN_WORDS_FILE = "training_words.json"
"""The file's name in a model folder."""

FORMAT = "bimotion training words 1"
"""Format name and version in the file."""

LATIN_SHARE = 0.5
"""Text of whose letters fewer are Latin is in another script."""

ENGLISH_SHARE = 0.2
"""Sentences of three words or more of which fewer are among the most frequent English ones are in another language."""

_FREQUENT = """
a an the and or to in on with of at from up down then while is his her their he she they it for by into as
person man woman someone somebody left right forward backward around both one two slowly hand hands arm arms
leg legs foot feet head body over out off
"""
_FREQUENT_WORDS = frozenset(_FREQUENT.split())
_AMOUNTS = """
 about around exactly roughly nearly almost approximately least only just half couple few once twice thrice times
 second seconds sec secs minute minutes min mins meter meters metre metres foot feet step steps pace paces stride
 strides zero one two three four five six seven eight nine ten eleven twelve fifteen twenty thirty sixty
 """
_KNOWN = frozenset((_FREQUENT + _AMOUNTS).split())
"""Words that count as known: frequent English ones, and those of amounts, which `request` reads."""
_SUFFIXES = ("s", "es", "ing", "ed", "ly", "er")


class KnownWords:
    """The words of the training captions, with how many captions hold each."""

    def __init__(self, counts: Mapping[str, int]) -> None:
        self.counts = dict(counts)

    @classmethod
    def of_folder(cls, folder: Path) -> "KnownWords | None":
        """The words of a model folder; None where it has none, or those of another model.

        Raises:
            ModelError: the file is broken.
        """
        path = folder / KNOWN_WORDS_FILE
        words = read_model_list(path, FORMAT, "words", dict)
        if words is None:
            return None
        if not all(type(count) is int for count in words.values()):
            raise ModelError(f"{path}: expected whole numbers as counts of words")
        return cls(words)

    def unknown(self, text: str) -> list[str]:
        """The words of a text that no training caption contains in any form; numbers count as known."""
        words = dict.fromkeys(plain_words(text))
        return [word for word in words if not (word.isdigit() or word in _KNOWN or self._has(word))]

    def _has(self, word: str) -> bool:
        if word in self.counts:
            return True
        stems = {word.removesuffix(suffix) for suffix in _SUFFIXES if len(word) > len(suffix) + 1}
        forms = (
            {word} | stems | {f"{stem}e" for stem in stems} | {s[:-1] for s in stems if s[-1:] == s[-2:-1]}
        )
        return any(form + suffix in self.counts for form in forms for suffix in ("", *_SUFFIXES))


def caption_ids(known: KnownWords, tokenizer: MotionTokenizer) -> tuple[int, ...]:
    """Ids of the tokens of the words in training captions, with punctuation."""
    words = [form for word in known.counts for form in (f" {word}", word, word.capitalize(), f"-{word}")]
    texts = [*words, *(f"a{mark} a{mark}" for mark in ".,;:'-")]
    return tuple(sorted({token for text in texts for token in tokenizer.encode(text)}))


def write_known_words(captions: Iterable[str], folder: Path) -> None:
    """Write the words of training captions into a model folder."""
    counts: Counter[str] = Counter()
    for caption in captions:
        counts.update(set(plain_words(caption)))
    write_model_list(folder / KNOWN_WORDS_FILE, FORMAT, "words", dict(sorted(counts.items())))


def word_warnings(text: str, known: KnownWords | None) -> list[str]:
    """Warnings about a text's language and words, each in one sentence.

    A single unknown word among known ones is none: of requests of which one word was unknown as many motions were
    right as of others (`bimotion adherence --warnings`).
    """
    letters = [character for character in text if character.isalpha()]
    latin = sum("LATIN" in unicodedata.name(character, "") for character in letters)
    if letters and latin < LATIN_SHARE * len(letters):
        return ["the sentence is not in English; the model was trained on English captions only"]
    words = plain_words(text)
    if known is not None:
        unknown = known.unknown(text)
        if words and len(unknown) > len(words) / 2:
            return ["most words of the sentence were not in any training caption; is it English?"]
        telling = [word for word in dict.fromkeys(words) if word not in _FREQUENT_WORDS]
        return [unknown_words_note(unknown)] if len(unknown) > len(telling) / 2 else []
    if len(words) >= 3 and sum(word in _FREQUENT_WORDS for word in words) < ENGLISH_SHARE * len(words):
        return ["the sentence does not look like English; the model was trained on English captions only"]
    return []


def unknown_words_note(unknown: Sequence[str]) -> str:
    """A remark that names words that no training caption contains."""
    return f"no training caption has the word{'s' * (len(unknown) > 1)} {', '.join(map(repr, unknown[:5]))}"
