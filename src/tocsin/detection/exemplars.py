"""Adds to findings what shows them: logs, traces, and the count that their question returns."""

from collections.abc import Sequence
from dataclasses import replace

import structlog

from tocsin.detection.contracts import ABSENCES, Finding
from tocsin.kit.errors import TocsinError
from tocsin.logmodel.batch import logs_of
from tocsin.logstore.ports import LogStore, Order, OrganizationId, ScanPlan, Selection, TimeRange
from tocsin.search.questions import Questions

MOST_LOGS = 20
"""Of one finding: people look at a few, and requests in common show in a few."""

MOST_FINDINGS = 40
"""At a time, the most surprising ones: each costs two queries."""

TIMEOUT_SECONDS = 5.0

log = structlog.get_logger(__name__)


class Exemplars:
    """Reads them from the log store."""

    def __init__(self, store: LogStore, questions: Questions) -> None:
        self._store = store
        self._questions = questions

    async def added(self, organization_id: OrganizationId, findings: Sequence[Finding]) -> list[Finding]:
        """The findings with what shows them; as they were where that can't be read in time."""
        shown = [await self._added(organization_id, finding) for finding in findings[:MOST_FINDINGS]]
        return [*shown, *findings[MOST_FINDINGS:]]

    async def _added(self, organization_id: OrganizationId, finding: Finding) -> Finding:
        evidence = finding.evidence
        try:
            selection = Selection(
                organization_id=organization_id,
                time_range=TimeRange(evidence.start_unix_nano, evidence.end_unix_nano),
                query=await self._questions.query(organization_id, evidence.query),
                timeout_seconds=TIMEOUT_SECONDS,
            )
            count = await self._store.count(selection)
            if finding.kind in ABSENCES:
                return replace(finding, evidence=replace(evidence, count=count))
            plan = ScanPlan(selection=selection, order=Order.OLDEST_FIRST, limit=MOST_LOGS)
            batches = [batch async for batch in self._store.scan(plan)]
        except TocsinError as error:
            log.warning("detection.no_exemplars", organization_id=str(organization_id), reason=error.detail)
            return finding
        logs = [each for batch in batches for each in logs_of(batch)]
        if not logs:
            return replace(finding, evidence=replace(evidence, count=count))
        return replace(
            finding,
            # Counts know intervals only.
            onset_unix_nano=max(finding.onset_unix_nano, logs[0].timestamp_unix_nano),
            evidence=replace(evidence, count=count, log_ids=tuple(str(each.id) for each in logs)),
            trace_ids=tuple(dict.fromkeys(each.trace_id for each in logs if each.trace_id)),
        )
