from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.health.things import NOW, incident
from tocsin.health.contracts import Uptime
from tocsin.health.uptime import HOUR_NANO, HOURS_KEPT, Hours, uptime
from tocsin.incidents.contracts import Incident, Severity
from tocsin.kit.moments import unix_nano

NOW_NANO = unix_nano(NOW)
FIRST = (NOW_NANO // HOUR_NANO - HOURS_KEPT + 1) * HOUR_NANO


def hours(
    *, silent: frozenset[int] = frozenset(), known: int = HOURS_KEPT, nobody: frozenset[int] = frozenset()
) -> Hours:
    """Hours counted back from the current one: 0 is that."""
    ago = np.arange(HOURS_KEPT)[::-1]
    anyone = ~np.isin(ago, list(nobody))
    return Hours(
        start_unix_nano=FIRST,
        with_logs=anyone & (ago < known) & ~np.isin(ago, list(silent)),
        with_any_logs=anyone,
    )


def shares(of: Hours, *incidents: Incident) -> tuple[float | None, float | None, float | None]:
    found = uptime(of, incidents, now_unix_nano=NOW_NANO)
    return found.day, found.week, found.month


def test_a_service_without_incidents_and_silence_is_always_up() -> None:
    assert shares(hours()) == (1.0, 1.0, 1.0)


def test_an_incident_is_down_time() -> None:
    hour = incident(started=timedelta(hours=2), lasted=timedelta(hours=1))
    assert list(shares(hours(), hour)) == pytest.approx([1 - 1 / 24, 1 - 1 / (7 * 24), 1 - 1 / (30 * 24)])


def test_one_that_is_open_goes_on_until_now() -> None:
    assert shares(hours(), incident(started=timedelta(hours=6)))[0] == pytest.approx(0.75)
    assert shares(hours(), incident(started=timedelta(days=3)))[0] == 0.0


def test_incidents_at_one_time_count_once() -> None:
    both = incident(started=timedelta(hours=6)), incident(started=timedelta(hours=5))
    assert shares(hours(), *both)[0] == pytest.approx(0.75)


def test_incidents_of_low_severity_count_not() -> None:
    low = replace(incident(started=timedelta(hours=6)), severity=Severity.MEDIUM)
    assert shares(hours(), low)[0] == 1.0
    assert shares(hours(), replace(low, severity=Severity.CRITICAL))[0] == pytest.approx(0.75)


def test_silent_hours_of_a_service_that_always_logs_are_down_time() -> None:
    assert shares(hours(silent=frozenset({3, 4})))[0] == pytest.approx(1 - 2 / 24)
    both = shares(hours(silent=frozenset({3, 4})), incident(started=timedelta(hours=4), lasted=timedelta(hours=1)))
    assert both[0] == pytest.approx(1 - 2 / 24), "an incident in a silent hour counts once"


def test_silent_hours_of_others_and_the_current_one_are_none() -> None:
    assert shares(hours(silent=frozenset(range(0, 600, 10))))[0] == 1.0
    assert shares(hours(silent=frozenset({0})))[0] == 1.0


def test_time_of_which_nothing_is_known_is_left_out() -> None:
    new = hours(known=3)
    assert shares(new) == (1.0, 1.0, 1.0)
    # Two hours and a half are known; of these the incident takes one.
    hour = incident(started=timedelta(hours=1))
    assert shares(new, hour)[2] == pytest.approx(1 - 1 / 2.5)
    nobody = hours(nobody=frozenset(range(2, 24)))
    assert shares(nobody, incident(started=timedelta(hours=20), lasted=timedelta(hours=3)))[0] == 1.0
    assert shares(hours(known=0)) == (None, None, None)
    assert shares(hours(nobody=frozenset(range(26))))[0] is None


@given(
    st.lists(st.tuples(st.floats(0, 900), st.floats(0, 900)), max_size=6),
    st.frozensets(st.integers(0, HOURS_KEPT - 1), max_size=40),
    st.frozensets(st.integers(0, HOURS_KEPT - 1), max_size=40),
)
def test_shares_are_shares_and_no_incident_makes_them_better(
    spans: list[tuple[float, float]], silent: frozenset[int], nobody: frozenset[int]
) -> None:
    theirs = hours(silent=silent, nobody=nobody)
    incidents = [
        incident(started=timedelta(hours=max(span)), lasted=timedelta(hours=max(span) - min(span))) for span in spans
    ]
    before: Uptime | None = None
    for number in range(len(incidents) + 1):
        found = uptime(theirs, incidents[:number], now_unix_nano=NOW_NANO)
        for now, earlier in zip(
            (found.day, found.week, found.month),
            (before.day, before.week, before.month) if before else (None, None, None),
            strict=True,
        ):
            assert now is None or -1e-9 <= now <= 1
            assert now is None or earlier is None or now <= earlier + 1e-9
        before = found
