"""``Replay``: logs that come as in life, without a server: what a running Tocsin would make of them, faster than time.

The parts are the product's: intake's columns, the registry of patterns, detection, and incidents over a database. Only
the log store is left out: counts and exemplars are read from the logs of the last quarter of an hour, in memory.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import replace

import polars as pl
import pyarrow as pa

from tocsin.database.service import Database
from tocsin.detection.contracts import ABSENCES, Finding, FindingKind
from tocsin.detection.core import Detection
from tocsin.detection.exemplars import MOST_LOGS
from tocsin.detection.windows import INTERVAL_NANO, LATE_BUCKETS
from tocsin.incidents.contracts import Incident, IncidentFilter, Signal
from tocsin.incidents.from_findings import signal_of
from tocsin.incidents.repository import IncidentsRepository
from tocsin.incidents.service import MAX_INCIDENTS, IncidentsService
from tocsin.ingest.normalise import Stamp, check, join
from tocsin.ingest.protocols.tocsin_json import decode
from tocsin.logmodel.levels import SEVERITY_RANGES, Level
from tocsin.logstore.ports import RECENT_COUNTS_SCHEMA, OrganizationId
from tocsin.patterns.contracts import RegisteredShape
from tocsin.patterns.registry import PatternRegistry
from tocsin.topology.calls import calls_of
from tocsin.topology.contracts import CallGraph
from tocsin.topology.learning import SeenCall, graph_of, learned
from tocsin.topology.reading import span_logs

FALSE_ALARMS_A_WEEK = 1.0
"""The default of the setting: what is measured is what people get."""

MINUTE_NANO = 60 * 10**9

CALLS_NANO = 10 * MINUTE_NANO
"""How often calls are learned."""

CALLS_STEPS = 12
"""From the logs of so many steps, of which the last may be of traces that are not complete."""

_KEPT_NANO = LATE_BUCKETS * INTERVAL_NANO


class _ReplayClock:
    """Says what it is told."""

    def __init__(self) -> None:
        self.unix_nano = 0

    def now_unix_nano(self) -> int:
        return self.unix_nano


class Replay:
    """One organization from its first log on."""

    def __init__(self, database: Database, organization_id: OrganizationId) -> None:
        """Keep its incidents in a database that has the organization, and nothing else of it."""
        self._organization_id = organization_id
        self._clock = _ReplayClock()
        self._registry = PatternRegistry()
        self._detection = Detection(FALSE_ALARMS_A_WEEK)
        self._calls: dict[tuple[str, str], SeenCall] = {}
        self._learned_calls_at = 0
        self._rows: deque[pa.RecordBatch] = deque(maxlen=CALLS_STEPS)
        self._resolved_at = 0
        self._recent: deque[tuple[int, pl.DataFrame]] = deque()
        self._seen: set[int] = set()
        self._incidents = IncidentsService(
            IncidentsRepository(database), clock=self._clock, call_graph=self._call_graph
        )
        self.logs = 0

    async def incidents(self) -> list[tuple[Incident, Sequence[Signal]]]:
        """All of them with their signals, but for those that became part of another."""
        found = await self._incidents.find(self._organization_id, IncidentFilter(), limit=MAX_INCIDENTS)
        return [
            (incident, (await self._incidents.signals(self._organization_id, incident.id))[0])
            for incident in found
            if incident.merged_into is None
        ]

    async def go_on_to(self, until_unix_nano: int, ndjson: bytes) -> list[Incident]:
        """What came until a moment has come; answers the incidents that it touched."""
        self._clock.unix_nano = until_unix_nano
        frame = self._columns(ndjson)
        self._recent.append((until_unix_nano, frame))
        while self._recent[0][0] < until_unix_nano - _KEPT_NANO:
            self._recent.popleft()
        self._register(frame)
        findings = self._detection.take(_counts(frame), self._registry.catalogue(), until_unix_nano)
        touched = []
        if findings:
            touched = await self._incidents.take_signals(
                self._organization_id, [self._signal(each) for each in findings]
            )
        if until_unix_nano - self._learned_calls_at >= CALLS_NANO:
            self._learn_calls()
        if until_unix_nano - self._resolved_at >= MINUTE_NANO:
            self._resolved_at = until_unix_nano
            await self._incidents.resolve_quiet(self._organization_id)
        return touched

    def _columns(self, ndjson: bytes) -> pl.DataFrame:
        now = self._clock.unix_nano
        stamp = Stamp(
            received_unix_nano=now,
            default_timestamps_unix_nano=[now],
            default_service="replay",
            allows_other_services=True,
            content_hash_seed=0,
        )
        parts = [check(decode(ndjson, "application/x-ndjson").records, 0, stamp)] if ndjson else []
        batch = join(parts, stamp).batch
        self.logs += len(batch)
        self._rows.append(batch.rows)
        columns = ("service", "message", "severity_number", "shape", "trace_id", "span_id")
        frame = pl.from_arrow(pa.Table.from_batches([batch.rows]).select(columns))
        assert isinstance(frame, pl.DataFrame)
        return frame.with_columns(
            timestamp=pl.Series(batch.rows["timestamp"].cast(pa.int64()).to_numpy()),
            trace_id=pl.col("trace_id").bin.encode("hex"),
            span_id=pl.col("span_id").bin.encode("hex"),
        )

    def _register(self, frame: pl.DataFrame) -> None:
        first = frame.sort("timestamp").unique("shape", keep="first", maintain_order=True)
        new = [
            RegisteredShape(shape, timestamp, message)
            for shape, timestamp, message in first.select("shape", "timestamp", "message").iter_rows()
            if shape not in self._seen
        ]
        self._registry.add(new)
        self._seen.update(each.shape for each in new)

    def _signal(self, finding: Finding) -> Signal:
        """A finding as a signal, with what shows it."""
        if finding.kind in ABSENCES:
            return signal_of(finding)
        within = (pl.col("service") == finding.service) & (pl.col("timestamp") >= finding.onset_unix_nano)
        if finding.pattern is not None:
            within &= pl.col("shape").is_in(list(self._registry.current.patterns[finding.pattern].shapes))
        elif finding.kind is FindingKind.ERROR_RATIO:
            within &= pl.col("severity_number") >= SEVERITY_RANGES[Level.ERROR][0]
        shown = pl.concat([frame.filter(within) for _, frame in self._recent]).sort("timestamp").head(MOST_LOGS)
        if not len(shown):
            return signal_of(finding)
        traces = shown.filter(pl.col("trace_id").str.strip_chars("0") != "")["trace_id"]
        return signal_of(
            replace(finding, onset_unix_nano=shown["timestamp"][0], trace_ids=tuple(traces.unique(maintain_order=True)))
        )

    def _learn_calls(self) -> None:
        now = self._learned_calls_at = self._clock.unix_nano
        found = calls_of(span_logs(pa.Table.from_batches(list(self._rows))))
        self._calls = learned(self._calls, found, now_unix_nano=now)

    async def _call_graph(self, _organization_id: OrganizationId) -> CallGraph:
        return graph_of(self._calls, now_unix_nano=self._clock.unix_nano)


def _counts(frame: pl.DataFrame) -> pa.Table:
    counted = (
        frame.with_columns(start=pl.col("timestamp") // INTERVAL_NANO * INTERVAL_NANO)
        .group_by("shape", "service", "severity_number", "start")
        .agg(count=pl.len().cast(pl.UInt64))
    )
    return counted.to_arrow().cast(RECENT_COUNTS_SCHEMA)
