import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.kit.errors import InvalidRequest
from tocsin.logmodel.levels import Level
from tocsin.logstore.ports import HistogramBucket, TimeRange
from tocsin.search.contracts import Bucket
from tocsin.search.intervals import AUTOMATIC_BUCKETS, MAX_BUCKETS, filled, interval_nano

SECOND = 1_000_000_000
MINUTE, HOUR = 60 * SECOND, 3_600 * SECOND


@pytest.mark.parametrize(
    ("length", "interval"),
    [
        (1, SECOND),
        (MINUTE, 2 * SECOND),
        (HOUR, 2 * MINUTE),
        (24 * HOUR, 30 * MINUTE),
        (1_000 * 24 * HOUR, 21 * 24 * HOUR),
    ],
)
def test_the_interval_is_round_when_none_is_given(length: int, interval: int) -> None:
    assert interval_nano(None, TimeRange(0, length)) == interval


@given(st.integers(0, 2**62), st.integers(1, 2**62))
def test_the_automatic_interval_gives_few_buckets(start: int, length: int) -> None:
    span = TimeRange(start, start + length)
    assert 1 <= len(filled([], span, interval_nano(None, span))) <= AUTOMATIC_BUCKETS


def test_the_interval_is_the_one_asked_for() -> None:
    assert interval_nano("5m", TimeRange(0, HOUR)) == 5 * MINUTE


def test_the_interval_is_refused_when_it_gives_too_many_buckets() -> None:
    assert interval_nano("1s", TimeRange(0, MAX_BUCKETS * SECOND)) == SECOND
    too_long = TimeRange(1, MAX_BUCKETS * SECOND + 1)
    with pytest.raises(InvalidRequest, match=r"2,001 buckets.*at least 2s"):
        interval_nano("1s", too_long)
    assert interval_nano("2s", too_long) == 2 * SECOND


def test_buckets_cover_the_range_and_add_severities_up_to_levels() -> None:
    counts = [HistogramBucket(MINUTE, 17, 2), HistogramBucket(MINUTE, 18, 3), HistogramBucket(MINUTE, 9, 1)]
    assert filled(counts, TimeRange(SECOND, 3 * MINUTE), MINUTE) == [
        Bucket(0, {}),
        Bucket(MINUTE, {Level.ERROR: 5, Level.INFO: 1}),
        Bucket(2 * MINUTE, {}),
    ]
