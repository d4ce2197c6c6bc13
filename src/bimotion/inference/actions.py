"""Actions that a model was trained on, with how often its data shows them and how well it makes them.

A model folder may hold `actions.json`:

    {"format": "bimotion actions 1", "tokenizer": SHA-256, "actions": [{"name": "walk", "recordings": 512, ...}, ...]}

with the fields of `Action`. `tools.embed_model` writes it for the bundled model.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bimotion.captions.sentence import plain_words
from bimotion.errors import ModelError, check_range
from bimotion.inference.model_lists import read_model_list, write_model_list
from bimotion.storage.records import record_from_json

ACTIONS_FILE = "actions.json"
"""The file's name in a model folder."""

FORMAT = "bimotion actions 1"
"""Format name and version in the file."""


@dataclass(frozen=True)
class Action:
    """A kind of motion in the training data."""

    name: str
    """Name of the content group."""
    recordings: int
    """Training recordings that show it."""
    minutes: float
    """Length of their windows and timed phrases, which overlap, without mirror images."""
    examples: tuple[str, ...]
    """Some training captions."""
    recognised: float | None = None
    """Share of motions, generated from captions of held-out windows, whose nearest training windows show the action;
    None where no held-out window shows it."""
    recognised_recorded: float | None = None
    """The same share of the recorded held-out motions."""

    def __post_init__(self) -> None:
        check_range(self, ("recordings", "minutes"), 0, 1e6)
        check_range(self, ("recognised", "recognised_recorded"), 0, 1)


def write_actions(actions: Sequence[Action], folder: Path) -> None:
    """Write the actions into a model folder; the tokenizer must be there already."""
    write_model_list(folder / ACTIONS_FILE, FORMAT, "actions", [asdict(action) for action in actions])


def read_actions(folder: Path) -> list[Action] | None:
    """The actions of a model folder; None where it has no list, or that of another model.

    Raises:
        ModelError: the file is broken.
    """
    path = folder / ACTIONS_FILE
    entries = read_model_list(path, FORMAT, "actions", list)
    if entries is None:
        return None
    return [
        record_from_json(Action, entry, f"{path}: action {row}", ModelError)
        for row, entry in enumerate(entries)
    ]


def find_actions(actions: Sequence[Action], text: str) -> list[Action]:
    """The actions whose name or examples contain every word of `text`; name matches first."""
    words = plain_words(text)

    def matches(action: Action, texts: Sequence[str]) -> bool:
        found = {word for each in texts for word in plain_words(each)}
        return all(any(other.startswith(word) for other in found) for word in words)

    by_name = [action for action in actions if matches(action, [action.name.replace("-", " ")])]
    by_example = [action for action in actions if matches(action, action.examples)]
    return list(dict.fromkeys([*by_name, *by_example]))
