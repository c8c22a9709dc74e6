"""Patterns that were never seen before a window."""

from dataclasses import replace

import pytest
from tests.search.conftest import ORGANIZATION
from tests.search.test_pattern_listing import HOUR, START, catalogue, pattern, write
from tests.support.reading import selection

from tocsin.logstore.backends.memory.store import MemoryLogStore
from tocsin.logstore.ports import TimeRange
from tocsin.patterns.contracts import PatternCatalogue
from tocsin.search.comparison import novel
from tocsin.search.comparison.contracts import NewPatterns
from tocsin.search.comparison.novel import new_patterns

WINDOW = TimeRange(START, START + HOUR)
OLD, NEW, WORSE = pattern(1), pattern(2, 3, first_seen=START + 5), pattern(2**63 + 4, first_seen=START)


async def _new(known: PatternCatalogue) -> NewPatterns:
    store = MemoryLogStore()
    await write(
        store,
        {"shape": 1, "severity_number": 21},
        *({"shape": 2, "timestamp": START + 5 + number} for number in range(3)),
        {"shape": 3, "severity_number": 9, "timestamp": START + 9},
        {"shape": 2**63 + 4, "severity_number": 17},
    )
    counts = await store.shape_counts(selection(ORGANIZATION, time_range=WINDOW), interval_nano=HOUR)
    return new_patterns(counts, WINDOW, known)


async def test_they_are_told_the_most_severe_first() -> None:
    found = await _new(catalogue(OLD, NEW, WORSE))
    assert [(each.pattern.id, each.count, each.severity_number) for each in found.patterns] == [
        (2**63 + 4, 1, 17),
        (2, 4, 9),
    ]
    assert found.total == 2


async def test_a_muted_pattern_is_left_out() -> None:
    assert (await _new(catalogue(OLD, replace(NEW, is_muted=True), WORSE))).total == 1


async def test_nothing_is_new_when_everything_is() -> None:
    assert await _new(catalogue(NEW, WORSE)) == NewPatterns()


async def test_so_many_are_told_and_all_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(novel, "MAX_NEW_PATTERNS", 1)
    found = await _new(catalogue(OLD, NEW, WORSE))
    assert (len(found.patterns), found.total) == (1, 2)
