from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.kit.errors import InvalidRequest, InvalidTimeRange
from tocsin.logstore.ports import TimeRange
from tocsin.search.schemas import rfc3339
from tocsin.search.time_expressions import duration_seconds, moment, time_range

SECOND = 1_000_000_000
HOUR = 3_600 * SECOND
NOW = 1_764_763_200 * SECOND  # 2025-12-03T12:00:00Z


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("now", 0),
        (" now ", 0),
        ("now-15m", -900 * SECOND),
        ("now-1d", -24 * HOUR),
        ("now-2w", -14 * 24 * HOUR),
        ("now+30s", 30 * SECOND),
        ("now-1h", -HOUR),
        ("2025-12-03T12:00:00Z", 0),
        ("2025-12-03t12:00:00z", 0),
        ("2025-12-03T12:00:00", 0),
        ("2025-12-03 12:00", 0),
        ("2025-12-03", -12 * HOUR),
        ("2025-12-03T13:30:00+01:30", 0),
        ("2025-12-03T12:00:00.000000001Z", 1),
        ("2025-12-03T12:00:00.5+00:00", SECOND // 2),
        ("2025-12-03T12:00:00,5", SECOND // 2),
        ("2025-12-03T12:00:00,5Z", SECOND // 2),
        ("2025-12-03T12:00:00.1234567899Z", 123_456_789),
        ("1764763200", 0),
        ("1764763200.25", SECOND // 4),
        ("1764763200001", SECOND // 1_000),
        ("1764763200000001", 1_000),
        ("1764763200000000001", 1),
        ("0", -NOW),
        ("1969-12-31T23:59:59.5Z", -NOW - SECOND // 2),
    ],
)
def test_a_moment_is_read_to_the_nanosecond(text: str, offset: int) -> None:
    assert moment(text, now_unix_nano=NOW) == NOW + offset


@pytest.mark.parametrize(
    "text",
    [
        "", "yesterday", "now-15", "now-15y", "now - 15m", "NOW", "-5", "2025-13-01", "2025-02-30T00:00:00Z",
        "2025-12-03T25:00:00Z", "9999-12-31T00:00:00Z", "0001-01-01T00:00:00+05:00", "9999999999999999999", "1e9",
        "2025-12-03T12:00:00+99:00", "now-999999999w", "12:00", "٣",
        "2025-12-03T12:00:00.5.5", "2025-12-03T12:00:00.5,250", "2025-12-03T12:00.5Z",
    ],
)  # fmt: skip
def test_a_moment_is_refused_when_it_can_not_be_read(text: str) -> None:
    with pytest.raises(InvalidTimeRange):
        moment(text, now_unix_nano=NOW)


@given(st.text(max_size=40))
def test_any_text_is_a_moment_or_refused(text: str) -> None:
    with suppress(InvalidTimeRange):
        assert abs(moment(text, now_unix_nano=NOW)) < 2**63


@given(st.integers(-(2**62), 2**62))
def test_a_moment_is_itself_again_when_written_and_read(unix_nano: int) -> None:
    assert moment(rfc3339(unix_nano), now_unix_nano=NOW) == unix_nano


def test_the_range_is_the_last_hour_when_nothing_is_given() -> None:
    assert time_range(None, None, now_unix_nano=NOW) == TimeRange(NOW - HOUR, NOW)


def test_the_range_is_the_hour_before_its_end_when_only_that_is_given() -> None:
    assert time_range(None, "now-1d", now_unix_nano=NOW) == TimeRange(NOW - 25 * HOUR, NOW - 24 * HOUR)


def test_the_range_ends_now_when_only_its_start_is_given() -> None:
    assert time_range("now-5m", None, now_unix_nano=NOW) == TimeRange(NOW - 300 * SECOND, NOW)


@pytest.mark.parametrize(("start", "end"), [("now", "now-1h"), ("now", None), ("now", "now"), ("now+1h", None)])
def test_an_empty_range_is_refused(start: str, end: str | None) -> None:
    with pytest.raises(InvalidTimeRange, match="empty"):
        time_range(start, end, now_unix_nano=NOW)


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("30s", 30), ("5m", 300), ("1h", 3_600), ("2w", 1_209_600)])
def test_a_duration_has_a_unit_or_is_in_seconds(text: str, seconds: int) -> None:
    assert duration_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "0s", "-5s", "1.5h", "5 m", "1y", "m", "5M"])
def test_a_duration_is_refused_when_it_can_not_be_read(text: str) -> None:
    with pytest.raises(InvalidRequest):
        duration_seconds(text)
