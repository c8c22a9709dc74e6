"""Points in time as people and programs write them → nanoseconds since the epoch: one reading for the whole house.

RFC 3339 text (also without a zone, which is UTC, or without a time), or a number of seconds, milliseconds,
microseconds or nanoseconds since the epoch, told apart by its magnitude: until the year 2286 a number below 1e11 can
only be seconds, below 1e14 milliseconds, and so on.
"""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

NANOSECONDS_A_SECOND = 1_000_000_000
NANOSECONDS_A_DAY = 86_400 * NANOSECONDS_A_SECOND

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_UNITS = ((10**11, 10**9), (10**14, 10**6), (10**17, 10**3), (10**19, 1))
"""Numbers below the first are of a unit that has so many nanoseconds."""

_RFC3339 = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[Tt ]([0-9]{2}:[0-9]{2}(?::[0-9]{2})?)(?:(?<=:..:..)[.,]([0-9]+))? ?([Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)


def nanoseconds_of_text(text: str) -> int | None:
    """What RFC 3339 text says, of whatever size; None when it is not a moment. Digits after the ninth are cut off."""
    written = _RFC3339.fullmatch(text)
    if written is None:
        return None
    date, time, fraction, zone = written.groups()
    try:
        moment = datetime.fromisoformat(f"{date}T{time or '00:00'}{(zone or 'Z').upper()}")
    except ValueError:
        return None
    # datetime holds six digits; the text may have nine.
    return int(moment.timestamp()) * NANOSECONDS_A_SECOND + int((fraction or "0")[:9].ljust(9, "0"))


def nanoseconds_of_number(number: float | Decimal) -> int | None:
    """What a number since the epoch says; None when it is negative, not a number, or too large for any unit."""
    if not 0 <= number < _UNITS[-1][0]:
        return None
    factor = next(factor for limit, factor in _UNITS if number < limit)
    # Through Decimal and the shortest text: 1700000000.1 seconds are exactly 100 ms past, not 99999904 ns.
    return number * factor if isinstance(number, int) else int(Decimal(str(number)) * factor)


def unix_nano(moment: datetime) -> int:
    """An aware moment as nanoseconds since the epoch."""
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1_000
