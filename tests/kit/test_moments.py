from decimal import Decimal

import pytest

from tocsin.kit.moments import nanoseconds_of_number, nanoseconds_of_text


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1970-01-01", 0),
        ("1970-01-01T00:00:01.0000000019", 1_000_000_001),
        ("1970-01-01 00:01 +00:01", 0),
        ("1969-12-31T23:59:59.75Z", -250_000_000),
        ("9999-12-31T23:59:59Z", 253_402_300_799 * 10**9),
        ("1970-01-01T00:00.5Z", None),
        ("1970-01-01T00:00:00.5.5", None),
        ("1970-01-01T00:00:60Z", None),
        ("1970-02-30", None),
        ("noon", None),
    ],
)
def test_text_is_read_to_the_nanosecond_or_not_at_all(text: str, nanoseconds: int | None) -> None:
    assert nanoseconds_of_text(text) == nanoseconds


@pytest.mark.parametrize(
    ("number", "nanoseconds"),
    [
        (10**11 - 1, (10**11 - 1) * 10**9),
        (10**11, 10**11 * 10**6),
        (10**14, 10**14 * 10**3),
        (10**17, 10**17),
        (1700000000.1, 1_700_000_000_100_000_000),
        (Decimal("1.000000001"), 1_000_000_001),
        (10**19, None),
        (-1, None),
        (float("nan"), None),
    ],
)
def test_a_number_is_read_by_its_magnitude(number: float | Decimal, nanoseconds: int | None) -> None:
    assert nanoseconds_of_number(number) == nanoseconds
