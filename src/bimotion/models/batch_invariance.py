"""Results that do not depend on what else is in a batch, to the last bit.

Matrix products of a library, and its attention, choose their order of summation by the size of the whole batch. Within
`batch_invariant` the products of linear layers are those of `kernels.product`, whose rows do not depend on each other,
for any number of rows, and attention is computed sequence by sequence.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class _Local(threading.local):
    """Whether this thread is within `batch_invariant`."""

    active = False


_local = _Local()


def is_batch_invariant() -> bool:
    """Whether the caller is within `batch_invariant`."""
    return _local.active


@contextmanager
def batch_invariant(active: bool = True) -> Iterator[None]:
    """Within it, a sequence gets the result that it gets alone; without the compiled kernels only nearly."""
    before, _local.active = _local.active, active
    try:
        yield
    finally:
        _local.active = before
