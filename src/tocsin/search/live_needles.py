"""What a log must hold to match a query at all: one look into a batch then rules out most queries and rows.

A *needle* is a text that a column must contain, or a value that it must have. It misses nothing and may let other logs
pass: what is found by it is checked again.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from tocsin.logmodel.ids import SPAN_ID_BYTES, TRACE_ID_BYTES, pack_hex_id
from tocsin.logmodel.metadata import canonical
from tocsin.query.tokens import fold
from tocsin.query.tree import (
    And,
    MetadataCompares,
    MetadataExists,
    MetadataIs,
    MetadataLike,
    MetadataMatches,
    Node,
    Not,
    Or,
    Phrase,
    ServiceIs,
    ShapeIn,
    ShapeIs,
    SpanIs,
    Substring,
    TraceIs,
    WordLike,
)


class Column(Enum):
    """Where a needle is looked for."""

    #: Contains the text; ASCII letters in any case.
    MESSAGE = auto()
    #: Contains the text.
    METADATA = auto()
    # Have the value.
    SERVICE = auto()
    TRACE_ID = auto()
    SPAN_ID = auto()
    SHAPE = auto()


@dataclass(frozen=True, slots=True)
class Needle:
    """A text or a value in a column, as the column stores it."""

    column: Column
    value: str | bytes | int


Needles = frozenset[Needle]
"""At least one of them must be there."""

MAX_SHAPE_NEEDLES = 1_000
"""More shapes than this are not looked for beforehand: each costs memory for as long as somebody watches."""

_ASCII_RUN = re.compile(r"[\x01-\x7f]+")
_BARE_SCALAR = re.compile(r"[-0-9tfn]")

# How rare needles are guessed to be, in letters of a word.
_RARE, _COMMON, _ANYWHERE = 64, 4, 2
_NUMBERED = 4


def needles_of(leaf: Node) -> Needles | None:
    """What a log must hold to match a node that has no others inside; None where that can't be said."""
    match leaf:
        case Phrase(tokens):
            return _in_message(tokens)
        case Substring(text):
            return _in_message([fold(text)])
        case WordLike(wildcard):
            return _in_message(wildcard.pieces)
        case MetadataIs(key, value):
            return _pair(key, value)
        case MetadataExists(key) | MetadataCompares(key, _, _) | MetadataLike(key, _) | MetadataMatches(key, _):
            return _one(Column.METADATA, _key_text(key))
        case ServiceIs(service):
            return _one(Column.SERVICE, service)
        case TraceIs(trace_id):
            return _one(Column.TRACE_ID, pack_hex_id(trace_id, width_bytes=TRACE_ID_BYTES))
        case SpanIs(span_id):
            return _one(Column.SPAN_ID, pack_hex_id(span_id, width_bytes=SPAN_ID_BYTES))
        case ShapeIs(shape):
            return _one(Column.SHAPE, shape)
        case ShapeIn(shapes) if len(shapes) <= MAX_SHAPE_NEEDLES:
            return frozenset(needle for shape in shapes for needle in _one(Column.SHAPE, shape))
        case _:
            return None


def alternatives_of(query: Node) -> tuple[Needles, ...]:
    """What a query can't match without: of each of these, at least one needle; empty where it may match any log."""
    match query:
        case And(nodes):
            return tuple(needles for node in nodes for needles in alternatives_of(node))
        case Or(nodes):
            branches = [alternatives_of(node) for node in nodes]
            return (frozenset().union(*map(rarest, branches)),) if all(branches) else ()
        case Not():
            return ()
        case _:
            needles = needles_of(query)
            return () if needles is None else (needles,)


def rarest(alternatives: Sequence[Needles]) -> Needles:
    """The one that narrows the search most, as far as can be guessed: by its most common needle."""
    return max(alternatives, key=lambda needles: min(map(_rarity, needles), default=_RARE))


def all_needles(query: Node) -> Iterator[Needle]:
    """The needles of every node of a query."""
    match query:
        case And(nodes) | Or(nodes):
            for node in nodes:
                yield from all_needles(node)
        case Not(inner):
            yield from all_needles(inner)
        case _:
            yield from needles_of(query) or ()


def _rarity(needle: Needle) -> int:
    match needle.column, needle.value:
        case Column.MESSAGE, str(text):
            return _rarity_of_word(text)
        case Column.METADATA, str(text):
            return _ANYWHERE if text.endswith(":") else len(text)
        case Column.SERVICE, _:
            return _COMMON
        case _:
            return _RARE


def _in_message(folded_texts: Iterable[str]) -> Needles | None:
    """The rarest part in ASCII, which is found whatever its case; other letters are left to the check."""
    runs = [run for text in folded_texts for run in _ASCII_RUN.findall(text)]
    return _one(Column.MESSAGE, max(runs, key=_rarity_of_word)) if runs else None


def _rarity_of_word(text: str) -> int:
    return len(text) + (_NUMBERED if any(map(str.isdigit, text)) else 0)


def _pair(key: str, value: str) -> Needles:
    texts = {_pair_text(key, value)}
    if _BARE_SCALAR.match(value):
        texts.add(_key_text(key) + value)
    return frozenset(Needle(Column.METADATA, text) for text in texts)


def pairs_of(key: str, value: str) -> list[str]:
    """The texts of which canonical metadata holds one exactly if it has this key, which stands for itself, and value.

    A quote within a text is escaped there, so what stands between a comma or brace and the next is a pair.
    """
    pairs = [before + _pair_text(key, value) for before in "{,"]
    if _BARE_SCALAR.match(value):
        # A number or a word of JSON stands without quotes.
        pairs += [f"{before}{_key_text(key)}{value}{after}" for before in "{," for after in ",}"]
    return pairs


def stands_for_itself(key: str) -> bool:
    """Whether a comma or brace and this key in quotes are only found where it is a key.

    With another sign at its start, they may also be the end of a text and what comes behind it.
    """
    return not key.startswith((",", ":"))


def _pair_text(key: str, value: str) -> str:
    return canonical({key: value})[1:-1]


def _key_text(key: str) -> str:
    return canonical({key: 0})[1:-2]


def _one(column: Column, value: str | bytes | int) -> Needles:
    return frozenset({Needle(column, value)})
