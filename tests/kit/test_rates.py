import pytest

from tocsin.kit.rates import Rate
from tocsin.kit.setting_kinds import rate


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("20/s", Rate(20, 1)),
        ("600/min", Rate(600, 60)),
        ("6000 / Hour", Rate(6_000, 3_600)),
        ("1/day", Rate(1, 86_400)),
        ("off", None),
        ("OFF", None),
    ],
)
def test_rate_is_read_when_it_has_a_period(written: str, read: Rate | None) -> None:
    assert rate().parse(written) == read


@pytest.mark.parametrize(
    "written", ["20", "20/", "/s", "0/s", "-1/s", "1.5/s", "20/week", "20/m", "1e3/s", "on", "٢/s"]
)
def test_rate_is_refused_when_nobody_can_say_what_it_means(written: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  (what is raised is the contract; the message is the setting's)
        rate().parse(written)


@pytest.mark.parametrize(("count", "period_seconds"), [(0, 1), (1, 0), (1, -1), (1, float("nan"))])
def test_rate_lets_something_through(count: int, period_seconds: float) -> None:
    with pytest.raises(ValueError, match="at least one"):
        Rate(count, period_seconds)
