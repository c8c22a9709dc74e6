"""Hours with logs, and incidents → shares of the time in which a service was up. Pure.

Of an hour something is known about a service if any service of its organization logged in it, and the service itself
did by its end, within the last 30 days. In a known hour the service was down while an incident with severity HIGH or
CRITICAL that names it was open, and all the time if it logged nothing in it although it does in 95 % of its hours.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tocsin.health.contracts import Uptime
from tocsin.incidents.contracts import Incident, Severity
from tocsin.kit.moments import NANOSECONDS_A_SECOND, unix_nano

HOUR_NANO = 3_600 * NANOSECONDS_A_SECOND
DAYS = (1, 7, 30)
HOURS_KEPT = DAYS[-1] * 24 + 1
"""The hours that a month touches."""

_STEADY_SHARE = 0.95
_FEWEST_HOURS = 24
_GRAVE = (Severity.HIGH, Severity.CRITICAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """The last ``HOURS_KEPT`` hours, oldest first; the last one is not over yet."""

    #: The start of the first one, a multiple of ``HOUR_NANO``.
    start_unix_nano: int
    #: Shape ``(HOURS_KEPT,)``: whether the service logged in it, and whether any service did.
    with_logs: npt.NDArray[np.bool_]
    with_any_logs: npt.NDArray[np.bool_]


def uptime(hours: Hours, incidents: Sequence[Incident], *, now_unix_nano: int) -> Uptime:
    """The shares of the last day, week and 30 days.

    Args:
        hours: when the service and its organization logged.
        incidents: those that name the service, in any order.
        now_unix_nano: in the last of the hours.
    """
    known = hours.with_any_logs & np.logical_or.accumulate(hours.with_logs)
    silent = known & ~hours.with_logs
    # The last hour is not over: more may come.
    silent[-1] = False
    is_steady = known.sum() >= _FEWEST_HOURS and silent.sum() <= (1 - _STEADY_SHARE) * known.sum()
    starts = hours.start_unix_nano + HOUR_NANO * np.arange(len(known))
    down = _merged([_span(each, now_unix_nano) for each in incidents if each.severity in _GRAVE])
    shares = []
    for days in DAYS:
        begin = np.maximum(starts, now_unix_nano - days * 24 * HOUR_NANO)
        end = np.minimum(starts + HOUR_NANO, now_unix_nano)
        length = np.maximum(end - begin, 0) * known
        lost = np.zeros(len(known))
        for first, last in down:
            lost += np.maximum(np.minimum(end, last) - np.maximum(begin, first), 0)
        if is_steady:
            lost = np.where(silent, length, lost)
        total = float(length.sum())
        shares.append(1.0 - float((lost * known).sum()) / total if total else None)
    return Uptime(day=shares[0], week=shares[1], month=shares[2])


def _span(incident: Incident, now_unix_nano: int) -> tuple[int, int]:
    end = now_unix_nano if incident.resolved_at is None else unix_nano(incident.resolved_at)
    return unix_nano(incident.started_at), end


def _merged(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same time in spans that don't overlap."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged
