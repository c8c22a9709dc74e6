import math

import pytest

from tocsin.query.numbers import number_of


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("-1.5", -1.5),
        ("05", 5),
        ("5e2", 500),
        ("5E-1", 0.5),
        ("1e999", math.inf),
        ("9007199254740993", 2**53),
    ],
)
def test_numbers_are_json_numbers_as_64_bit_floats(text: str, number: float) -> None:
    assert number_of(text) == number


@pytest.mark.parametrize(
    "text", ["", " 5", "5 ", "+5", ".5", "5.", "0x5", "1_000", "nan", "inf", "5e", "٣", "true", "5\n"]
)
def test_anything_else_is_no_number(text: str) -> None:
    assert number_of(text) is None
