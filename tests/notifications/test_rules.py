from datetime import UTC, datetime

import pytest

from tocsin.notifications.contracts import Hours
from tocsin.notifications.rules import is_within

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
