"""``ContextService``: what happened just before and after a log, where it happened."""

from collections.abc import AsyncIterator
from uuid import UUID

import pyarrow as pa

from tocsin.kit.errors import InvalidRequest
from tocsin.kit.moments import NANOSECONDS_A_SECOND
from tocsin.logmodel.batch import logs_of
from tocsin.logmodel.log import Log
from tocsin.logmodel.metadata import text_of
from tocsin.logstore.ports import LogStore, Order, OrganizationId, Position, ScanPlan, Selection, TimeRange
from tocsin.query.tree import MetadataIs, Node, ServiceIs, TraceIs
from tocsin.search.contracts import Context, Surroundings
from tocsin.search.limits import QueryLimits
from tocsin.search.service import SearchService

DEFAULT_AROUND, MAX_AROUND = 10, 1_000

HOST_KEYS = ("host.name", "host", "hostname")
"""The metadata keys that name a log's host: OpenTelemetry's, then the usual others; the first that a log has counts."""

_EARLIEST, _LATEST = -(2**63) + 1, 2**63 - 1

_REACHES = (3_600 * NANOSECONDS_A_SECOND, 86_400 * NANOSECONDS_A_SECOND, None)
"""How far from the log its neighbours are looked for, as long as there are too few; None is all time."""


class ContextService:
    """Finds the neighbours of a log. Raises as ``SearchService`` does."""

    def __init__(self, store: LogStore, search: SearchService, *, limits: QueryLimits) -> None:
        self._store = store
        self._search = search
        self._limits = limits

    async def around(
        self, organization_id: OrganizationId, log_id: UUID, surroundings: Surroundings, *, before: int, after: int
    ) -> Context:
        """So many logs before and after this one, of the same service, host or trace.

        Raises:
            NotFound: the organization has no such log.
            InvalidRequest: the log names no host, or has no trace.
        """
        for number in (before, after):
            if not 0 <= number <= MAX_AROUND:
                raise InvalidRequest(f"there may be 0 to {MAX_AROUND:,} logs on each side, not {number:,}")
        log = await self._search.get(organization_id, log_id)
        query = _in_common(log, surroundings)
        earlier = await self._neighbours(organization_id, query, log, Order.NEWEST_FIRST, before)
        later = await self._neighbours(organization_id, query, log, Order.OLDEST_FIRST, after)
        return Context(before=earlier[::-1], log=log, after=later)

    async def _neighbours(
        self, organization_id: OrganizationId, query: Node, log: Log, order: Order, wanted: int
    ) -> list[Log]:
        found: list[Log] = []
        for reach in _REACHES:
            if len(found) == wanted:
                break
            selection = Selection(
                organization_id=organization_id,
                time_range=_reached(log, order, reach),
                query=query,
                timeout_seconds=self._limits.timeout_seconds,
            )
            nearest = found[-1] if found else log
            plan = ScanPlan(selection=selection, order=order, limit=wanted - len(found), after=_position(nearest))
            async with self._limits.slot(selection):
                found += await _read(self._store.scan(plan))
        return found


async def _read(batches: AsyncIterator[pa.RecordBatch]) -> list[Log]:
    return [log async for batch in batches for log in logs_of(batch)]


def _position(log: Log) -> Position:
    return Position(log.timestamp_unix_nano, log.ingest_sequence)


def _reached(log: Log, order: Order, reach: int | None) -> TimeRange:
    moment = log.timestamp_unix_nano
    if order is Order.NEWEST_FIRST:
        return TimeRange(_EARLIEST if reach is None else max(_EARLIEST, moment - reach), min(_LATEST, moment + 1))
    return TimeRange(moment, _LATEST if reach is None else min(_LATEST, moment + reach))


def _in_common(log: Log, surroundings: Surroundings) -> Node:
    if surroundings is Surroundings.SERVICE:
        return ServiceIs(log.service)
    if surroundings is Surroundings.TRACE:
        if not log.trace_id:
            raise InvalidRequest("this log has no trace; ask for its service's context")
        return TraceIs(log.trace_id)
    key = next((key for key in HOST_KEYS if key in log.metadata), None)
    if key is None:
        raise InvalidRequest(f"this log names no host: its metadata has none of {', '.join(HOST_KEYS)}")
    return MetadataIs(key, text_of(log.metadata[key]))
