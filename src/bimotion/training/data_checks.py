"""Checks of a data set before the first training step, for problems that would otherwise appear only hours later."""

import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bimotion.captions.instructions import MotionWords, TaskClass, fill, own_templates, select
from bimotion.captions.sentence import unusable_reason
from bimotion.data.store import INDEX_FILE, Item, MotionStore
from bimotion.errors import ConfigError, DataError
from bimotion.models.tokens import MotionTokenizer
from bimotion.storage.atomic import atomic_path
from bimotion.storage.fingerprint import file_fingerprint
from bimotion.storage.json_files import read_json_object

logger = logging.getLogger(__name__)

DATA_FILE = "data.json"
"""File of a run folder with the hash of the data set's index, which names every window, caption and measured fact."""

_LONGEST = 196  # frames: the longest number that a template states


def check_same_data(store: MotionStore, out: Path, *, resume: bool) -> None:
    """Stores the data set's hash in the run folder; a resumed run must have the same data set.

    Raises:
        ConfigError: the data set has changed since the run was started.
    """
    path, fingerprint = out / DATA_FILE, file_fingerprint(store.folder / INDEX_FILE)
    if resume and path.is_file():
        if read_json_object(path, ConfigError).get("index_sha256") != fingerprint:
            raise ConfigError(
                f"{out}: cannot be resumed with {store.folder}: the data set has changed since the run was "
                "started; start a new run with --init-from"
            )
        return
    with atomic_path(path) as partial:
        partial.write_text(json.dumps({"index_sha256": fingerprint}) + "\n", "utf-8")


def check_splits(
    store: MotionStore, train: Sequence[Item], held_out: Sequence[Item], *, needs_text: bool
) -> None:
    """Warns before training if nothing is held out.

    Raises:
        DataError: there is nothing to train on.
    """
    what = "windows with captions" if needs_text else "windows"
    if not any(item.text or not needs_text for item in train):
        raise DataError(
            f"{store.folder}: no training {what}; `bimotion prepare` says which captions are used, and why"
        )
    if not any(item.text or not needs_text for item in held_out):
        logger.warning(
            "%s: no held-out %s, so nothing is measured during training; a validation split needs 6 recordings with "
            "the same content",
            store.folder,
            what,
        )


def fitting_captions(
    items: Sequence[Item],
    tokenizer: MotionTokenizer,
    limit: int,
    tasks: Sequence[TaskClass],
    *,
    per_sequence: int = 1,
) -> list[Item]:
    """The items without captions that cannot be learnt: too long for the model, without words, with special tokens.

    Their number and the first one are logged. `limit`: longest sequence in tokens; `per_sequence`: captions in a
    sequence.
    """
    available = (limit - _longest_template(tokenizer, tasks)) // per_sequence
    texts = {caption for item in items for caption in item.captions}
    unusable = {text for text in texts if unusable_reason(text)}
    too_long = {text for text in texts - unusable if len(tokenizer.encode(text)) > available}
    items = _leave_out(items, unusable, "captions have no words, or hold special tokens,")
    return _leave_out(items, too_long, f"captions exceed the model's limit of {available} tokens")


def _leave_out(items: Sequence[Item], texts: set[str], what: str) -> list[Item]:
    if not texts:
        return list(items)
    fitting = [_without(item, texts) for item in items]
    first = next(item for item in items if not texts.isdisjoint(item.captions))
    logger.warning(
        "%d %s and are not used, the first that of %s; %d windows have no other",
        len(texts),
        what,
        first.id,
        sum(before.text and not after.text for before, after in zip(items, fitting, strict=True)),
    )
    return fitting


def _without(item: Item, texts: set[str]) -> Item:
    kept = tuple(caption for caption in item.captions if caption not in texts)
    return (
        item
        if kept == item.captions
        else replace(item, captions=kept, tags=(), text=item.text and bool(kept))
    )


def _longest_template(tokenizer: MotionTokenizer, tasks: Sequence[TaskClass]) -> int:
    """Tokens of the longest prompt and the longest answer of the tasks, without their captions."""
    words = MotionWords(tokenizer.motion_in, tokenizer.motion_out, tokenizer.motion_masked)
    longest = 0
    for template in select(own_templates(), *tasks):
        prompts = [fill(t, num_frames=_LONGEST, motion=words.context, gap=words.gap) for t in template.inputs]
        answers = [fill(t, num_frames=_LONGEST, motion=words.target) for t in template.outputs]
        of_prompt = max(len(tokenizer.sequence(prompt, "").prompt) for prompt in prompts)
        longest = max(
            longest, of_prompt + max(len(tokenizer.sequence("", answer).answer) for answer in answers)
        )
    return longest
