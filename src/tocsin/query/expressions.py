r"""RE2 expressions: how they stand in a query, whether RE2 takes them, and what they find.

One reading for every backend: UTF-8, ``.`` matches a line break too, ``^`` and ``$`` are the ends of the whole text
unless the expression says ``(?m)``, case counts unless it says ``(?i)``, and ``\d``, ``\s``, ``\w`` and ``\b`` know
ASCII only.
"""

import re
from functools import lru_cache
from typing import Any

import re2

MAX_PROGRAM_BYTES = 1 << 18
"""Memory for one compiled expression, so that 32 of them are compiled in a quarter of a second at most."""

_ESCAPED_OR_SLASH = re.compile(r"\\.|/", re.DOTALL)
_REMEMBERED = 256


def found_in(expression: str, text: str) -> bool:
    """Whether the expression, one that ``refusal`` has nothing against, finds something in the text."""
    return _compiled(expression).search(text) is not None


@lru_cache(_REMEMBERED)
def refusal(expression: str) -> str | None:
    """Why RE2 does not take the expression, in its words; None when it does."""
    options = _options()
    options.max_mem = MAX_PROGRAM_BYTES
    try:
        re2.compile(expression, options)
    except re2.error as error:
        return error.args[0].decode() if isinstance(error.args[0], bytes) else str(error.args[0])
    return None


def slashed(expression: str) -> str:
    """The expression as it stands in a query: between slashes, those inside it escaped."""
    escaped = _ESCAPED_OR_SLASH.sub(lambda found: r"\/" if found[0] == "/" else found[0], expression)
    return f"/{escaped}/"


def unslashed(text: str) -> str:
    r"""The expression of what stands between slashes: the same, with ``/`` for ``\/``."""
    return _ESCAPED_OR_SLASH.sub(lambda found: "/" if found[0] == r"\/" else found[0], text)


@lru_cache(_REMEMBERED)
def _compiled(expression: str) -> Any:
    return re2.compile(expression, _options())


def _options() -> Any:
    options = re2.Options()
    options.dot_nl = True
    options.log_errors = False
    return options
