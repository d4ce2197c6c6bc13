"""C libraries that are compiled at installation, beside the module that uses them."""

import ctypes
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)


def load_c_library(path: Path, functions: Mapping[str, Sequence[Any] | None]) -> ctypes.CDLL | None:
    """The library with its functions, which return nothing; None where it was not compiled, or for another machine.

    `functions` are their names and argument types (None: not checked). A library without one of them, which is of
    another version of bimotion, is not used, and a warning says so.
    """
    try:
        library = ctypes.CDLL(str(path))
    except OSError:
        return None
    for name, arguments in functions.items():
        try:
            function = getattr(library, name)
        except AttributeError:
            logger.warning("%s has no %s: slower code is used; install bimotion again", path.name, name)
            return None
        function.restype = None
        if arguments is not None:
            function.argtypes = arguments
    return library
