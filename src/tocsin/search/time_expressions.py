"""Moments, time ranges and intervals as people write them → nanoseconds since the epoch.

A moment is ``now``, ``now-15m`` (or ``+``; s, m, h, d, w), or a text or number that ``kit.moments`` reads, as it reads
the timestamps of logs.
"""

import re
from decimal import Decimal

from tocsin.kit.errors import InvalidRequest, InvalidTimeRange
from tocsin.kit.moments import NANOSECONDS_A_SECOND, nanoseconds_of_number, nanoseconds_of_text
from tocsin.logstore.ports import TimeRange

DEFAULT_RANGE_NANO = 3_600 * NANOSECONDS_A_SECOND
"""How far before its end a range starts that names no start."""

UNIT_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}

_DURATION = re.compile(r"([0-9]{1,9})([smhdw])")
_RELATIVE = re.compile(r"now(?:([+-])([0-9]{1,9})([smhdw]))?")
_NUMBER = re.compile(r"[0-9]{1,19}(?:\.[0-9]{1,18})?")

_LATEST = 2**63 - 1


def time_range(start: str | None, end: str | None, *, now_unix_nano: int) -> TimeRange:
    """The range from ``start`` to just before ``end``; without an end until now, without a start one hour long.

    Raises:
        InvalidTimeRange: a bound is not a moment, or the range is empty.
    """
    end_unix_nano = now_unix_nano if end is None else moment(end, now_unix_nano=now_unix_nano)
    start_unix_nano = (
        max(end_unix_nano - DEFAULT_RANGE_NANO, -_LATEST)
        if start is None
        else moment(start, now_unix_nano=now_unix_nano)
    )
    if start_unix_nano >= end_unix_nano:
        raise InvalidTimeRange(f"the time range is empty: from {start or 'an hour earlier'} to {end or 'now'}")
    return TimeRange(start_unix_nano, end_unix_nano)


def moment(text: str, *, now_unix_nano: int) -> int:
    """The moment that the text names, in nanoseconds since the epoch.

    Raises:
        InvalidTimeRange: it names none, or one that does not fit into 64 bits.
    """
    stripped = text.strip()
    if relative := _RELATIVE.fullmatch(stripped):
        unix_nano: int | None = now_unix_nano + _offset_nano(relative)
    elif _NUMBER.fullmatch(stripped):
        unix_nano = nanoseconds_of_number(Decimal(stripped))
    else:
        unix_nano = nanoseconds_of_text(stripped)
    if unix_nano is None:
        raise _not_a_moment(text)
    if not -_LATEST <= unix_nano <= _LATEST:
        raise InvalidTimeRange(f"{text!r} is too far from now")
    return unix_nano


def duration_seconds(text: str) -> int:
    """The seconds of ``90``, ``30s``, ``5m``, ``1h``, ``1d`` or ``2w``.

    Raises:
        InvalidRequest: it is not a duration, or is zero.
    """
    written = _DURATION.fullmatch(text.strip() if text.strip()[-1:].isalpha() else f"{text.strip()}s")
    seconds = int(written[1]) * UNIT_SECONDS[written[2]] if written else 0
    if not seconds:
        raise InvalidRequest(f"{text!r} is not a duration: expected something like 30s, 5m, 1h or 1d")
    return seconds


def _offset_nano(relative: re.Match[str]) -> int:
    sign, amount, unit = relative.groups()
    if sign is None:
        return 0
    nanoseconds = int(amount) * UNIT_SECONDS[unit] * NANOSECONDS_A_SECOND
    return nanoseconds if sign == "+" else -nanoseconds


def _not_a_moment(text: str) -> InvalidTimeRange:
    return InvalidTimeRange(
        f"{text!r} is not a moment: expected RFC 3339 (2026-11-21T10:00:00Z), seconds since the epoch, or now-15m"
    )
