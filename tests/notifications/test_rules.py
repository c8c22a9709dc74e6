from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from tests.accounts.clock import HeldClock
from tests.notifications.conftest import OURS, event
from tocsin.incidents.contracts import Change, Severity, Status
from tocsin.notifications.contracts import Hours, Rule
from tocsin.notifications.rules import concerns, is_within

NIGHT = Hours(days=frozenset({4}), start_minute=22 * 60, end_minute=6 * 60, time_zone="Europe/Berlin")


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (datetime(2026, 7, 3, 20, 0, tzinfo=UTC), True),
        (datetime(2026, 7, 3, 19, 59, tzinfo=UTC), False),
        (datetime(2026, 7, 4, 3, 59, tzinfo=UTC), True),
        (datetime(2026, 7, 4, 4, 0, tzinfo=UTC), False),
        (datetime(2026, 7, 4, 20, 0, tzinfo=UTC), False),
        (datetime(2026, 1, 2, 20, 30, tzinfo=UTC), False),
        (datetime(2026, 1, 2, 21, 0, tzinfo=UTC), True),
    ],
)
def test_hours_over_midnight_belong_to_the_day_on_which_they_begin(moment: datetime, expected: bool) -> None:
    assert is_within(NIGHT, moment) is expected


RULE = Rule(
    id=UUID(int=1),
    organization_id=OURS,
    name="r",
    channel_id=UUID(int=2),
    severities=frozenset({Severity.HIGH}),
    services=frozenset({"cart"}),
    created_at=datetime(2025, 1, 1, tzinfo=UTC),
)
BEGINNINGS = {Change.OPENED, Change.UPDATED, Change.ACKNOWLEDGED, Change.INVESTIGATING, Change.REOPENED}


@pytest.mark.parametrize("change", Change)
def test_what_is_told_follows_from_whether_people_know_of_the_incident(change: Change) -> None:
    happened = event(HeldClock(), 1, change)
    known = {*BEGINNINGS, Change.RESOLVED, Change.MERGED} - {Change.UPDATED}
    assert concerns(RULE, happened, was_told=True) is (change in known)
    assert concerns(RULE, happened, was_told=False) is (change in BEGINNINGS)
    # What is over by now is no beginning.
    over = event(HeldClock(), 1, change, status=Status.RESOLVED)
    assert not concerns(RULE, over, was_told=False)


@pytest.mark.parametrize("members", [{"severity": Severity.LOW}, {"service": "x", "affected_services": ("y",)}])
def test_a_rule_tells_the_end_of_what_it_told_of_whatever_became_of_it(members: dict[str, Any]) -> None:
    assert not concerns(RULE, event(HeldClock(), 1, Change.OPENED, **members), was_told=False)
    assert concerns(RULE, event(HeldClock(), 1, Change.RESOLVED, **members), was_told=True)


def test_what_happened_before_a_rule_was_made_is_no_news() -> None:
    late = replace(RULE, created_at=datetime(2099, 1, 1, tzinfo=UTC))
    assert not concerns(late, event(HeldClock(), 1, Change.OPENED), was_told=False)
