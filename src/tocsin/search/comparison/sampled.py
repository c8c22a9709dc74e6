"""Rows of both windows → values of the metadata by cell, and numbers of metadata and messages."""

from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from tocsin.logstore.ports import TimeRange
from tocsin.search.comparison.dispersion import Cells
from tocsin.search.comparison.ranks import Values
from tocsin.search.comparison.special import Floats

MAX_KEYS = 200
"""Keys that are looked at: those that most rows have."""

MAX_VALUES_A_KEY = 60
"""Values of a key that are looked at: those that most rows have, in both windows together."""

LEAST_ROWS = 8
"""A value in fewer rows than this can't show a change of its share."""

LEAST_NUMBERS = 40
"""A number within one pattern is looked at where so many rows have it."""

MAX_NUMBERS = 300
"""Numbers that are looked at: those that most rows have."""

FEWEST_DIFFERENT = 12
"""A key with fewer different values than this has categories, even where they are written in digits."""

MOST_CATEGORIES = 200
"""A number with more different values than this is not looked at value by value."""

_REPEATS, _APART, _IN_COMMON = 2, 20, 0.05
_NUMERIC_SHARE = 0.8
_KEY = r'"((?:[^"\\]|\\.)*)":'
_SEPARATORS = r"([\s=(),;\[\]]|: )"
_NUMBER = r" [-+]?(?:[0-9]+(?:\.[0-9]+)?)(?:%|[a-zA-Zµ]{1,3})? "
_DIGITS = r"[-+]?[0-9]+(?:\.[0-9]+)?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Rows of both windows, in one order."""

    table: pa.Table
    is_after: npt.NDArray[np.bool_]
    #: The part of its window that each row is of.
    block: npt.NDArray[np.int64]
    blocks: int
    #: Pattern ids, or shapes where there is none.
    pattern: npt.NDArray[np.uint64]
    #: Metadata as text, a column for each key; null where a row has none.
    metadata: pl.DataFrame
    #: Keys beyond ``MAX_KEYS``.
    keys_left_out: int

    def cells(self, mask: npt.NDArray[np.bool_], *, second: bool) -> Floats:
        """How many of the marked rows are in each block of a window."""
        chosen = self.block[mask & (self.is_after == second)]
        return np.bincount(chosen, minlength=self.blocks).astype(np.float64)


@dataclass(frozen=True, slots=True)
class ValueOf:
    """A value of a key; None for the key as such."""

    key: str
    value: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedValues:
    """Values by block; ``before`` and ``after`` have an exposure of rows with the key."""

    names: list[ValueOf]
    before: Cells
    after: Cells
    left_out: int


@dataclass(frozen=True, slots=True)
class NumberOf:
    """A metadata key, or the ``variable``-th number in the messages of a shape; within a pattern where there is one."""

    key: str | None
    variable: int | None
    pattern: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """Numbers and their values; ``rows`` are the places of these in ``Rows``."""

    names: list[NumberOf]
    values: list[Values]
    rows: list[npt.NDArray[np.int64]]
    left_out: int


def rows_of(
    before: tuple[TimeRange, pa.Table], after: tuple[TimeRange, pa.Table], *, blocks: int, patterns: dict[int, int]
) -> Rows:
    """Both tables in ``STORED_LOG_SCHEMA``, their metadata taken apart."""
    table = pa.concat_tables([before[1], after[1]])
    is_after = np.repeat([False, True], [before[1].num_rows, after[1].num_rows])
    shapes, places = np.unique(table["shape"].to_numpy(), return_inverse=True)
    ids = np.array([patterns.get(int(shape), int(shape)) for shape in shapes], dtype=np.uint64)
    metadata, left_out = _metadata(table["metadata"])
    return Rows(
        table=table,
        is_after=is_after,
        block=np.concatenate([_blocks(*each, blocks) for each in (before, after)]),
        blocks=blocks,
        pattern=ids[places] if ids.size else np.zeros(0, dtype=np.uint64),
        metadata=metadata,
        keys_left_out=left_out,
    )


def _blocks(time_range: TimeRange, table: pa.Table, blocks: int) -> npt.NDArray[np.int64]:
    times = table["timestamp"].cast(pa.int64()).to_numpy()
    length = max(1, time_range.end_unix_nano - time_range.start_unix_nano)
    share = (times - time_range.start_unix_nano) / length
    return np.asarray(np.clip((share * blocks).astype(np.int64), 0, blocks - 1))


def _metadata(column: pa.ChunkedArray) -> tuple[pl.DataFrame, int]:
    texts = pl.Series("metadata", pl.from_arrow(column), dtype=pl.String)
    if not len(texts):
        return pl.DataFrame(), 0
    names = pl.Series(texts.str.extract_all(_KEY)).explode().drop_nulls().value_counts(sort=True)
    written = names.get_column(names.columns[0]).to_list()
    # Text that looks like a key inside a value becomes a column of nothing, and is left out.
    keys = list(dict.fromkeys(msgspec.json.decode(each[:-1]) for each in written))
    schema = {key: pl.String() for key in keys[:MAX_KEYS]}
    if not schema:
        return pl.DataFrame(), 0
    frame = pl.read_ndjson("\n".join(texts).encode(), schema=schema)
    return frame.select([each for each in frame.columns if frame[each].null_count() < frame.height]), max(
        0, len(keys) - MAX_KEYS
    )


def counted_values(rows: Rows) -> CountedValues:
    """The values of every key, by block."""
    names: list[ValueOf] = []
    counts: list[tuple[Floats, Floats]] = []
    exposures: list[tuple[Floats, Floats]] = []
    everything = np.ones(rows.is_after.size, dtype=np.bool_)
    whole = (rows.cells(everything, second=False), rows.cells(everything, second=True))
    left_out = 0
    for key in rows.metadata.columns:
        column = rows.metadata[key]
        present = column.is_not_null().to_numpy()
        having = (rows.cells(present, second=False), rows.cells(present, second=True))
        if not present.all():
            names.append(ValueOf(key, None))
            counts.append(having)
            exposures.append(whole)
        # Under names of our own: a key may be called "count" too.
        frequent = column.rename("text").drop_nulls().value_counts(sort=True, name="rows")
        kept = frequent.filter(pl.col("rows") >= LEAST_ROWS)
        if frequent.height >= MOST_CATEGORIES and _is_numeric(column):
            continue
        left_out += frequent.height - min(kept.height, MAX_VALUES_A_KEY)
        texts = kept["text"].to_list()[:MAX_VALUES_A_KEY]
        if len(texts) < 2 and frequent.height < 2:
            continue
        by_block = _by_block(rows, column, texts)
        names.extend(ValueOf(key, text) for text in texts)
        counts.extend(by_block)
        exposures.extend([having] * len(texts))
    return CountedValues(
        names=names,
        before=_stacked([each[0] for each in counts], [each[0] for each in exposures], rows.blocks),
        after=_stacked([each[1] for each in counts], [each[1] for each in exposures], rows.blocks),
        left_out=left_out,
    )


def _by_block(rows: Rows, column: pl.Series, texts: list[str]) -> list[tuple[Floats, Floats]]:
    codes = column.replace_strict(texts, list(range(len(texts))), default=len(texts), return_dtype=pl.Int64)
    place = codes.fill_null(len(texts)).to_numpy()
    size = (len(texts) + 1) * rows.blocks
    both = []
    for second in (False, True):
        chosen = rows.is_after == second
        flat = place[chosen] * rows.blocks + rows.block[chosen]
        both.append(np.bincount(flat, minlength=size).astype(np.float64).reshape(-1, rows.blocks))
    return [(both[0][number], both[1][number]) for number in range(len(texts))]


def _stacked(counts: list[Floats], exposures: list[Floats], blocks: int) -> Cells:
    empty = np.zeros((0, blocks))
    return Cells(counts=np.stack(counts) if counts else empty, exposure=np.stack(exposures) if exposures else empty)


def _is_numeric(column: pl.Series) -> bool:
    present = len(column) - column.null_count()
    if not present or column.n_unique() < FEWEST_DIFFERENT:
        return False
    numbers = column.cast(pl.Float64, strict=False)
    return bool(numbers.is_finite().sum() >= _NUMERIC_SHARE * present)


def numbers_of(rows: Rows) -> Numbers:
    """The numbers in metadata, over all rows and within patterns, and those in messages, within shapes."""
    names: list[NumberOf] = []
    places: list[npt.NDArray[np.int64]] = []
    values: list[Floats] = []

    def add(name: NumberOf, at: npt.NDArray[np.int64], numbers: Floats) -> None:
        is_number = np.isfinite(numbers)
        at, numbers = at[is_number], numbers[is_number]
        if at.size >= LEAST_NUMBERS and not _are_names(numbers, rows.is_after[at]):
            names.append(name)
            places.append(at)
            values.append(numbers)

    groups = _places_of(rows.pattern)
    for key in rows.metadata.columns:
        if not _is_numeric(rows.metadata[key]):
            continue
        column = rows.metadata[key].cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy()
        add(NumberOf(key, None, None), np.arange(column.size), column)
        if len(groups) > 1:
            for pattern, at in groups:
                add(NumberOf(key, None, pattern), at, column[at])
    spelled = _numbers_in_messages(rows)
    for shape, at in _places_of(rows.table["shape"].to_numpy()):
        for number, found in enumerate(spelled.of_rows(at), start=1):
            add(NumberOf(None, number, shape), at, found)
    order = sorted(range(len(names)), key=lambda each: (-places[each].size, each))[:MAX_NUMBERS]
    return Numbers(
        names=[names[each] for each in order],
        values=[
            Values(values=values[each], is_after=rows.is_after[places[each]], block=rows.block[places[each]])
            for each in order
        ],
        rows=[places[each] for each in order],
        left_out=len(names) - len(order),
    )


def _are_names(numbers: Floats, is_after: npt.NDArray[np.bool_]) -> bool:
    """Whether these are no quantities.

    They are few different ones, or ids: those come again and again, lie far apart, and are others in the other window.
    """
    different = np.unique(numbers)
    if different.size < FEWEST_DIFFERENT:
        return True
    if numbers.size < _REPEATS * different.size or different[-1] - different[0] < _APART * different.size:
        return False
    return bool(np.isin(numbers[is_after], numbers[~is_after]).mean() < _IN_COMMON) if is_after.any() else False


def _places_of(groups: npt.NDArray[np.uint64]) -> list[tuple[int, npt.NDArray[np.int64]]]:
    """The places of the rows of each group that has ``LEAST_NUMBERS`` of them."""
    names, inverse, counts = np.unique(groups, return_inverse=True, return_counts=True)
    order = np.argsort(inverse, kind="stable")
    ends = np.cumsum(counts)
    return [
        (int(name), order[end - count : end])
        for name, count, end in zip(names, counts, ends, strict=True)
        if count >= LEAST_NUMBERS
    ]


@dataclass(frozen=True, slots=True)
class _Spelled:
    """The numbers that stand by themselves in each message, one after another."""

    numbers: Floats
    #: The place of each row's first number, and of the first after the last row's.
    offsets: npt.NDArray[np.int64]

    def of_rows(self, at: npt.NDArray[np.int64]) -> list[Floats]:
        """Those of messages of one shape, a column for each; none where they have different numbers of them."""
        widths = self.offsets[at + 1] - self.offsets[at]
        if widths.min() != widths.max():
            return []
        return [self.numbers[self.offsets[at] + number] for number in range(int(widths[0]))]


def _numbers_in_messages(rows: Rows) -> _Spelled:
    messages = pl.Series("message", pl.from_arrow(rows.table["message"]), dtype=pl.String)
    spaced = pl.concat_str(pl.lit(" "), pl.col("message").str.replace_all(_SEPARATORS, "  "), pl.lit(" "))
    found = pl.DataFrame([messages]).select(spaced.str.extract_all(_NUMBER)).to_series()
    offsets = np.zeros(len(messages) + 1, dtype=np.int64)
    np.cumsum(found.list.len().to_numpy(), out=offsets[1:])
    texts = found.explode(empty_as_null=False) if len(found) else pl.Series([], dtype=pl.String)
    numbers = texts.str.extract(f"({_DIGITS})").cast(pl.Float64, strict=False).fill_null(np.nan)
    return _Spelled(numbers.to_numpy().astype(np.float64), offsets)
