"""Counts of logs by service, from the log store: of the last two hours at each question, of the time before once."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tocsin.health.contracts import Activity, Counts
from tocsin.health.judging import MINUTES_NOW
from tocsin.health.uptime import HOUR_NANO, HOURS_KEPT, Hours
from tocsin.kit.moments import NANOSECONDS_A_SECOND
from tocsin.logmodel.levels import Level
from tocsin.logstore.ports import (
    AggregatePlan,
    AggregateRow,
    Field,
    LogColumn,
    LogStore,
    Measure,
    OrganizationId,
    Selection,
    Statistic,
    TimeRange,
    interval_starts,
)

MINUTE_NANO = 60 * NANOSECONDS_A_SECOND
QUARTER_NANO = 15 * MINUTE_NANO
MINUTES = 60
_DAY_NANO = 24 * HOUR_NANO

MOST_SERVICES = 2_000
"""The services with the most logs are counted."""

TIMEOUT_SECONDS = 10.0

LATE_HOURS = 1
"""So many hours that are over are counted again at each question, since logs of them may still come."""

_ERRORS = (Level.ERROR.value, Level.FATAL.value)
_NO_HOURS = np.zeros(HOURS_KEPT, dtype=bool)
_NOTHING = Counts()


ByInterval = dict[str, dict[int, Counts]]
"""By service and the start of the interval."""


@dataclass(frozen=True, slots=True)
class _Older:
    """What the services of one organization logged before a full hour."""

    until_unix_nano: int
    #: By quarters of an hour, of a day at least.
    quarters: ByInterval
    #: The hours with logs, counted from 1970.
    hours: dict[str, set[int]]


@dataclass(frozen=True, slots=True)
class Logged:
    """What one service logged."""

    activity: Activity
    hours: Hours


SILENT = Logged(
    Activity(minutes=(_NOTHING,) * MINUTES, quarters=()),
    Hours(start_unix_nano=0, with_logs=_NO_HOURS, with_any_logs=_NO_HOURS),
)
"""What a service logged that did not in the last 30 days."""


class ActivityReader:
    """What services log. Every method raises as ``LogStore.aggregate`` does."""

    def __init__(self, store: LogStore) -> None:
        self._store = store
        self._remembered: dict[OrganizationId, _Older] = {}

    async def read(self, organization_id: OrganizationId, now_unix_nano: int) -> Mapping[str, Logged]:
        """What every service logged that did in the last 30 days.

        What was logged before the last ``LATE_HOURS`` full hours is counted once, and remembered: a log that comes
        later than that changes nothing until the process starts anew.
        """
        this_hour, this_minute = now_unix_nano // HOUR_NANO, now_unix_nano // MINUTE_NANO
        recent_start = (this_hour - LATE_HOURS) * HOUR_NANO
        older, recent = await asyncio.gather(
            self._older(organization_id, recent_start),
            self._counts(organization_id, TimeRange(recent_start, now_unix_nano + 1), MINUTE_NANO),
        )
        minutes = TimeRange((this_minute - MINUTES + 1) * MINUTE_NANO, now_unix_nano + 1)
        day_end = (this_minute - MINUTES_NOW + 1) * MINUTE_NANO
        day = TimeRange(day_end - _DAY_NANO, day_end)
        first_hour = this_hour - HOURS_KEPT + 1
        names = recent.keys() | older.quarters.keys() | older.hours.keys()
        present = {name: _hours(older.hours.get(name, ()), recent.get(name, {}), first_hour) for name in names}
        anyone = np.logical_or.reduce([_NO_HOURS, *present.values()])
        return {
            name: Logged(
                Activity(
                    minutes=_listed(recent.get(name, {}), minutes, MINUTE_NANO),
                    quarters=_listed(
                        _quarters(older.quarters.get(name, {}), recent.get(name, {}), day_end), day, QUARTER_NANO
                    ),
                ),
                Hours(start_unix_nano=first_hour * HOUR_NANO, with_logs=present[name], with_any_logs=anyone),
            )
            for name in names
        }

    async def _older(self, organization_id: OrganizationId, until_unix_nano: int) -> _Older:
        before = self._remembered.get(organization_id)
        if before is not None and before.until_unix_nano == until_unix_nano:
            return before
        first_quarter = until_unix_nano - _DAY_NANO - HOUR_NANO
        first_hour = until_unix_nano // HOUR_NANO - HOURS_KEPT
        if before is None or not first_quarter <= before.until_unix_nano < until_unix_nano:
            before = _Older(first_quarter, {}, await self._hours_between(organization_id, first_hour, until_unix_nano))
        new = await self._counts(organization_id, TimeRange(before.until_unix_nano, until_unix_nano), QUARTER_NANO)
        quarters: ByInterval = {
            name: {
                start: counts
                for start, counts in (before.quarters.get(name, {}) | new.get(name, {})).items()
                if start >= first_quarter
            }
            for name in before.quarters.keys() | new.keys()
        }
        hours = {
            name: {
                hour
                for hour in before.hours.get(name, set()) | {start // HOUR_NANO for start in new.get(name, {})}
                if hour >= first_hour
            }
            for name in before.hours.keys() | new.keys()
        }
        older = self._remembered[organization_id] = _Older(
            until_unix_nano, {name: each for name, each in quarters.items() if each}, _without_empty(hours)
        )
        return older

    async def _counts(self, organization_id: OrganizationId, time_range: TimeRange, interval_nano: int) -> ByInterval:
        by = (LogColumn.SERVICE, LogColumn.LEVEL)
        counts: ByInterval = {}
        for row in await self._aggregate(organization_id, time_range, interval_nano, by, len(Level)):
            name, level = row.values
            logs, start = int(row.results[0] or 0), row.start_unix_nano or 0
            theirs = counts.setdefault(name or "", {})
            before = theirs.get(start, _NOTHING)
            errors = logs if level in _ERRORS else 0
            theirs[start] = Counts(logs=before.logs + logs, errors=before.errors + errors)
        return counts

    async def _hours_between(
        self, organization_id: OrganizationId, first_hour: int, until_unix_nano: int
    ) -> dict[str, set[int]]:
        time_range = TimeRange(first_hour * HOUR_NANO, until_unix_nano)
        hours: dict[str, set[int]] = {}
        for row in await self._aggregate(organization_id, time_range, HOUR_NANO, (LogColumn.SERVICE,), 1):
            hours.setdefault(row.values[0] or "", set()).add((row.start_unix_nano or 0) // HOUR_NANO)
        return hours

    async def _aggregate(
        self,
        organization_id: OrganizationId,
        time_range: TimeRange,
        interval_nano: int,
        by: tuple[Field, ...],
        groups_a_service: int,
    ) -> list[AggregateRow]:
        selection = Selection(organization_id=organization_id, time_range=time_range, timeout_seconds=TIMEOUT_SECONDS)
        plan = AggregatePlan(
            selection=selection,
            measures=(Measure(Statistic.COUNT),),
            by=by,
            interval_nano=interval_nano,
            limit=MOST_SERVICES * groups_a_service,
        )
        return await self._store.aggregate(plan)


def _listed(counts: Mapping[int, Counts], time_range: TimeRange, interval_nano: int) -> list[Counts]:
    return [counts.get(start, _NOTHING) for start in interval_starts(time_range, interval_nano)]


def _quarters(older: Mapping[int, Counts], recent: Mapping[int, Counts], end_unix_nano: int) -> dict[int, Counts]:
    """Quarters of an hour, of which the recent ones are put together from minutes before the end."""
    quarters = dict(older)
    for start, counts in recent.items():
        if start < end_unix_nano:
            quarter = start // QUARTER_NANO * QUARTER_NANO
            before = quarters.get(quarter, _NOTHING)
            quarters[quarter] = Counts(logs=before.logs + counts.logs, errors=before.errors + counts.errors)
    return quarters


def _hours(older: Collection[int], recent: Collection[int], first_hour: int) -> npt.NDArray[np.bool_]:
    present = _NO_HOURS.copy()
    places = np.array([*older, *(start // HOUR_NANO for start in recent)], dtype=np.int64) - first_hour
    present[places[(places >= 0) & (places < HOURS_KEPT)]] = True
    return present


def _without_empty(hours: dict[str, set[int]]) -> dict[str, set[int]]:
    return {name: each for name, each in hours.items() if each}
