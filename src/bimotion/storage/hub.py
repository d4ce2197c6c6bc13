"""Files of a Hugging Face Hub repository: `hf:owner/name`, or `hf:owner/name@revision` to pin one."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bimotion.errors import ModelError

PREFIX = "hf:"
"""Marks a Hub repository, so that a mistyped folder is never downloaded."""

_REFERENCE = re.compile(r"(?P<repository>(?:[\w.-]+/)?[\w.-]+)(?:@(?P<revision>[\w./-]+))?")


@dataclass(frozen=True)
class HubReference:
    """A repository and its revision."""

    repository: str
    """Owner and name; old repositories have no owner."""
    revision: str | None = None
    """Branch, tag or commit; None: the newest state."""

    @classmethod
    def parse(cls, text: str) -> "HubReference":
        """The repository that `hf:owner/name@revision` names.

        Raises:
            ModelError: it is not written like this.
        """
        match = _REFERENCE.fullmatch(text.removeprefix(PREFIX))
        if match is None or not text.startswith(PREFIX):
            raise ModelError(f"{text}: expected hf:OWNER/NAME or hf:OWNER/NAME@REVISION")
        return cls(match["repository"], match["revision"])


def is_hub_reference(source: str | Path) -> bool:
    """Whether a model's name refers to the Hub and not to a folder."""
    return isinstance(source, str) and source.startswith(PREFIX)


def hub_hint(source: str | Path) -> str:
    """Addition to the message about a missing folder whose name could be a Hub repository's; else empty."""
    text = str(source)
    plain = _REFERENCE.fullmatch(text) and text.count("/") == 1 and not text.startswith(".")
    return f"; for the Hub repository of this name write {PREFIX}{text}" if plain else ""


def from_hub(reference: str | HubReference, files: Sequence[str]) -> Path:
    """The local folder of a repository's files: those of `files` that it has, downloaded if they are not cached.

    Raises:
        ModelError: the reference is malformed, or the repository does not exist or cannot be reached.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    where = HubReference.parse(reference) if isinstance(reference, str) else reference
    try:
        return Path(snapshot_download(where.repository, revision=where.revision, allow_patterns=list(files)))
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        lines = str(error).strip().splitlines()
        why = lines[0] if lines else type(error).__name__
        raise ModelError(f"{where.repository}: could not be downloaded from the Hub: {why}") from error
