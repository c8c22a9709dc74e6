"""Levels, and the severity numbers they are derived from.

Source: OpenTelemetry Logs Data Model, "Severity Fields": numbers 1–24 in steps of four.
"""

from enum import StrEnum

UNSPECIFIED_SEVERITY = 9
"""What a log without a level of its own is taken for: INFO."""


class Level(StrEnum):
    """How serious a log is. TRACE (1–4) counts as DEBUG; the severity number keeps the difference."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"
    FATAL = "FATAL"


SEVERITY_RANGES: dict[Level, tuple[int, int]] = {
    Level.DEBUG: (1, 8),
    Level.INFO: (9, 12),
    Level.WARN: (13, 16),
    Level.ERROR: (17, 20),
    Level.FATAL: (21, 24),
}
"""The first and the last severity number of each level."""

_SYNONYMS = {
    1: ("trace", "verbose", "finest", "silly", "t", "v"),
    3: ("finer",),
    5: ("debug", "dbg", "fine", "d"),
    9: ("info", "information", "informational", "inf", "i", "log", "default"),
    10: ("notice", "config"),
    13: ("warn", "warning", "wrn", "w"),
    17: ("error", "err", "eror", "severe", "failure", "e"),
    21: ("fatal", "critical", "crit", "f", "c", "panic", "dpanic"),
    22: ("alert",),
    24: ("emergency", "emerg"),
}

SEVERITY_BY_NAME: dict[str, int] = {name: number for number, names in _SYNONYMS.items() for name in names}
"""Lower-case level names as the common logging libraries spell them."""

_PINO = {10: 1, 20: 5, 30: 9, 40: 13, 50: 17, 60: 21}
_SYSLOG = {0: 24, 1: 22, 2: 21, 3: 17, 4: 13, 5: 10, 6: 9, 7: 5}
SEVERITY_BY_NUMBER: dict[int, int] = _SYSLOG | _PINO
"""Bare level numbers: syslog's 0–7 (RFC 5424 §6.2.1) and the 10–60 of pino and bunyan."""


def severity_of(level: object) -> int | None:
    """The severity number of a level as senders write it, or None when it is not a known one."""
    if isinstance(level, str):
        return SEVERITY_BY_NAME.get(level.strip().lower())
    if isinstance(level, int) and not isinstance(level, bool):
        return SEVERITY_BY_NUMBER.get(level)
    return None


def level_of(severity_number: int) -> Level:
    """The level that a severity number in 1–24 belongs to."""
    return _LEVEL_BY_SEVERITY[severity_number]


_LEVEL_BY_SEVERITY = {
    number: level for level, (first, last) in SEVERITY_RANGES.items() for number in range(first, last + 1)
}
