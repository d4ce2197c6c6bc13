"""Limits of configurations: what no network has, a file may still ask for."""

from bimotion.errors import ConfigError

MAX_SIZE = 1 << 20
"""Largest width, length, count or vocabulary."""


def check_sizes(config: object, what: str, *names: str) -> None:
    """Raise a `ConfigError` where a field of `config` is neither None nor in 1..`MAX_SIZE`; `what` names the part."""
    for name in names:
        size = getattr(config, name)
        if size is not None and not 1 <= size <= MAX_SIZE:
            bound = "at least 1" if size < 1 else f"at most {MAX_SIZE:,}"
            raise ConfigError(f"{what} {name} must be {bound}, got {size}")
