"""The variables of a pattern: what its template's wildcards are called, and their values in messages.

A shape fixes all of a message but what was masked. So one message of each shape is aligned with the template, which
tells what stands in each wildcard: which masks, and which constant text around them. What was masked is then taken out
of all messages at once, and put together by columns.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from tocsin.logmodel import masking
from tocsin.patterns.alignment import Template
from tocsin.patterns.clustering.slot_types import ANY

_MARK = "\uf8fe"
"""Stands for what was masked while a message is aligned; of a private area, so that hardly any message has it."""

_OPENING = r"(?:[a-z]?[\"'])?[\[({]*$"
_KEYS = (
    re.compile(rf"[\"']([^\"'\n]{{1,100}})[\"']\s*[:=]\s*{_OPENING}"),
    re.compile(rf"([^\W\d][\w\-]*(?:\.[\w\-]+)*)\s?[:=]\s*{_OPENING}"),
    # A word that is no key: of a name with dots, the last part.
    re.compile(r"([^\W\d][\w\-]*)\W*$"),
)
_NAME_OF_ANY = "value"

NAME_CHARACTERS = 200
"""So far before a wildcard its name is looked for. The expressions take the cube of this: 15 ms at worst."""

MAX_ALIGNMENT_WORK = 1_000_000_000
"""Characters times the square of the wildcards, which is what RE2 takes time for: some two seconds.

A thousand shapes of 200 characters with 20 wildcards take a twelfth of it. Beyond, the shapes with the fewest messages
have no values.
"""

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Variable:
    """A wildcard of a template."""

    #: Its key, else the word before it, else its type; unique in the template.
    name: str
    #: ``num``, ``ip`` …; ``*`` where no type holds for all values.
    type: str


def variables_of(template: str) -> tuple[Variable, ...]:
    """The template's wildcards, in order."""
    parsed = Template(template)
    names: list[str] = []
    for constant, kind in zip(parsed.constants, parsed.types, strict=False):
        names.append(_unique(_name(constant, kind), names))
    return tuple(Variable(name, kind) for name, kind in zip(names, parsed.types, strict=True))


def values_of(template: str, messages: pa.Array, shapes: pa.Array) -> list[pa.Array]:
    """What stands in each wildcard of each message: a column of texts for each of ``variables_of``.

    Args:
        template: a pattern's.
        messages: ``large_string``, without nulls; with few shapes among them.
        shapes: ``uint64``, of these messages.

    Returns:
        ``large_string`` columns as long as ``messages``, null where a message does not fit the template, and for shapes
        beyond ``MAX_ALIGNMENT_WORK``.
    """
    parsed = Template(template)
    if not parsed.types:
        return []
    taken_apart = _taken_apart(messages, shapes)
    alignments = _alignments(parsed, taken_apart)
    fits = np.array([each is not None for each in alignments], dtype=np.bool_)[taken_apart.shapes]
    rows = np.flatnonzero(fits & taken_apart.is_regular)
    if not len(rows):
        return [pa.nulls(len(messages), pa.large_string()) for _ in parsed.types]
    columns = _Columns(taken_apart, alignments, rows)
    # Null where no row is.
    places = np.full(len(messages), -1, dtype=np.int64)
    places[rows] = np.arange(len(rows))
    spread = None if len(rows) == len(messages) else pa.array(places, mask=places < 0)
    filled = (columns.column(number) for number in range(len(parsed.types)))
    return [column if spread is None else column.take(spread) for column in filled]


@dataclass(frozen=True, slots=True, kw_only=True)
class _TakenApart:
    """Messages as shapes and what was masked in each."""

    #: Which shape each message has, as an index into ``marked``.
    shapes: Indices
    #: A message of each shape, with ``_MARK`` for what was masked.
    marked: list[str]
    #: Whether as much was masked in a message as its shape says: a message that spells a mask out has the same shape.
    is_regular: npt.NDArray[np.bool_]
    #: What was masked, of all messages, and where each message's begin.
    parts: pa.Array
    first_part: Indices


def _taken_apart(messages: pa.Array, shape_numbers: pa.Array) -> _TakenApart:
    frame = pl.DataFrame({"message": pl.from_arrow(messages)})
    parts = frame.select(masking.variable_parts(pl.col("message"))).to_series()
    lists = parts.to_arrow(compat_level=pl.CompatLevel.oldest())
    offsets = np.asarray(lists.offsets.to_numpy(), dtype=np.int64)
    counts = np.diff(offsets)
    _, shapes = np.unique(shape_numbers.to_numpy(), return_inverse=True)
    # The last row of each shape in this order, the one with most masks, stands for it.
    order = np.lexsort((counts, shapes))
    representatives = order[np.append(np.diff(shapes[order]) != 0, np.True_)] if len(order) else order
    marked = frame[representatives].select(masking.masked(pl.col("message"), _MARK)).to_series().to_list()
    return _TakenApart(
        shapes=shapes,
        marked=[
            text if text.count(_MARK) == count else ""
            for text, count in zip(marked, counts[representatives], strict=True)
        ],
        is_regular=counts == counts[representatives][shapes],
        parts=lists.values,
        first_part=offsets[:-1],
    )


def _alignments(template: Template, messages: _TakenApart) -> list[tuple[str, ...] | None]:
    """What stands in each wildcard, for each shape: those with the most messages first, as far as the work goes."""
    found: list[tuple[str, ...] | None] = [None] * len(messages.marked)
    left = MAX_ALIGNMENT_WORK
    for shape in np.argsort(-np.bincount(messages.shapes, minlength=len(found)), kind="stable").tolist():
        text = messages.marked[shape]
        left -= len(text) * len(template.types) ** 2
        if left < 0:
            break
        found[shape] = template.aligned(text)
    return found


class _Columns:
    """Puts values together from what was masked and the constant text of each shape."""

    def __init__(self, messages: _TakenApart, alignments: Sequence[tuple[str, ...] | None], rows: Indices) -> None:
        self._parts = messages.parts
        self._first_part = messages.first_part[rows]
        self._shapes = messages.shapes[rows]
        size = (len(alignments), max((len(each) for each in alignments if each is not None), default=0))
        # Of each shape and wildcard: how many parts are in its value, how many come before it, where its texts begin.
        self._counts, self._before, self._first_text = (np.zeros(size, dtype=np.int64) for _ in range(3))
        #: Whether a wildcard's value is one part and no text, in all shapes.
        self._is_bare = np.full(size[1], fill_value=True)
        texts: list[str] = []
        for shape, alignment in enumerate(alignments):
            before = 0
            for wildcard, value in enumerate(alignment or ()):
                pieces = value.split(_MARK)
                self._is_bare[wildcard] &= pieces == ["", ""]
                self._counts[shape, wildcard] = len(pieces) - 1
                self._before[shape, wildcard] = before
                self._first_text[shape, wildcard] = len(texts)
                before += len(pieces) - 1
                texts += pieces
        self._texts = pa.array(texts, pa.large_string())

    def column(self, wildcard: int) -> pa.Array:
        """The values of a wildcard in the rows."""
        parts = self._first_part + self._before[self._shapes, wildcard]
        if self._is_bare[wildcard]:
            return self._parts.take(pa.array(parts))
        texts = self._first_text[self._shapes, wildcard] + len(self._parts)
        # A value is text, part, text, part, text: as many texts as parts, and one.
        lengths = 2 * self._counts[self._shapes, wildcard] + 1
        offsets = np.append(0, np.cumsum(lengths))
        inside = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
        indices = np.where(inside % 2 == 0, np.repeat(texts, lengths), np.repeat(parts, lengths)) + inside // 2
        pieces = pa.concat_arrays([self._parts, self._texts]).take(pa.array(indices))
        return pc.binary_join(pa.LargeListArray.from_arrays(pa.array(offsets), pieces), pa.scalar("", pieces.type))


def _name(constant: str, kind: str) -> str:
    found = next((match[1] for key in _KEYS if (match := key.search(constant[-NAME_CHARACTERS:]))), None)
    return found or (_NAME_OF_ANY if kind == ANY else kind)


def _unique(name: str, taken: Sequence[str]) -> str:
    if name not in taken:
        return name
    number = 2
    while f"{name}_{number}" in taken:
        number += 1
    return f"{name}_{number}"
