"""What shows a finding: logs, traces and a count that come from the log store."""

from dataclasses import replace

import pytest

from tests.detection.conftest import ALARMING, ORGANIZATION, OTHER_ORGANIZATION, SECOND, finding, write
from tests.support.logs import NOON_UNIX_NANO, log_batch
from tocsin.detection.contracts import Evidence, Finding, FindingKind
from tocsin.detection.exemplars import MOST_LOGS, Exemplars
from tocsin.kit.clock import SystemClock
from tocsin.kit.errors import StoreUnavailable
from tocsin.logstore.ports import LogStore, Receipt, Selection
from tocsin.patterns.contracts import PatternCatalogue
from tocsin.search.questions import Questions

TRACES = tuple(digit * 32 for digit in "abc")


class NoCatalogues:
    """Knows no pattern."""

    async def catalogue(self, _organization_id: object) -> PatternCatalogue:
        return PatternCatalogue()


@pytest.fixture
def exemplars(store: LogStore) -> Exemplars:
    return Exemplars(store, Questions(NoCatalogues(), clock=SystemClock()))


def found(*, query: str = '"payment declined"', kind: FindingKind = FindingKind.SPIKE) -> Finding:
    evidence = Evidence(
        query=query, start_unix_nano=NOON_UNIX_NANO, end_unix_nano=NOON_UNIX_NANO + 60 * SECOND, count=0
    )
    return replace(finding(1, NOON_UNIX_NANO, 3), kind=kind, evidence=evidence)


async def test_a_finding_gets_its_logs_traces_count_and_onset(store: LogStore, exemplars: Exemplars) -> None:
    rows = [
        {"message": ALARMING, "timestamp": NOON_UNIX_NANO + place * SECOND, "trace_id": trace}
        for place, trace in enumerate((*TRACES, TRACES[0]), start=4)
    ]
    await store.write(ORGANIZATION, log_batch(rows), Receipt(received=len(rows)))
    await write(store, "cache is warm", at=NOON_UNIX_NANO + SECOND)
    await write(store, ALARMING, at=NOON_UNIX_NANO + SECOND, organization_id=OTHER_ORGANIZATION)
    [shown] = await exemplars.added(ORGANIZATION, [found()])
    assert shown.trace_ids == TRACES
    assert (shown.evidence.count, len(shown.evidence.log_ids)) == (4, 4)
    assert shown.onset_unix_nano == NOON_UNIX_NANO + 4 * SECOND


async def test_many_logs_are_counted_and_a_few_are_shown(store: LogStore, exemplars: Exemplars) -> None:
    await write(store, *[ALARMING] * (MOST_LOGS + 5), at=NOON_UNIX_NANO)
    [shown] = await exemplars.added(ORGANIZATION, [found()])
    assert (shown.evidence.count, len(shown.evidence.log_ids)) == (MOST_LOGS + 5, MOST_LOGS)


async def test_what_stays_away_is_only_counted(store: LogStore, exemplars: Exemplars) -> None:
    await write(store, ALARMING, at=NOON_UNIX_NANO + 9 * SECOND)
    [shown] = await exemplars.added(ORGANIZATION, [found(kind=FindingKind.DIP)])
    assert (shown.evidence.count, shown.evidence.log_ids, shown.onset_unix_nano) == (1, (), NOON_UNIX_NANO)


async def test_a_store_that_fails_costs_the_exemplars_only(
    store: LogStore, exemplars: Exemplars, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def failing(_selection: Selection) -> int:
        raise StoreUnavailable("the disk is away")

    monkeypatch.setattr(store, "count", failing)
    assert await exemplars.added(ORGANIZATION, [found()]) == [found()]
