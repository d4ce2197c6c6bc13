"""Files of a Hugging Face Hub repository."""

from collections.abc import Sequence
from pathlib import Path

from bimotion.errors import ModelError


def from_hub(name: str, files: Sequence[str]) -> Path:
    """The local folder of a repository's files: those of `files` that it has, downloaded if they are not cached.

    Raises:
        ModelError: the repository does not exist or cannot be reached.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        return Path(snapshot_download(name, allow_patterns=list(files)))
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        lines = str(error).strip().splitlines()
        why = lines[0] if lines else type(error).__name__
        raise ModelError(
            f"{name}: no such folder, and it could not be downloaded from the Hub: {why}"
        ) from error
