from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.logmodel.metadata import MAX_DEPTH, canonical, canonical_column, flatten, text_of

_SCALARS = st.one_of(
    st.text(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.none(),
)
_FLAT = st.dictionaries(st.text(), _SCALARS, max_size=5)


@pytest.mark.parametrize(
    ("metadata", "flat"),
    [
        ({}, {}),
        ({"a": 1, "b": None}, {"a": 1, "b": None}),
        ({"a": {"b": {"c": True}}}, {"a.b.c": True}),
        ({"a": [1, {"b": 2}]}, {"a": '[1,{"b":2}]'}),
        ({"a": {}}, {"a": "{}"}),
        ({"a.b": 1, "a": {"b": 2}}, {"a.b": 2}),
    ],
)
def test_nested_keys_are_joined_with_dots(metadata: dict[str, Any], flat: dict[str, Any]) -> None:
    assert flatten(metadata) == flat


def test_what_is_nested_too_deep_is_kept_as_text() -> None:
    metadata: dict[str, Any] = {"x": {"y": 1}}
    for _ in range(MAX_DEPTH - 1):
        metadata = {"k": metadata}
    [(key, value)] = flatten(metadata).items()
    assert key.count(".") == MAX_DEPTH - 1
    assert value == '{"y":1}'


@given(_FLAT)
def test_canonical_form_has_sorted_keys_and_no_spaces(flat: dict[str, Any]) -> None:
    text = canonical(flat)
    decoded = msgspec.json.decode(text)
    assert decoded == flat
    assert list(decoded) == sorted(flat)
    assert canonical(dict(reversed(flat.items()))) == text


@given(st.lists(_FLAT, max_size=6))
def test_a_column_is_each_row_in_canonical_form(rows: list[dict[str, Any]]) -> None:
    assert canonical_column(rows).to_pylist() == [canonical(row) for row in rows]


@pytest.mark.parametrize(
    ("value", "text"), [("a", "a"), ("", ""), (5, "5"), (5.0, "5.0"), (True, "true"), (None, "null"), ("5", "5")]
)
def test_values_are_compared_as_their_json_text_and_strings_as_they_are(value: object, text: str) -> None:
    assert text_of(value) == text
