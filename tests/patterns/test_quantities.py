"""Numbers out of texts."""

import math

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.patterns.quantities import Quantities, Unit, quantities_of


def _read(texts: list[str]) -> Quantities | None:
    return quantities_of(pa.array(texts, pa.large_string()))


@pytest.mark.parametrize(
    ("texts", "numbers", "unit"),
    [
        (["1", "2.5", "-3"], [1, 2.5, -3], None),
        (["1,234", "+7", "#5", ".5", "1e3", " 2 "], [1234, 7, 5, 0.5, 1000, 2], None),
        (["12ms", "3.5s", "<1 us", "2 minutes", "0"], [0.012, 3.5, 1e-6, 120, 0], Unit.SECONDS),
        (["1m30s", "2h", "1d2h3m4.5s", "5m"], [90, 7_200, 93_784.5, 300], Unit.SECONDS),
        (["10KB", "1 MiB", "3bytes", "2G"], [10_240, 1_048_576, 3, 2_147_483_648], Unit.BYTES),
        (["5%", "12.5%"], [5, 12.5], Unit.PERCENT),
        (["0", "0ms"], [0, 0], Unit.SECONDS),
    ],
)
def test_numbers_are_in_one_unit(texts: list[str], numbers: list[float], unit: Unit | None) -> None:
    read = _read(texts)
    assert read is not None
    assert read.numbers.tolist() == pytest.approx(numbers)
    assert read.unit == unit


@pytest.mark.parametrize(
    "texts",
    [
        ["a"],
        ["1", "two"],
        ["1", "2ms"],
        ["1KB", "1ms"],
        ["5 apples"],
        ["0x1f"],
        ["10:20"],
        ["1.2.3"],
        ["-", "null", ""],
        ["1e999"],
        ["nan"],
        [],
        ["1"] * 60 + ["x"],
    ],
)
def test_texts_that_are_no_numbers_or_do_not_agree_have_none(texts: list[str]) -> None:
    assert _read(texts) is None


def test_texts_for_no_value_have_no_number_among_numbers() -> None:
    read = _read(["-", "5ms", "None", ""])
    assert read is not None
    assert [math.isnan(number) for number in read.numbers.tolist()] == [True, False, True, True]


@given(st.lists(st.floats(-1e15, 1e15), min_size=1, max_size=80))
def test_numbers_as_they_are_written_are_read_back(numbers: list[float]) -> None:
    read = _read([repr(number) for number in numbers])
    assert read is not None
    assert read.numbers.tolist() == numbers


@given(st.lists(st.text(max_size=6), max_size=5))
def test_any_text_is_read_or_refused(texts: list[str]) -> None:
    read = _read(texts)
    assert read is None or len(read.numbers) == len(texts)
