"""Prompts of each task in the plain wording of training, with normalised sentences.

`frames` is the length in the prompt, at 20 per second; None: no length in the prompt.
"""

from functools import cache

from bimotion.captions.instructions import TaskClass, fill, own_templates, plain_wording, select
from bimotion.captions.sentence import tidy
from bimotion.models.tokens import MotionTokenizer, TokenSequence


def motion_of_text(
    tokenizer: MotionTokenizer, text: str, limit: int, frames: int | None = None
) -> TokenSequence:
    """The request for a motion that a sentence describes, cut to `limit` tokens (see `unread_part`).

    Raises:
        ConfigError: the sentence is empty.
    """
    return tokenizer.shorten(_motion_of_text(tokenizer, text, frames), limit)


def unread_part(tokenizer: MotionTokenizer, text: str, limit: int, frames: int | None = None) -> str:
    """The end of a sentence that does not fit into `limit` tokens; empty where all of it does.

    Raises:
        ConfigError: the sentence is empty.
    """
    sequence = _motion_of_text(tokenizer, text, frames)
    surplus = len(sequence) - limit
    if surplus <= 0:
        return ""
    end = len(sequence.prompt) - len(tokenizer.encode(" \n"))
    return " ".join(tokenizer.decode(sequence.prompt[max(0, end - surplus) : end]).split())


def _motion_of_text(tokenizer: MotionTokenizer, text: str, frames: int | None) -> TokenSequence:
    return tokenizer.motion_request(fill(_plain("t2m", frames), caption=tidy(text), num_frames=frames))


def text_of_motion(tokenizer: MotionTokenizer, frames: int | None = None) -> TokenSequence:
    """The request for the caption of a motion."""
    return tokenizer.text_request(fill(_plain("m2t", frames), motion=tokenizer.motion_in, num_frames=frames))


def next_motion(tokenizer: MotionTokenizer, frames: int | None = None) -> TokenSequence:
    """The request for what follows a motion, of `frames`."""
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
    """The most frequent wording of a task in training, with a length or without."""
    return _wording(task, frames is not None)
