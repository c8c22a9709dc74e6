"""``PatternRegistry``: what it remembers of one catalogue never shows in the next."""

from datetime import UTC, datetime
from uuid import UUID

from tests.patterns.conftest import SOMEBODY
from tocsin.patterns.contracts import Edit, EditKind, RegisteredShape
from tocsin.patterns.registry import PatternRegistry

ADDRESS, DISK = RegisteredShape(1, 5, "at 10.0.0.1"), RegisteredShape(2, 6, "disk is full")
EARLIER = RegisteredShape(1, 3, "at 7")
MERGE = Edit(
    id=UUID(int=1),
    kind=EditKind.MERGE,
    shapes=(1, 2),
    created_by=SOMEBODY,
    created_at=datetime(2026, 11, 1, tzinfo=UTC),
)


def _template(registry: PatternRegistry) -> str:
    [pattern] = registry.catalogue().patterns.values()
    return pattern.template


def test_a_merged_pattern_reads_as_its_earliest_log_once_that_is_known() -> None:
    registry = PatternRegistry()
    registry.decide([MERGE])
    registry.add([ADDRESS, DISK])
    assert _template(registry) == "at <ip>"
    registry.add([EARLIER])
    assert _template(registry) == "at <num>"
