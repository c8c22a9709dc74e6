"""From a question in somebody's own words to a selection of logs."""

from tocsin.kit.errors import InvalidRequest
from tocsin.logstore.ports import Selection, TimeRange
from tocsin.query.parser import parse
from tocsin.search.contracts import Question
from tocsin.search.time_expressions import time_range


def selection_of(
    question: Question, *, now_unix_nano: int, timeout_seconds: float, resumed_range: TimeRange | None = None
) -> Selection:
    """The selection that a question is about; ``resumed_range`` stands in for its own range.

    Raises:
        InvalidQuery: its text is not a query.
        InvalidTimeRange: a bound is not a moment, or the range is empty.
    """
    return Selection(
        organization_id=question.organization_id,
        time_range=resumed_range or time_range(question.start, question.end, now_unix_nano=now_unix_nano),
        query=parse(question.text),
        timeout_seconds=timeout_seconds,
    )


def check_limit(limit: int, maximum: int) -> None:
    """Refuse a limit out of bounds.

    Raises:
        InvalidRequest: it is less than one, or more than ``maximum``.
    """
    if not 1 <= limit <= maximum:
        raise InvalidRequest(f"the limit must be from 1 to {maximum:,}, not {limit:,}")


def check_number(what: str, given: int, maximum: int) -> None:
    """Refuse too many of something.

    Raises:
        InvalidRequest: there is none, or more than ``maximum``.
    """
    if not 1 <= given <= maximum:
        raise InvalidRequest(f"there may be 1 to {maximum:,} {what}, not {given:,}")
