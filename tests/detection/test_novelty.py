"""Windows are told apart from their past by what is new and bad in them, and by what they lack."""

from collections.abc import Sequence

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.detection.novelty import compare, history_of, window_events

Log = tuple[str, str, str, str]

STEPS: list[Log] = [("shop", f"shop.step_{'abcdefghij'[n]}", "INFO", f"step {n} took {n + 7} ms") for n in range(10)]


def events(logs: Sequence[Log]) -> pl.DataFrame:
    rows = [(*log, place) for place, log in enumerate(logs)]
    return window_events(
        pl.DataFrame(
            rows,
            schema={
                "service": pl.String,
                "logger": pl.String,
                "level": pl.String,
                "message": pl.String,
                "time_unix_nano": pl.Int64,
            },
            orient="row",
        )
    )


def past(windows: int = 20) -> list[pl.DataFrame]:
    return [events(STEPS)] * windows


def test_a_window_like_the_past_is_no_alarm() -> None:
    novelty = compare(events(STEPS), history_of(past()))
    assert (novelty.score, novelty.is_alarm, novelty.novel.height, novelty.missing.height) == (0, False, 0, 0)
    assert (novelty.broke_off_at.height, novelty.last_done.height) == (0, 0)


def test_an_alarm_when_the_work_stops_with_an_error() -> None:
    stopped = [*STEPS[:4], ("shop", "shop.bank", "ERROR", "bank said no")]
    novelty = compare(events(stopped), history_of(past()))
    assert novelty.is_alarm
    assert novelty.novel["logger"].to_list() == ["shop.bank"]
    assert novelty.missing["logger"].to_list() == [logger for _, logger, _, _ in STEPS[4:]]
    assert novelty.last_done["logger"].to_list() == [logger for _, logger, _, _ in reversed(STEPS[:4])]


def test_work_breaks_off_where_most_is_missing_from_then_on() -> None:
    late_and_stopped = [*STEPS[:2], *STEPS[3:6]]
    novelty = compare(events(late_and_stopped), history_of(past()))
    assert novelty.missing["logger"].to_list() == [STEPS[place][1] for place in (2, 6, 7, 8, 9)]
    assert novelty.broke_off_at["logger"].to_list() == [STEPS[6][1]]
    assert novelty.last_done["logger"].to_list()[:2] == [STEPS[5][1], STEPS[4][1]]


def test_warnings_come_after_what_is_worse() -> None:
    bad: list[Log] = [("shop", "a", "WARN", "hm"), ("shop", "b", "ERROR", "no"), ("shop", "c", "FATAL", "never")]
    novelty = compare(events([*STEPS, *bad]), history_of(past()))
    assert novelty.novel["logger"].to_list() == ["b", "c", "a"]


def test_no_alarm_for_one_new_error_or_one_missing_step() -> None:
    history = history_of(past())
    assert not compare(events([*STEPS, ("shop", "shop.bank", "ERROR", "bank said no")]), history).is_alarm
    assert not compare(events(STEPS[:-1]), history).is_alarm


def test_new_events_that_are_not_bad_are_not_novel() -> None:
    novelty = compare(events([*STEPS, ("shop", "shop.bank", "INFO", "hello")]), history_of(past()))
    assert novelty.novel.height == 0


def test_a_place_counts_once_however_many_of_its_events_are_missing() -> None:
    chatty = [("shop", "shop.chat", "DEBUG", f"said {word}") for word in ("this", "that", "nothing", "more")]
    history = history_of([events([*STEPS, *chatty])] * 20)
    assert compare(events(STEPS), history).score == pytest.approx(
        compare(events([*STEPS, *chatty[:-1]]), history).score
    )


def test_a_past_full_of_surprises_makes_them_unsurprising() -> None:
    def surprising(number: int) -> list[Log]:
        word = "abcdefghijklmnopqrst"[number]
        return [("shop", f"shop.{word}{place}", "ERROR", f"{word} failed") for place in "xyz"]

    calm, wild = history_of(past()), history_of([events([*STEPS, *surprising(n)]) for n in range(20)])
    window = events([*STEPS, *[("shop", f"shop.z{place}", "ERROR", "z failed") for place in "uvwxy"]])
    assert compare(window, calm).is_alarm
    assert not compare(window, wild).is_alarm


@pytest.mark.parametrize("windows", [0, 1])
def test_no_alarm_without_a_past_to_compare_with(windows: int) -> None:
    failed: list[Log] = [("bank", f"bank.{word}", "ERROR", "no") for word in "abcdefghijklmnop"]
    assert not compare(events(failed), history_of(past(windows))).is_alarm


def test_requests_are_told_apart_by_method_path_and_status_but_not_by_ids() -> None:
    def request(line: str) -> list[Log]:
        return [("shop", "wsgi", "INFO", line)]

    history = history_of([events(request('10.0.0.1 "GET /v2.0/carts/17 HTTP/1.1" status: 200 len: 3'))] * 20)
    same = compare(events(request('10.0.0.9 "GET /v2.0/carts/18?x=1 HTTP/1.1" status: 200 len: 77')), history)
    assert (same.novel.height, same.missing.height) == (0, 0)
    for line in ('GET /v2.0/carts/18 HTTP/1.1" status: 500', 'POST /v2.0/carts/18 HTTP/1.1" 404 12'):
        other = compare(events(request(f'10.0.0.9 "{line}')), history)
        assert (other.novel.height, other.missing.height) == (1, 1)


def test_lines_of_source_files_may_move() -> None:
    said = "Starting instance... _do_build /usr/lib/python2.7/site-packages/nova/compute/manager.py:1826"
    moved = said.replace("1826", "1931")
    assert (
        events([("shop", "a", "DEBUG", said)])["key"].to_list()
        == events([("shop", "a", "DEBUG", moved)])["key"].to_list()
    )


def test_an_empty_window_lacks_everything() -> None:
    novelty = compare(events([]), history_of(past()))
    assert novelty.missing.height == len(STEPS)
    assert (novelty.broke_off_at.height, novelty.last_done.height) == (1, 0)


@given(st.lists(st.sets(st.sampled_from(range(10))), min_size=1, max_size=8), st.sets(st.sampled_from(range(10))))
def test_no_past_window_has_what_is_novel_and_all_have_what_is_missing(
    past_steps: list[set[int]], steps: set[int]
) -> None:
    def bad(numbers: set[int]) -> list[Log]:
        return [("shop", "shop", "ERROR", "abcdefghij"[number]) for number in sorted(numbers)]

    novelty = compare(events(bad(steps)), history_of([events(bad(each)) for each in past_steps]))
    assert novelty.novel.height == len(steps - set().union(*past_steps))
    assert novelty.missing.height == len(set.intersection(*past_steps) - steps)
    assert novelty.score >= 0
