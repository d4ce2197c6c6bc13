"""What a model is asked: the plain wording of each task, and sentences as its training wrote them.

`frames` is the length, at 20 per second, that a request says; None: it says none.
"""

import re
from functools import cache

from bimotion.data.templates import TaskClass, fill, own_templates, plain_wording, select
from bimotion.errors import ConfigError
from bimotion.models.tokens import EOS, SPECIAL_TOKENS, MotionTokenizer, TokenSequence

_SIDE = re.compile(r"(?<=_)([lr])(?=_|\b)", re.IGNORECASE)
_SIDES = {"l": "left", "r": "right"}


def motion_of_text(
    tokenizer: MotionTokenizer, text: str, limit: int, frames: int | None = None
) -> TokenSequence:
    """The request for a motion that a sentence describes, of at most `limit` tokens.

    Raises:
        ConfigError: the sentence is empty.
    """
    question = fill(_plain("t2m", frames), caption=tidy(text), num_frames=frames)
    return tokenizer.shorten(tokenizer.motion_request(question), limit)


def text_of_motion(tokenizer: MotionTokenizer, frames: int | None = None) -> TokenSequence:
    """The request for the caption of a motion."""
    return tokenizer.text_request(fill(_plain("m2t", frames), motion=tokenizer.motion_in, num_frames=frames))


def next_motion(tokenizer: MotionTokenizer, frames: int | None = None) -> TokenSequence:
    """The request for what follows a motion; `frames` of it."""
    question = fill(_plain("predict", frames), motion=tokenizer.motion_in, num_frames=frames)
    return tokenizer.motion_request(question)


def motion_between(tokenizer: MotionTokenizer, frames: int | None = None) -> TokenSequence:
    """The request for the whole of a motion, of `frames`, whose beginning and end are given."""
    question = fill(
        _plain("inbetween", frames),
        motion=tokenizer.motion_in,
        gap=tokenizer.motion_masked,
        num_frames=frames,
    )
    return tokenizer.motion_request(question)


def tidy(text: str) -> str:
    """A sentence as captions are written: lower case, single spaces, a full stop at the end, nothing special in it.

    The name of an asset is read as its words: walk_turn_R as "walk turn right".

    Raises:
        ConfigError: nothing is left.
    """
    for token in (EOS, *SPECIAL_TOKENS):
        text = text.replace(token, " ")
    text = _SIDE.sub(lambda match: _SIDES[match[1].lower()], text).replace("_", " ")
    text = " ".join(text.lower().split())
    if not any(character.isalnum() for character in text):
        raise ConfigError("the text is empty; say what the person does, as in 'a person waves'")
    return text if text[-1] in ".!?" else f"{text}."


@cache
def _wording(task: TaskClass, timed: bool) -> str:
    return plain_wording(select(own_templates(), task), timed=timed)[0]


def _plain(task: TaskClass, frames: int | None) -> str:
    """The wording that a task is asked in most often in training, with a length or without."""
    return _wording(task, frames is not None)
