"""The statuses of an incident: whatever people try, only what may follow follows, and the moments fit."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.incidents.conftest import incident
from tocsin.incidents.contracts import Change, Status
from tocsin.incidents.state_machine import FOLLOWERS, absorbed, moved, restored
from tocsin.kit.errors import Conflict

START = datetime(2026, 11, 25, 3, tzinfo=UTC)


@given(st.lists(st.sampled_from(Status), max_size=20))
def test_moments_fit_the_status_whatever_is_tried(tried: list[Status]) -> None:
    now = incident(opened_at=START)
    for minutes, status in enumerate(tried, 1):
        at = START + timedelta(minutes=minutes)
        if status not in FOLLOWERS[now.status]:
            with pytest.raises(Conflict):
                moved(now, status, at=at)
            continue
        before, (now, change) = now, moved(now, status, at=at)
        assert now.status is status
        assert (change is Change.REOPENED) == (before.status is Status.RESOLVED)
        assert (now.resolved_at == at) == (status is Status.RESOLVED)
        assert (now.resolved_at is None) == (status is not Status.RESOLVED)
        if status is Status.OPEN:
            assert now.acknowledged_at is None
            assert now.due_from == now.reopened_at == at
        if status in {Status.ACKNOWLEDGED, Status.INVESTIGATING}:
            assert now.acknowledged_at == (before.acknowledged_at or at)
        # Nothing else is touched, and the version is whoever's that saves it.
        moments: dict[str, Any] = {"acknowledged_at": None, "resolved_at": None, "reopened_at": None}
        assert replace(now, status=before.status, **moments) == replace(before, **moments)


@given(st.sampled_from(Status))
def test_an_end_can_be_reached_from_everywhere_and_nothing_follows_itself(status: Status) -> None:
    assert status not in FOLLOWERS[status]
    assert status is Status.RESOLVED or Status.RESOLVED in FOLLOWERS[status]


def test_what_may_follow_is_said() -> None:
    investigating = incident(status=Status.INVESTIGATING)
    with pytest.raises(Conflict, match="incident 7 is INVESTIGATING: it can become RESOLVED, not ACKNOWLEDGED"):
        moved(investigating, Status.ACKNOWLEDGED, at=START)


@given(st.sampled_from(Status))
def test_who_was_absorbed_is_restored_as_it_was(status: Status) -> None:
    resolved_at = START if status is Status.RESOLVED else None
    before = incident(status=status, acknowledged_at=START, resolved_at=resolved_at)
    away, change = absorbed(before, into=UUID(int=9), at=START + timedelta(hours=1))
    assert (away.status, away.merged_into, change) == (Status.RESOLVED, UUID(int=9), Change.MERGED)
    back, change = restored(away, status)
    assert back == before
    assert (change is Change.REOPENED) == (status is not Status.RESOLVED)


def test_who_was_absorbed_and_is_reopened_is_one_of_its_own() -> None:
    away, _ = absorbed(incident(), into=UUID(int=9), at=START)
    assert moved(away, Status.OPEN, at=START)[0].merged_into is None
