from typing import Any

import pyarrow as pa
import pytest

from tests.support.logs import NOON_UNIX_NANO, log_batch
from tocsin.topology.reading import LONGEST_NANO, span_logs

MS = 1_000_000
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def read(**log: Any) -> dict[str, Any]:
    table = pa.Table.from_batches([log_batch([{"trace_id": TRACE, "span_id": SPAN} | log]).rows])
    [row] = span_logs(table).to_dicts()
    return dict(row)


@pytest.mark.parametrize(
    ("message", "milliseconds"),
    [
        ('msg="handled" method=GET status=200 dur=2.8ms', 2.8),
        ('msg="query" dur=253us', 0.253),
        ("Payment captured in 178.0 ms", 178),
        ("request completed: GET /products 200 (6.4 ms)", 6.4),
        ("GET / 200 rt=0.018 uct=0.000", 18),
        ("took 2 s", 2_000),
        ('duration: "1.5s"', 1_500),
        ("nothing of the kind 12 ms", 0),
        ("a member in 3 groups", 0),
        ("uptime after 9000s", 0),
    ],
)
def test_a_duration_in_the_message_says_when_it_began(message: str, milliseconds: float) -> None:
    assert NOON_UNIX_NANO - read(message=message)["began"] == round(milliseconds * MS)


@pytest.mark.parametrize(
    ("metadata", "milliseconds"),
    [
        ({"duration_ms": 41}, 41),
        ({"http": {"request": {"duration.s": 0.25}}}, 250),
        ({"elapsed_us": "300"}, 0.3),
        ({"duration": 41}, 0),
        ({"note": "duration_ms 41"}, 0),
    ],
)
def test_a_duration_in_the_metadata_says_when_it_began(metadata: dict[str, Any], milliseconds: float) -> None:
    assert NOON_UNIX_NANO - read(metadata=metadata)["began"] == round(milliseconds * MS)


def test_what_is_too_long_for_a_request_does_not_count() -> None:
    assert read(message="took 600 s")["began"] == NOON_UNIX_NANO - LONGEST_NANO
    assert read(message="took 601 s")["began"] == NOON_UNIX_NANO


@pytest.mark.parametrize(
    ("metadata", "parent"),
    [
        ({"parent_span_id": "00f067aa0ba902b7"}, "00f067aa0ba902b7"),
        ({"parentSpanId": "00F067AA0BA902B7"}, "00f067aa0ba902b7"),
        ({"a": 1, "parent": {"id": "00f067aa0ba902b7"}}, "00f067aa0ba902b7"),
        ({"parent_span_id": "0000000000000000"}, ""),
        ({"parent_span_id": ""}, ""),
        ({"note": '"parent_span_id":"00f067aa0ba902b7"'}, ""),
        ({}, ""),
    ],
)
def test_the_parent_is_read_from_the_metadata(metadata: dict[str, Any], parent: str) -> None:
    assert read(metadata=metadata)["parent_span_id"] == parent


def test_ids_levels_and_moments_are_as_stored() -> None:
    row = read(service="cart", severity_number=17)
    assert (row["trace_id"], row["span_id"], row["service"]) == (TRACE, SPAN, "cart")
    assert row["is_error"] is True
    assert read(severity_number=16)["is_error"] is False
    assert row["timestamp"] == NOON_UNIX_NANO


def test_logs_without_a_trace_are_left_out() -> None:
    assert span_logs(pa.Table.from_batches([log_batch([{"message": "x"}]).rows])).is_empty()
