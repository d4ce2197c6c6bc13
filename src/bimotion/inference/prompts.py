"""What a model is asked: the plain wording of each task, and sentences as its training wrote them."""

from functools import cache

from bimotion.data.templates import TaskClass, fill, own_templates, select
from bimotion.errors import ConfigError
from bimotion.models.tokens import EOS, SPECIAL_TOKENS, MotionTokenizer, TokenSequence


def motion_of_text(tokenizer: MotionTokenizer, text: str, limit: int) -> TokenSequence:
    """The request for a motion that a sentence describes, of at most `limit` tokens.

    Raises:
        ConfigError: the sentence is empty.
    """
    question = fill(_plain("t2m"), caption=tidy(text))
    return tokenizer.shorten(tokenizer.motion_request(question), limit)


def text_of_motion(tokenizer: MotionTokenizer) -> TokenSequence:
    """The request for the caption of a motion."""
    return tokenizer.text_request(fill(_plain("m2t"), motion=tokenizer.motion_in))


def next_motion(tokenizer: MotionTokenizer) -> TokenSequence:
    """The request for what follows a motion."""
    return tokenizer.motion_request(fill(_plain("predict"), motion=tokenizer.motion_in))


def motion_between(tokenizer: MotionTokenizer) -> TokenSequence:
    """The request for the whole of a motion whose beginning and end are given."""
    question = fill(_plain("inbetween"), motion=tokenizer.motion_in, gap=tokenizer.motion_masked)
    return tokenizer.motion_request(question)


def tidy(text: str) -> str:
    """A sentence as captions are written: lower case, single spaces, a full stop at the end, nothing special in it.

    Raises:
        ConfigError: nothing is left.
    """
    for token in (EOS, *SPECIAL_TOKENS):
        text = text.replace(token, " ")
    text = " ".join(text.lower().split())
    if not any(character.isalnum() for character in text):
        raise ConfigError("the text is empty; say what the person does, as in 'a person waves'")
    return text if text[-1] in ".!?" else f"{text}."


@cache
def _plain(task: TaskClass) -> str:
    """The wording that a task is asked in most often in training: the first of its first template."""
    return select(own_templates(), task)[0].inputs[0]
