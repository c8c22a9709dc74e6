import math
import random
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tocsin.ingest.timestamps import INVALID, parse_timestamps

MISSING = -7
TEN = 1_795_255_200_000_000_000
"""2026-11-21T10:00:00Z."""

LATEST = 2**63 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _one(value: object) -> int:
    """The value read in a column of its own, and beside a value of another kind: both must agree."""
    alone, beside = parse_timestamps([value], missing=MISSING), parse_timestamps([value, None], missing=MISSING)
    assert alone[0] == beside[0]
    return int(alone[0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-21T10:00:00Z", TEN),
        ("2026-11-21t10:00:00z", TEN),
        ("2026-11-21 10:00:00Z", TEN),
        ("2026-11-21T10:00:00+00:00", TEN),
        ("2026-11-21T10:00:00-00:00", TEN),
        ("2026-11-21T15:30:00+05:30", TEN),
        ("2026-11-21T15:30:00+0530", TEN),
        ("2026-11-21T02:00:00-08", TEN),
        ("2026-11-22T09:59:00+23:59", TEN),
        ("2026-11-21T10:00:00", TEN),
        ("2026-11-21 10:00:00 +00:00", TEN),
        ("2026-11-21T10:00Z", TEN),
        ("2026-11-21", TEN - 36_000_000_000_000),
        ("  2026-11-21T10:00:00Z\n", TEN),
        ("2026-11-21T10:00:00.5Z", TEN + 500_000_000),
        ("2026-11-21T10:00:00,5Z", TEN + 500_000_000),
        ("2026-11-21 10:00:00.5", TEN + 500_000_000),
        ("2026-11-21T15:30:00.000000001+05:30", TEN + 1),
        ("2026-11-21T10:00:00.1234567899Z", TEN + 123_456_789),
        ("2024-02-29T00:00:00Z", 1_709_164_800_000_000_000),
    ],
)
def test_text_is_read_when_it_is_rfc3339_or_near(text: str, expected: int) -> None:
    assert _one(text) == expected


@pytest.mark.parametrize("digits", range(1, 10))
@pytest.mark.parametrize("zone", ["Z", "z", "+00:00", ""])
def test_every_digit_of_a_fraction_is_kept(digits: int, zone: str) -> None:
    assert _one(f"2026-11-21T10:00:00.{'123456789'[:digits]}{zone}") == TEN + int("123456789"[:digits].ljust(9, "0"))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, 0),
        (1_795_255_200, TEN),
        (1_795_255_200_123, TEN + 123_000_000),
        (1_795_255_200_123_456, TEN + 123_456_000),
        (1_795_255_200_123_456_789, TEN + 123_456_789),
        (1_700_000_000.1, 1_700_000_000_100_000_000),
        (1_795_255_200_123.5, TEN + 123_500_000),
        ("1795255200", TEN),
        ("1795255200.123456789", TEN + 123_456_789),
        ("1795255200123", TEN + 123_000_000),
        ("1795255200123456", TEN + 123_456_000),
        ("1795255200123456789", TEN + 123_456_789),
        ("1.7952552e9", TEN),
        (10**11 - 1, LATEST),
        (10**11, 10**17),
        (10**14 - 1, LATEST),
        (10**14, 10**17),
        (10**17, 10**17),
        (LATEST, LATEST),
        (LATEST + 1, LATEST),
    ],
)
def test_number_is_taken_for_the_unit_of_its_magnitude(value: object, expected: int) -> None:
    assert _one(value) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1969-12-31T23:59:59.5Z", -500_000_000),
        ("1970-01-01T00:00:00+01:00", -3_600_000_000_000),
        ("2199-12-31T23:59:59.999999999Z", 7_258_118_399_999_999_999),
        ("2200-01-01T00:00:00Z", 7_258_118_400_000_000_000),
        ("2262-04-11T23:47:16.854775807Z", LATEST),
        ("2262-04-11T23:47:16.854775808Z", LATEST),
        ("2610-01-01T00:00:00Z", LATEST),
        ("9999-12-31T23:59:59Z", LATEST),
        ("1677-01-01T00:00:00Z", INVALID + 1),
        ("0001-01-01T00:00:00Z", INVALID + 1),
        ("0001-01-01T00:00:00+23:00", INVALID + 1),
    ],
)
def test_years_that_64_bits_cannot_hold_become_the_nearest_that_they_can(text: str, expected: int) -> None:
    assert _one(text) == expected


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "now",
        "yesterday at noon",
        "2026-13-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2026-11-21T24:00:01Z",
        "2026-11-21T10:60:00Z",
        "2026-11-21T10:00:60Z",
        "2026-11-21T10:00:00+24:00",
        "2026-11-21T10:00:00+05Z",
        "2026-11-21T10:00:00.Z",
        "2026-11-21T10:00:00.12 4Z",
        "2026-11-21T10:00:00\0Z",
        "2026-11-21T10:00:00.123+05:30:15.5",
        "2026/11/21T10:00:00Z",
        "2026-11-21x10:00:00Z",
        "20261121T100000Z",
        "2026-W47-6T10:00:00Z",
        "٢٠٢٦-11-21T10:00:00Z",
        "1_795_255_200",
        "-5",
        "+5",
        "0x10",
        "nan",
        "inf",
        "1e999999999999999999999",
        "9" * 5_000,
        -1,
        -0.5,
        10**19,
        10**30,
        math.nan,
        math.inf,
        True,
        False,
        [],
        {},
        b"2026",
    ],
)
def test_anything_else_is_invalid(value: object) -> None:
    assert _one(value) == INVALID


def test_missing_timestamps_are_given_one_when_none_is_written() -> None:
    assert parse_timestamps([None, None], missing=MISSING).tolist() == [MISSING, MISSING]
    mixed = parse_timestamps([None, "2026-11-21T10:00:00Z", 1, "junk"], missing=MISSING)
    assert mixed.tolist() == [MISSING, TEN, 1_000_000_000, INVALID]
    assert parse_timestamps([], missing=MISSING).tolist() == []


def test_texts_are_read_on_their_own_when_only_their_total_length_is_uniform() -> None:
    halves = ["2026-11-21T10:00:00Z", "2026-11-21", "T10:00:00Z2026-11-21T10:00:00Z"]
    assert parse_timestamps(halves, missing=MISSING).tolist() == [TEN, TEN - 36_000_000_000_000, INVALID]


_forms = st.builds(
    lambda moment, separator, fraction, zone: f"{moment:%Y-%m-%d}{separator}{moment:%H:%M:%S}{fraction}{zone}",
    st.datetimes(datetime(1000, 1, 1), datetime(9999, 12, 31)),
    st.sampled_from("Tt x"),
    st.one_of(st.just(""), st.from_regex(r"[.,][0-9]{0,10}", fullmatch=True)),
    st.sampled_from(["Z", "Z", "Z", "z", "", "+00:00", "-08:00", "+0530", "+05", " +01:00", "+99:99", "+05Z"]),
)
_texts = st.one_of(
    _forms,
    _forms.flatmap(
        lambda text: st.builds(
            lambda place, character: text[:place] + character + text[place + 1 :],
            st.integers(0, len(text) - 1),
            st.sampled_from("0169-:.TZ \0+é"),
        )
    ),
    st.text(max_size=30),
    st.from_regex(r"[0-9]{1,20}(\.[0-9]{1,10})?", fullmatch=True),
)


@settings(deadline=None)
@given(st.lists(_texts, min_size=1, max_size=6), st.randoms(use_true_random=False))
@example(["2026-11-21T10:00:00+05Z"] * 2, random.Random(0))
def test_a_column_of_texts_is_read_as_each_text_is(texts: list[str], order: random.Random) -> None:
    # None makes the column one of mixed kinds, which is read value by value.
    one_by_one = parse_timestamps([*texts, None], missing=MISSING)[:-1].tolist()
    assert parse_timestamps(texts, missing=MISSING).tolist() == one_by_one
    shuffled = list(range(len(texts)))
    order.shuffle(shuffled)
    parsed = parse_timestamps([texts[row] for row in shuffled], missing=MISSING).tolist()
    assert parsed == [one_by_one[row] for row in shuffled]


@settings(deadline=None)
@given(
    st.lists(st.datetimes(datetime(1970, 1, 2), datetime(2262, 4, 10)), min_size=1, max_size=4),
    st.integers(0, 999),
    st.integers(-1_439, 1_439).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)
def test_text_is_read_exactly_when_written_by_another_program(
    moments: list[datetime], nanoseconds: int, zone: timezone
) -> None:
    aware = [moment.replace(tzinfo=zone) for moment in moments]
    texts = [f"{moment:%Y-%m-%dT%H:%M:%S.%f}{nanoseconds:03}{moment.isoformat()[-6:]}" for moment in aware]
    expected = [(moment - _EPOCH) // timedelta(microseconds=1) * 1_000 + nanoseconds for moment in aware]
    assert parse_timestamps(texts, missing=MISSING).tolist() == expected


@settings(deadline=None)
@given(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.none()), st.binary()))
def test_no_value_makes_it_raise(value: object) -> None:
    _one(value)
