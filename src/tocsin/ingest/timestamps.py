"""Timestamps as senders write them → nanoseconds since the epoch.

RFC 3339 text, or a number of seconds, milliseconds, microseconds or nanoseconds since the epoch, told apart by its
magnitude: until the year 2286 a number below 1e11 can only be seconds, below 1e14 milliseconds, and so on.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

import numpy as np
import numpy.typing as npt
import polars as pl

NANOSECONDS_A_SECOND = 1_000_000_000
INVALID = np.iinfo(np.int64).min
"""Stands for a timestamp that can't be read; pandas' and numpy's not-a-time has the same value."""

_UNITS = ((10**11, 10**9), (10**14, 10**6), (10**17, 10**3), (10**19, 1))
_LONGEST_UTC = len("2026-11-21T10:00:00.123456789Z")


def parse_timestamps(values: Sequence[object], *, missing: int) -> npt.NDArray[np.int64]:
    """The column as nanoseconds; ``missing`` where the sender wrote none, ``INVALID`` where it can't be read."""
    kinds = set(map(type, values))
    if kinds == {str}:
        parsed = _parse_uniform_utc(values)
        return _parse_texts(values) if parsed is None else parsed
    if kinds == {type(None)}:
        return np.full(len(values), missing, dtype=np.int64)
    return np.fromiter((missing if value is None else _parse_one(value) for value in values), np.int64, len(values))


def _parse_uniform_utc(values: Sequence[object]) -> npt.NDArray[np.int64] | None:
    """Read texts of one length that end in ``Z`` at once, by numpy's own ISO 8601 parser; None if they aren't that."""
    first = str(values[0])
    width = len(first)
    joined = "".join(values)  # type: ignore[arg-type]  # the caller has seen that all are text
    uniform = 20 <= width <= _LONGEST_UTC and first[-1] == "Z" and first[10] in "Tt "
    if not uniform or len(joined) != width * len(values) or not joined.isascii():
        return None
    matrix = np.frombuffer(joined.encode(), dtype=np.uint8).reshape(len(values), width)
    digits = matrix[:, [0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18]]
    if not (_constant(matrix[:, [4, 7, 10, 13, 16, width - 1]]) and ((digits >= 48) & (digits <= 57)).all()):
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


def _constant(columns: npt.NDArray[np.uint8]) -> bool:
    return bool((columns == columns[0]).all())


def _parse_texts(values: Sequence[object]) -> npt.NDArray[np.int64]:
    texts = pl.Series(values, dtype=pl.String)
    instants = texts.str.to_datetime("%+", time_unit="ns", time_zone="UTC", strict=False).to_physical()
    parsed = instants.fill_null(INVALID).to_numpy().astype(np.int64, copy=True)
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
    if not 0 <= value < _UNITS[-1][0]:
        return INVALID
    factor = next(factor for limit, factor in _UNITS if value < limit)
    # Through Decimal and the shortest text: 1700000000.1 seconds are exactly 100 ms past, not 99999904 ns.
    nanoseconds = value * factor if isinstance(value, int) else int(Decimal(str(value)) * factor)
    return nanoseconds if nanoseconds < 2**63 else INVALID


def _from_text(text: str) -> int:
    try:
        return _from_number(Decimal(text)) if text[:1].isdigit() and "-" not in text else _from_rfc3339(text)
    except (ValueError, InvalidOperation, OverflowError):
        return INVALID


def _from_rfc3339(text: str) -> int:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    seconds = int(moment.replace(microsecond=0).timestamp())
    return seconds * NANOSECONDS_A_SECOND + _fraction_nanoseconds(text)


def _fraction_nanoseconds(text: str) -> int:
    """``fromisoformat`` cuts to microseconds; the digits behind the point or comma hold all nine."""
    _, point, tail = text.replace(",", ".").rpartition(".")
    if not point:
        return 0
    digits = tail[: len(tail) - len(tail.lstrip("0123456789"))]
    return int(digits[:9].ljust(9, "0")) if digits else 0
