"""Limits of configurations, because a file may contain any size."""

from bimotion.errors import check_range

MAX_SIZE = 1 << 20
"""Largest width, length, count or vocabulary."""


def check_sizes(config: object, what: str, *names: str) -> None:
    """Raise a `ConfigError` where a field of `config` is neither None nor in 1..`MAX_SIZE`; `what` names the part."""
    check_range(config, names, 1, MAX_SIZE, label=f"{what} ")
