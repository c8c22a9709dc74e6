"""Timestamps as senders write them → nanoseconds since the epoch, a column at a time.

``kit.moments`` says which texts and numbers are read; texts of the usual forms are read without it, all at once.
"""

import re
from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import numpy.typing as npt
import polars as pl

from tocsin.kit.moments import nanoseconds_of_number, nanoseconds_of_text

INVALID = np.iinfo(np.int64).min
"""Stands for a timestamp that can't be read; pandas' and numpy's not-a-time has the same value."""

_EARLIEST, _LATEST = INVALID + 1, np.iinfo(np.int64).max

_NUMBER = re.compile(r"[0-9]{1,40}(?:\.[0-9]{0,40})?(?:[eE]\+?[0-9]{1,2})?")
# What Polars reads exactly as ``nanoseconds_of_text`` does, in years whose nanoseconds fit: it would wrap the others.
_POLARS_READS = (
    r"^(?:19[7-9][0-9]|2[01][0-9]{2})-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-5][0-9](?:\.[0-9]{1,9})?"
    r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])$"
)
_WIDTH_OF_SECONDS = len("2026-11-21T10:00:00Z")
_WIDTH_OF_NANOSECONDS = len("2026-11-21T10:00:00.123456789Z")


def parse_timestamps(values: Sequence[object], *, missing: int) -> npt.NDArray[np.int64]:
    """The column as nanoseconds; ``missing`` where the sender wrote none, ``INVALID`` where it can't be read.

    What 64 bits can't hold becomes the nearest that they can.
    """
    kinds = set(map(type, values))
    if kinds == {str}:
        parsed = _parse_uniform_utc(values)  # type: ignore[arg-type]  # all are text
        return _parse_texts(values) if parsed is None else parsed  # type: ignore[arg-type]
    if kinds == {type(None)}:
        return np.full(len(values), missing, dtype=np.int64)
    return np.fromiter((missing if value is None else _parse_one(value) for value in values), np.int64, len(values))


def _parse_uniform_utc(values: Sequence[str]) -> npt.NDArray[np.int64] | None:
    """Read texts of one length that end in ``Z`` at once, by numpy's own ISO 8601 parser; None if they aren't that."""
    width = len(values[0])
    if width != _WIDTH_OF_SECONDS and not _WIDTH_OF_SECONDS + 2 <= width <= _WIDTH_OF_NANOSECONDS:
        return None
    joined = "".join(values)
    if set(map(len, values)) != {width} or not joined.isascii():
        return None
    matrix = np.frombuffer(joined.encode(), dtype=np.uint8).reshape(len(values), width)
    if not _has_form(matrix, values[0]):
        return None
    # Years outside these would not fit into 64 bits of nanoseconds, and numpy would wrap without a word.
    centuries = (matrix[:, 0] - 48) * 10 + (matrix[:, 1] - 48)
    if centuries.min() < 19 or centuries.max() > 21:
        return None
    text = np.ascontiguousarray(matrix[:, : width - 1]).view(f"S{width - 1}").ravel()
    try:
        return text.astype("M8[ns]").astype(np.int64)
    except ValueError:
        return None


def _has_form(matrix: npt.NDArray[np.uint8], first: str) -> bool:
    """Whether all rows are ``0000-00-00T00:00:00.000Z`` with the separators of the first, and digits between them."""
    separators = [4, 7, 10, 13, 16, len(first) - 1]
    if len(first) > _WIDTH_OF_SECONDS:
        separators.append(_WIDTH_OF_SECONDS - 1)
    if "".join(first[place] for place in separators) not in ("--T::Z", "-- ::Z", "--T::Z.", "-- ::Z."):
        return False
    lowest = np.full(len(first), ord("0"), dtype=np.uint8)
    highest = np.full(len(first), ord("9"), dtype=np.uint8)
    lowest[separators] = highest[separators] = matrix[0, separators]
    return bool(((matrix >= lowest) & (matrix <= highest)).all())


def _parse_texts(values: Sequence[str]) -> npt.NDArray[np.int64]:
    texts = pl.DataFrame({"text": pl.Series(values, dtype=pl.String)})
    readable = pl.when(pl.col("text").str.contains(_POLARS_READS)).then(pl.col("text"))
    instants = texts.select(readable.str.to_datetime("%+", time_unit="ns", time_zone="UTC", strict=False)).to_series()
    parsed = instants.to_physical().fill_null(INVALID).to_numpy().astype(np.int64, copy=True)
    for row in np.flatnonzero(parsed == INVALID).tolist():
        parsed[row] = _parse_one(values[row])
    return parsed


def _parse_one(value: object) -> int:
    if isinstance(value, bool):
        return INVALID
    if isinstance(value, int | float):
        return _from_number(value)
    if isinstance(value, str):
        return _from_text(value.strip())
    return INVALID


def _from_number(value: float | Decimal) -> int:
    nanoseconds = nanoseconds_of_number(value)
    return INVALID if nanoseconds is None else min(nanoseconds, _LATEST)


def _from_text(text: str) -> int:
    if _NUMBER.fullmatch(text):
        return _from_number(Decimal(text))
    nanoseconds = nanoseconds_of_text(text)
    return INVALID if nanoseconds is None else min(max(nanoseconds, _EARLIEST), _LATEST)
