"""What search by meaning answers."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from tocsin.logstore.ports import TimeRange
from tocsin.patterns.contracts import Pattern


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a log is among the answers."""

    #: 0 to 1: the mean of the two below, or ``words`` alone where ``meaning`` is not known.
    relevance: float
    #: The share of what the question's words and values tell that is in the log; rare ones tell more.
    words: float
    #: How near the question's meaning is to that of the log's pattern.
    meaning: float | None
    #: The words and values of the question that are in the log.
    matched: tuple[str, ...]
    #: None where the registry has not seen its shape yet.
    pattern: Pattern | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RelevantLogs:
    """Logs that may answer a question, the most relevant first."""

    time_range: TimeRange
    #: In ``STORED_LOG_SCHEMA``.
    rows: pa.Table
    #: One for each row.
    reasons: Sequence[Reason]
    #: Why meaning did not count, or not for all patterns; None where it did.
    degraded_reason: str | None
    #: Look-ups that took too long, for people; there may be better answers among their logs.
    given_up: tuple[str, ...]
