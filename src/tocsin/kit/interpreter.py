"""Sets up the interpreter for what runs for long: what is imported, how many threads, when garbage is looked for."""

import ctypes
import gc
import os
import sys
from importlib.abc import MetaPathFinder
from types import ModuleType

_M_ARENA_MAX = -8
_ARENAS = 2

_POLARS_THREADS = "1"
"""A batch of some thousand rows is done before work could be spread over threads."""

_COLLECT_AFTER_ALLOCATIONS = 200_000
"""A request of a thousand logs makes a few thousand objects, none of them in a cycle. Python's default of 700 looked
for garbage several times a request and took a third of the time of decoding it."""


class _WithoutPandas(MetaPathFinder):
    """Makes ``import pandas`` fail as if it weren't installed.

    pyarrow imports it, if it can, when it makes its first array: a second and 60 MB for something that Tocsin never
    uses. It is only there because chdb-core's wheel depends on it.
    """

    def find_spec(self, fullname: str, path: object = None, target: ModuleType | None = None) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError("pandas is left out of the server", name=fullname)


def prepare() -> None:
    """Call before anything large is imported."""
    os.environ.setdefault("POLARS_MAX_THREADS", _POLARS_THREADS)
    if sys.platform == "linux":
        # glibc gives each thread an arena of its own, and hardly ever gives its memory back. Another C library
        # answers with 0 or hasn't the function; nothing depends on it.
        getattr(ctypes.CDLL(None), "mallopt", lambda *_: 0)(_M_ARENA_MAX, _ARENAS)
    if "pandas" not in sys.modules:
        sys.meta_path.insert(0, _WithoutPandas())


def settle() -> None:
    """Call once everything has started: what lives now will live until the end, and needn't be looked through."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER_ALLOCATIONS, 10, 10)
