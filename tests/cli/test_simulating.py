import json
import os
import signal
import threading
from datetime import timedelta
from pathlib import Path

import pytest
import typer

from tests.support.metronome import Metronome, fault, scenario
from tocsin.cli.client import CommandFailed
from tocsin.cli.simulating import (
    MAX_STEP_SECONDS,
    LiveClock,
    beginning_after,
    chosen_faults,
    chunks,
    live_chunks,
    next_step_seconds,
    span,
    stopping,
    truth_as_json,
    write_json,
)
from tocsin.kit.moments import NANOSECONDS_A_SECOND

SECOND = NANOSECONDS_A_SECOND
NOW = 1_795_500_000 * SECOND
DAY = 86_400 * SECOND


def test_span_is_seven_days_up_to_now_when_nothing_is_said() -> None:
    assert span(days=None, start=None, end=None, now_unix_nano=NOW + 5) == (NOW - 7 * DAY, NOW)


def test_span_is_so_many_days_up_to_an_end() -> None:
    since, until = span(days=0.5, start=None, end="2026-11-02", now_unix_nano=NOW)
    assert until - since == DAY // 2
    assert span(days=None, start="2026-11-01T12:00:00Z", end="2026-11-02", now_unix_nano=NOW) == (since, until)


@pytest.mark.parametrize(("days", "start", "end"), [(1.0, "now-1d", None), (None, "now", "now-1s")])
def test_span_is_refused_when_it_contradicts_itself(days: float | None, start: str, end: str | None) -> None:
    with pytest.raises(typer.BadParameter):
        span(days=days, start=start, end=end, now_unix_nano=NOW)


def test_scenario_is_as_its_file_says_or_begins_when_it_is_told() -> None:
    known = [scenario("slow", fault("a", onset_seconds=60), fault("b", onset_seconds=90))]
    assert [each.onset_seconds for each in chosen_faults(known, ["slow"])] == [60, 90]
    assert [each.onset_seconds for each in chosen_faults(known, ["slow@1h"])] == [3600, 3630]
    assert [each.onset_seconds for each in beginning_after(known[0], timedelta(0))] == [0, 30]


def test_scenario_is_refused_when_there_is_none_or_it_comes_twice() -> None:
    known = [scenario("slow"), scenario("quick")]
    with pytest.raises(CommandFailed, match="no scenario sow; there are: slow, quick"):
        chosen_faults(known, ["sow"])
    with pytest.raises(CommandFailed, match="two faults named slow"):
        chosen_faults(known, ["slow", "slow@1h"])


def test_chunks_reach_the_end_exactly_and_grow_to_the_size_that_is_wanted() -> None:
    shop = Metronome(NOW)
    made = list(chunks(shop, NOW, NOW + 1_000 * SECOND, chunk_logs=200, stop=threading.Event()))
    assert sum(chunk.logs for chunk in made) == 1_000
    assert made[-1].until_unix_nano == shop.reached == NOW + 1_000 * SECOND
    assert max(chunk.logs for chunk in made) == 200


def test_chunks_end_when_they_are_to_stop() -> None:
    stop = threading.Event()
    made = chunks(Metronome(NOW), NOW, NOW + DAY, chunk_logs=10, stop=stop)
    next(made)
    stop.set()
    assert list(made) == []


@pytest.mark.parametrize(
    ("step", "logs", "expected"),
    [(10, 1_000, 20), (10, 4_000, 5), (10, 500, 20), (10, 10**9, 1), (MAX_STEP_SECONDS, 0, MAX_STEP_SECONDS)],
)
def test_next_step_aims_at_the_size_and_at_most_doubles(step: int, logs: int, expected: int) -> None:
    assert next_step_seconds(step, logs=logs, chunk_logs=2_000) == expected


def test_live_clock_runs_at_its_speed_and_is_never_ahead_of_the_time_of_day() -> None:
    now = [NOW]
    slow, fast = (LiveClock(NOW - 100 * SECOND, speed=speed, now=lambda: now[0]) for speed in (0.5, 10.0))
    now[0] += 4 * SECOND
    assert (slow.time() - NOW) // SECOND == -98
    assert (fast.time() - NOW) // SECOND == -60
    now[0] += 96 * SECOND
    assert fast.time() == now[0]


def test_live_chunks_catch_up_with_now_and_let_faults_in_before_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tocsin.cli.simulating.TICK_SECONDS", 0.01)
    now = iter([NOW, NOW, NOW + 3 * SECOND])
    shop, stop, asked = Metronome(NOW), threading.Event(), list[int]()
    made = live_chunks(
        shop,
        NOW,
        clock=LiveClock(NOW, speed=1.0, now=lambda: next(now)),
        stop=stop,
        chunk_logs=100,
        before_step=lambda: asked.append(shop.reached),
    )
    chunk = next(made)
    assert (chunk.logs, chunk.until_unix_nano) == (3, NOW + 3 * SECOND)
    assert asked == [NOW, NOW]
    stop.set()
    assert list(made) == []


def test_first_signal_asks_and_the_former_handlers_come_back() -> None:
    former = signal.getsignal(signal.SIGTERM)
    with stopping() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.wait(5)
    assert signal.getsignal(signal.SIGTERM) == former


def test_truth_is_written_with_moments_that_people_read(tmp_path: Path) -> None:
    shop = Metronome(NOW, [fault("slow", onset_seconds=1), fault("later", onset_seconds=100)])
    shop.advance(NOW + 10 * SECOND)
    file = tmp_path / "truth.json"
    write_json(file, [truth_as_json(each) for each in shop.truth()])
    assert json.loads(file.read_text()) == [
        {
            "fault": "slow",
            "kind": "slow-database",
            "is_harmless": False,
            "cause_service": "catalog",
            "mechanisms": ["latency"],
            "onset": "2026-11-24T06:00:01Z",
            "onset_unix_nano": NOW + SECOND,
            "end": None,
            "end_unix_nano": None,
            "affected_services": ["catalog"],
        }
    ]
    assert file.stat().st_mode & 0o077 == 0
    assert list(tmp_path.iterdir()) == [file]
