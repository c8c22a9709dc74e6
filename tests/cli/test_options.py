from datetime import UTC, datetime, timedelta

import pytest
import typer

from tocsin.cli.options import duration, moment_after


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("24h", timedelta(days=1)),
        (" 30d ", timedelta(days=30)),
        ("2w", timedelta(days=14)),
        ("0h", timedelta(0)),
    ],
)
def test_duration_is_read_as_people_write_it(text: str, length: timedelta) -> None:
    assert duration(text) == length


@pytest.mark.parametrize("text", ["", "90", "d", "-1d", "1.5h", "3years", "1d2h", "٣d", "9999999d"])
def test_duration_is_refused_when_it_is_none(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="24h"):
        duration(text)


def test_moment_after_is_that_much_later_and_has_a_zone() -> None:
    before = datetime.now(UTC)
    moment = moment_after(timedelta(days=1))
    assert moment is not None
    assert before + timedelta(days=1) <= datetime.fromisoformat(moment) <= datetime.now(UTC) + timedelta(days=1)
    assert moment_after(None) is None
