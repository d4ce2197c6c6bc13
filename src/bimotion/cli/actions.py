"""`bimotion actions`: the actions that a model was trained on."""

import json
from dataclasses import dataclass
from typing import Annotated

from tyro.conf import Positional, arg

from bimotion.cli.options import Flag, Model
from bimotion.cli.terminal import say, say_lines


@dataclass(frozen=True)
class Actions:
    """List the actions that a model was trained on, with how often its data shows each and how well it makes them.

    Columns: training recordings, minutes of them, and the share of generated motions that are recognised as the action
    beside the share of recorded ones.

    examples:
      bimotion actions
      bimotion actions "sit down"
      bimotion actions --json
    """

    words: Annotated[Positional[str], arg(metavar="WORDS", help_behavior_hint="(default: all actions)")] = ""
    """Only actions whose name or captions contain these words."""
    model: Model = None
    """Model folder or Hub repository."""
    json: Flag = False
    """Print a JSON list of actions with example captions instead of lines."""

    def run(self) -> None:
        """Read, filter and print."""
        from bimotion.api import model_folder
        from bimotion.errors import ModelError
        from bimotion.inference.actions import find_actions, read_actions

        folder = model_folder(self.model)
        actions = read_actions(folder)
        if actions is None:
            raise ModelError(f"{folder}: the model has no list of actions (actions.json)")
        found = find_actions(actions, self.words) if self.words else actions
        if self.json:
            from bimotion.storage.records import record_to_json

            say_lines(json.dumps(record_to_json(found), indent=1, ensure_ascii=False))
            return
        if not found:
            say(f"no action or caption of the training data contains {self.words!r}")
            return
        width = max(len(action.name) for action in found)
        say(f"{'action':{width}}  recordings  minutes  generated  recorded  example")
        for action in found:
            shares = (action.recognised, action.recognised_recorded)
            generated, recorded = ("-" if share is None else f"{share:.0%}" for share in shares)
            row = f"{action.recordings:10}  {action.minutes:7.1f}  {generated:>9}  {recorded:>8}"
            say(f"{action.name:{width}}  {row}  {next(iter(action.examples), '')}".rstrip())
