"""Files of a Hugging Face Hub repository."""

from collections.abc import Sequence
from pathlib import Path

from bimotion.errors import ModelError


def from_hub(name: str, files: Sequence[str]) -> Path:
    """The folder into which those of `files` that the repository has were downloaded, or had been before.

    Raises:
        ModelError: there is no such repository, or it cannot be reached.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        return Path(snapshot_download(name, allow_patterns=list(files)))
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        lines = str(error).strip().splitlines()
        why = lines[0] if lines else type(error).__name__
        raise ModelError(
            f"{name}: no such folder here, and as a Hub repository it could not be had: {why}"
        ) from error
