"""What a model is asked: the plain wording of each task, and sentences as its training wrote them.

`frames` is the length, at 20 per second, that a request says; None: it says none.
"""

from functools import cache

from bimotion.captions.instructions import TaskClass, fill, own_templates, plain_wording, select
from bimotion.captions.sentence import tidy
from bimotion.models.tokens import MotionTokenizer, TokenSequence


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


@cache
def _wording(task: TaskClass, timed: bool) -> str:
    return plain_wording(select(own_templates(), task), timed=timed)[0]


def _plain(task: TaskClass, frames: int | None) -> str:
    """The wording that a task is asked in most often in training, with a length or without."""
    return _wording(task, frames is not None)
