"""Moments, time ranges and intervals as people write them → nanoseconds since the epoch.

A moment is ``now``, ``now-15m`` (or ``+``; s, m, h, d, w), an RFC 3339 date or date and time (UTC where it names no
zone), or a number of seconds, milliseconds, microseconds or nanoseconds since the epoch, told apart by its magnitude.
"""

import re
from datetime import UTC, datetime
from decimal import Decimal

from tocsin.kit.errors import InvalidRequest, InvalidTimeRange
from tocsin.logstore.ports import TimeRange

NANOSECONDS_A_SECOND = 1_000_000_000

DEFAULT_RANGE_NANO = 3_600 * NANOSECONDS_A_SECOND
"""How far before its end a range starts that names no start."""

UNIT_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}

_DURATION = re.compile(r"([0-9]{1,9})([smhdw])")
_RELATIVE = re.compile(r"now(?:([+-])([0-9]{1,9})([smhdw]))?")
_NUMBER = re.compile(r"[0-9]{1,19}(?:\.[0-9]{1,18})?")
_RFC3339 = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[Tt ]([0-9]{2}:[0-9]{2}(?::[0-9]{2})?)(?:\.([0-9]+))?(.*))?")

# Until the year 2286 a number below 1e11 can only be seconds, below 1e14 milliseconds, and so on.
_NANOSECONDS_BY_LIMIT = ((10**11, 10**9), (10**14, 10**6), (10**17, 10**3), (10**19, 1))
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
        unix_nano = now_unix_nano + _offset_nano(relative)
    elif _NUMBER.fullmatch(stripped):
        unix_nano = _from_number(Decimal(stripped))
    else:
        unix_nano = _from_rfc3339(stripped)
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


def _from_number(number: Decimal) -> int:
    factor = next(factor for limit, factor in _NANOSECONDS_BY_LIMIT if number < limit)
    return int(number * factor)


def _from_rfc3339(text: str) -> int:
    written = _RFC3339.fullmatch(text)
    if written is None:
        raise _not_a_moment(text)
    date, time, fraction, zone = written.groups()
    try:
        instant = datetime.fromisoformat(f"{date}T{time or '00:00'}{(zone or 'Z').upper()}")
        whole_seconds = int((instant - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())
    except (ValueError, OverflowError):
        raise _not_a_moment(text) from None
    return whole_seconds * NANOSECONDS_A_SECOND + int((fraction or "0")[:9].ljust(9, "0"))


def _not_a_moment(text: str) -> InvalidTimeRange:
    return InvalidTimeRange(
        f"{text!r} is not a moment: expected RFC 3339 (2026-11-21T10:00:00Z), seconds since the epoch, or now-15m"
    )
