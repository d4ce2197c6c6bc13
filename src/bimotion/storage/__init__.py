"""Files and folders: atomic writes, dataclasses as JSON, the Hugging Face Hub."""
