"""Masks and shapes: a message with its variable parts masked, and the 64-bit hash of that.

Computed for each row on its own, without state, by one regular expression. A released version is never edited:
its hashes are stored. A better one is added beside it.
"""

from collections.abc import Sequence

import polars as pl
import polars_hash  # noqa: F401  (registers the ``nchash`` namespace on expressions)

MASK = "<*>"

VERSION = "mask@2026-12"
"""Names the expression below in everything that is derived from it."""

# Leftmost first, so the order is the priority. No capture groups and ASCII classes only: that keeps the regex crate
# in its lazy DFA. ``\b`` on both sides makes masks begin and end at token borders, where a token is a maximal run of
# letters, digits and ``_``.
_ALTERNATIVES = (
    # dates, with a time where there is one
    r"\b[0-9]{4}[-/][0-9]{2}[-/][0-9]{2}"
    r"(?:[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]+)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?\b",
    # URL, e-mail
    r"\b[A-Za-z][0-9A-Za-z+.-]*://[^\s\"'<>]*[0-9A-Za-z_]\b",
    r"\b[0-9A-Za-z_][0-9A-Za-z_.+-]*@[0-9A-Za-z][0-9A-Za-z-]*(?:\.[0-9A-Za-z][0-9A-Za-z-]*)*\b",
    # IPv4, with port or prefix length
    r"\b[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}(?:[:/][0-9]+)?\b",
    # dotted host with port
    r"\b[A-Za-z][0-9A-Za-z-]*(?:\.[0-9A-Za-z-]+)+:[0-9]+\b",
    # colon groups: clock times, MAC and IPv6 addresses
    r"\b[0-9A-Fa-f]{1,4}(?::{1,2}[0-9A-Fa-f]{1,4}){2,}\b",
    # paths: Windows, absolute, relative with at least two slashes
    r"\b[A-Za-z]:\\[0-9A-Za-z_.\\$-]*[0-9A-Za-z_]\b",
    r"(?:/[0-9A-Za-z_][0-9A-Za-z_.@%+-]*){2,}\b",
    r"\b[0-9A-Za-z_][0-9A-Za-z_.-]*(?:/[0-9A-Za-z_.@%+-]+){2,}\b",
    # hexadecimal; UUIDs are runs of it
    r"\b0[xX][0-9A-Fa-f]+\b",
    r"\b[0-9A-Fa-f]{8,}(?:-[0-9A-Fa-f]{2,})*\b",
    # tokens that start with a digit, with a fraction or unit where there is one
    r"\b[0-9][0-9A-Za-z_]*(?:\.[0-9A-Za-z_]+)*\b",
    # words with two digits or more, and what is joined to them with one: worker12, tap9d2675b6-e1
    r"\b[A-Za-z_]+[0-9]+[A-Za-z_]*[0-9][0-9A-Za-z_]*(?:-[0-9A-Za-z]*[0-9][0-9A-Za-z]*)*\b",
    # user_1, blk_-16089
    r"\b[A-Za-z_]+_-?[0-9][0-9A-Za-z_]*\b",
)
_EXPRESSION = "|".join(_ALTERNATIVES)


def masked(messages: pl.Expr, mask: str = MASK) -> pl.Expr:
    """The expression with every variable part replaced by ``MASK``, or another text without a ``$``."""
    return messages.str.replace_all(_EXPRESSION, mask)


def variable_parts(messages: pl.Expr) -> pl.Expr:
    """What ``masked`` replaces in each message, in order: a list of texts."""
    return messages.str.extract_all(_EXPRESSION)


def shapes(messages: pl.Expr) -> pl.Expr:
    """The 64-bit hash (xxh3, unseeded) of each message's masked text."""
    hashed: pl.Expr = masked(messages).nchash.xxh3_64()  # type: ignore[attr-defined]
    return hashed


def shape_of(message: str) -> int:
    """The shape of one message, or of its masked text, which has the same."""
    shape: int = pl.select(shapes(pl.lit(message))).item()
    return shape


def masked_texts(messages: Sequence[str]) -> list[str]:
    """Messages with their variable parts masked; for the few that are shown."""
    texts: list[str] = pl.select(masked(pl.lit(pl.Series(messages, dtype=pl.String)))).to_series().to_list()
    return texts
