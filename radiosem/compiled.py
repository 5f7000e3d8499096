"""A loop over arrays in Python -> machine code, made at its first call and kept on disk where there is a place."""

import functools
from collections.abc import Callable
from typing import Any


def jit(loop: Callable[..., Any]) -> Callable[..., Any]:
    """Hand a loop to numba at once, free of the interpreter lock; such loops may call each other.

    The machine code is kept in NUMBA_CACHE_DIR, beside the source or in the user's cache folder, the first of them
    that can be written. With none, as in a container of read-only files and no home, every process compiles for itself.
    """
    import numba

    try:
        return numba.njit(cache=True, nogil=True)(loop)
    except RuntimeError as error:
        if "no locator" not in str(error):
            raise
        return numba.njit(nogil=True)(loop)


def compiled(loop: Callable[..., Any]) -> Callable[..., Any]:
    """`jit` a loop at its first call: numba takes a second and tens of megabytes to load."""

    @functools.cache
    def machine_code() -> Callable[..., Any]:
        return jit(loop)

    @functools.wraps(loop)
    def call(*arguments: Any) -> Any:
        return machine_code()(*arguments)

    return call
