"""Masks and shapes: a message with its variable parts masked, and the 64-bit hash of that.

Computed for each row on its own, without state, by one regular expression. A released version is never edited:
its hashes are stored. A better one is added beside it.
"""

from collections.abc import Callable, Sequence

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

LONG_MESSAGE_BYTES = 2_048
"""Longer messages get an expression that takes three times as long, and never more than that for each byte. It costs
5 ms to build, in each batch that has one.

An alternative that looks for its end arbitrarily far away may be tried at each token in vain, so its time grows with
the square of the length: 1.3 s for 50 KB of ``-1-1-1…``, where the bounded one takes 8 ms.
"""

_BOUNDS = (
    (r"[0-9A-Za-z+.-]*://", r"[0-9A-Za-z+.-]{0,31}://"),
    (r"[0-9A-Za-z_.+-]*@", r"[0-9A-Za-z_.+-]{0,63}@"),
    (r"[0-9A-Za-z-]*(?:\.[0-9A-Za-z-]+)+:", r"[0-9A-Za-z-]{0,62}(?:\.[0-9A-Za-z-]{1,62}){1,4}:"),
    (r"[0-9A-Za-z_.-]*(?:/", r"[0-9A-Za-z_.-]{0,63}(?:/"),
)
"""How far those alternatives look in long messages."""


def _bounded(expression: str) -> str:
    for unbounded, bounded in _BOUNDS:
        expression = expression.replace(unbounded, bounded)
    return expression


_BOUNDED_EXPRESSION = _bounded(_EXPRESSION)


def masked(messages: pl.Expr, mask: str = MASK) -> pl.Expr:
    """The expression with every variable part replaced by ``MASK``, or another text without a ``$``."""

    def replaced(column: pl.Series, expression: str) -> pl.Series:
        return column.str.replace_all(expression, mask)

    return messages.map_batches(lambda column: _by_length(column, replaced), pl.String, is_elementwise=True)


def variable_parts(messages: pl.Expr) -> pl.Expr:
    """What ``masked`` replaces in each message, in order: a list of texts."""

    def extracted(column: pl.Series, expression: str) -> pl.Series:
        return column.str.extract_all(expression)

    return messages.map_batches(lambda column: _by_length(column, extracted), pl.List(pl.String), is_elementwise=True)


def _by_length(column: pl.Series, work: Callable[[pl.Series, str], pl.Series]) -> pl.Series:
    """The work done with one expression on long messages, with the other on the rest."""
    is_long = column.str.len_bytes() > LONG_MESSAGE_BYTES
    if not is_long.any():
        return work(column, _EXPRESSION)
    is_short = is_long.not_()
    done = [work(column.filter(is_short), _EXPRESSION), work(column.filter(is_long), _BOUNDED_EXPRESSION)]
    places = pl.concat([is_short.arg_true(), is_long.arg_true()])
    return pl.concat(done).gather(places.arg_sort()).alias(column.name)


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
