"""Normalised sentences, and the special tokens that they must not contain."""

import re
import string

from bimotion.errors import ConfigError

EOS = "<|endoftext|>"
START, END = "<start_of_motion>", "<end_of_motion>"
MASKED, PAD = "<masked_motion>", "<pad_motion>"
OUT_SLOT, IN_SLOT = "<motion_latent_holder_output>", "<motion_latent_holder>"
SPECIAL_TOKENS = (START, END, MASKED, PAD, OUT_SLOT, IN_SLOT)
"""The tokens that follow a text vocabulary, in order of their ids."""

_SPECIAL = re.compile("|".join(re.escape(token) for token in (EOS, *SPECIAL_TOKENS)), re.IGNORECASE)
_NO_PUNCTUATION = str.maketrans({character: " " for character in string.punctuation})
_SIDE = re.compile(r"(?<=_)([lr])(?=_|\b)", re.IGNORECASE)
_SIDES = {"l": "left", "r": "right"}


def tidy(text: str) -> str:
    """A sentence as captions are written: lower case, single spaces, a full stop at the end, no special tokens.

    The name of an asset is read as its words: walk_turn_R as "walk turn right".

    Raises:
        ConfigError: nothing is left.
    """
    text = _SPECIAL.sub(" ", text)
    text = _SIDE.sub(lambda match: _SIDES[match[1].lower()], text).replace("_", " ")
    text = " ".join(text.lower().split())
    if not any(character.isalnum() for character in text):
        raise ConfigError("the text is empty; say what the person does, as in 'a person waves'")
    return text if text[-1] in ".!?" else f"{text}."


def unusable_reason(text: str) -> str:
    """Why a sentence cannot be a caption, which has words and no special tokens; empty if it can."""
    if special := _SPECIAL.search(text):
        return f"the caption holds {special[0]}, a special token of the models"
    if not any(character.isalnum() for character in text):
        return "the caption has no words"
    return ""


def plain_words(text: str) -> list[str]:
    """Words in lower case, without punctuation."""
    return text.translate(_NO_PUNCTUATION).lower().split()
