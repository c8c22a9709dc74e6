from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tocsin.cli.demo.coverage import NEXT_SECONDS, RECENT_SECONDS, Span, history, live_start, merged, missing
from tocsin.kit.moments import NANOSECONDS_A_SECOND

SECOND = NANOSECONDS_A_SECOND
NOW = 1_795_500_000 * SECOND
DAY_START = NOW - 86_400 * SECOND

spans = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)).map(lambda pair: Span(*sorted(pair))), max_size=6)


def ago(seconds: float) -> int:
    return NOW - int(seconds * SECOND)


def planned(covered: list[Span]) -> tuple[int, list[Span]]:
    gaps = missing(covered, Span(DAY_START, NOW))
    start = live_start(gaps, now_unix_nano=NOW)
    return start, history(gaps, live_start_unix_nano=start, now_unix_nano=NOW)


@given(spans)
def test_merged_spans_cover_the_same_moments_and_do_not_touch(given_spans: list[Span]) -> None:
    whole = merged(given_spans)
    assert _moments(whole) == _moments(given_spans)
    assert all(a.end_unix_nano < b.start_unix_nano for a, b in pairwise(whole))


@given(spans, st.integers(0, 30), st.integers(31, 60))
def test_what_is_missing_is_what_is_not_covered(covered: list[Span], start: int, end: int) -> None:
    gaps = missing(covered, Span(start, end))
    assert _moments(gaps) == set(range(start, end)) - _moments(covered)
    assert all(gap.end_unix_nano > gap.start_unix_nano for gap in gaps)


def _moments(of: list[Span]) -> set[int]:
    return {moment for each in of for moment in range(each.start_unix_nano, each.end_unix_nano)}


def test_new_demo_goes_live_after_minutes_and_has_the_rest_newest_first() -> None:
    start, past = planned([])
    assert start == ago(RECENT_SECONDS)
    assert past == [Span(ago(NEXT_SECONDS), ago(RECENT_SECONDS)), Span(DAY_START, ago(NEXT_SECONDS))]


def test_demo_goes_on_where_it_ended_when_that_was_just_now() -> None:
    assert planned([Span(DAY_START, ago(60))]) == (ago(60), [])


def test_demo_fills_the_gap_and_what_it_had_not_sent_before() -> None:
    start, past = planned([Span(ago(50_000), ago(20_000))])
    assert start == ago(RECENT_SECONDS)
    assert past == [
        Span(ago(NEXT_SECONDS), ago(RECENT_SECONDS)),
        Span(ago(20_000), ago(NEXT_SECONDS)),
        Span(DAY_START, ago(50_000)),
    ]


def test_demo_starts_now_when_everything_is_there() -> None:
    assert planned([Span(DAY_START, NOW)]) == (NOW, [])
    assert planned([Span(DAY_START, NOW + 5 * SECOND)])[1] == []


@given(st.lists(st.tuples(st.integers(0, 86_400), st.integers(0, 86_400)), max_size=5))
def test_every_moment_is_sent_once(pairs: list[tuple[int, int]]) -> None:
    covered = [Span(DAY_START + min(pair) * SECOND, DAY_START + max(pair) * SECOND) for pair in pairs]
    start, past = planned(covered)
    everything = [*merged(covered), *past, Span(start, NOW)]
    assert sum(each.seconds for each in everything) == sum(each.seconds for each in merged(everything)) == 86_400
