import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.ingest.conftest import columns_of, normalise
from tests.support.logs import NOON_UNIX_NANO, SEED, log_batch
from tests.support.odd_records import odd_records
from tocsin.ingest.contracts import RejectReason
from tocsin.ingest.normalise import (
    MAX_AHEAD_NANO,
    MAX_ID_CHARACTERS,
    MAX_MESSAGE_BYTES,
    MAX_METADATA_BYTES,
    MAX_SERVICE_CHARACTERS,
    Normalised,
    Stamp,
)
from tocsin.logmodel.batch import STORED_LOG_SCHEMA, logs_of
from tocsin.logmodel.log import Log
from tocsin.logmodel.metadata import MAX_DEPTH, MAX_KEYS

RECEIVED = NOON_UNIX_NANO + 5_000_000_000
TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
STAMP = Stamp(
    received_unix_nano=RECEIVED,
    default_timestamps_unix_nano=[NOON_UNIX_NANO] * 4,
    default_service="checkout",
    allows_other_services=True,
    content_hash_seed=SEED,
)
ONE_SERVICE = replace(STAMP, allows_other_services=False)
Record = dict[str, Any]


def _normalise(*parts: Sequence[Record], stamp: Stamp = STAMP) -> Normalised:
    return normalise([columns_of(part) for part in parts], stamp)


def _logs(normalised: Normalised) -> list[Log]:
    rows = normalised.batch.rows
    sequences = pa.array(range(rows.num_rows), pa.uint64())
    return logs_of(pa.RecordBatch.from_arrays([*rows.columns, sequences], schema=STORED_LOG_SCHEMA))


def _stored(**record: object) -> Log:
    """The one log that a record becomes."""
    normalised = _normalise([{"message": "m"} | record])
    assert normalised.refusals == []
    [log] = _logs(normalised)
    return log


def _reason(stamp: Stamp = STAMP, **record: object) -> RejectReason:
    """Why a record is refused, between two that are not."""
    good = {"message": "good"}
    normalised = _normalise([good, {"message": "m"} | record, good], stamp=stamp)
    assert [log.message for log in _logs(normalised)] == ["good", "good"]
    [refusal] = normalised.refusals
    assert (refusal.source, refusal.row) == (0, 1)
    assert refusal.detail
    return refusal.reason


def test_record_has_every_default_when_only_its_message_is_written() -> None:
    log = _stored()
    assert (log.timestamp_unix_nano, log.observed_timestamp_unix_nano) == (NOON_UNIX_NANO, RECEIVED)
    assert (log.severity_number, log.service, log.message) == (9, "checkout", "m")
    assert (log.metadata, log.trace_id, log.span_id) == ({}, "", "")


def test_batch_is_what_other_intakes_would_make_of_the_same_log() -> None:
    record = {
        "timestamp": "2025-12-03T12:00:00.000000007Z",
        "level": "warning",
        "service": "api",
        "message": "é user 17",
        "metadata": {"z": 1, "http": {"status": 504, "tags": ["a"]}},
        "trace_id": TRACE,
        "span_id": SPAN,
    }
    row = record | {"timestamp": NOON_UNIX_NANO + 7, "severity_number": 13, "observed_timestamp": RECEIVED}
    assert _normalise([record]).batch.rows.equals(log_batch([row]).rows)


@pytest.mark.parametrize(
    ("level", "severity_number"),
    [
        (None, 9),
        ("", 9),
        ("DEBUG", 5),
        (" Error ", 17),
        ("wArN", 13),
        ("critical", 21),
        ("emerg", 24),
        (30, 9),
        (50, 17),
        (3, 17),
        (0, 24),
        (50.0, 17),
    ],
)
def test_level_is_known_by_its_usual_names_and_numbers(level: object, severity_number: int) -> None:
    log = _stored(level=level)
    assert (log.severity_number, log.metadata) == (severity_number, {})


@pytest.mark.parametrize(
    ("level", "text"),
    [
        ("SUPER", "SUPER"),
        (99, 99),
        (2.5, "2.5"),
        (True, "true"),
        (["a", 1], '["a",1]'),
        ({"name": "x"}, '{"name":"x"}'),
        (10**30, 10**30),
    ],
)
def test_level_is_kept_in_the_metadata_when_nobody_knows_it(level: object, text: object) -> None:
    log = _stored(level=level, metadata={"a": 1})
    assert log.severity_number == 9
    assert log.metadata == {"a": 1, "severity_text": text}


def test_levels_are_told_apart_when_python_takes_them_for_equal() -> None:
    logs = _logs(_normalise([{"message": "m", "level": level} for level in (1, True, 1.0, "1", 0, False)]))
    assert [log.severity_number for log in logs] == [22, 9, 22, 9, 24, 9]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"message": None}, RejectReason.MESSAGE_MISSING),
        ({"message": 5}, RejectReason.MESSAGE_NOT_TEXT),
        ({"message": ["a"]}, RejectReason.MESSAGE_NOT_TEXT),
        ({"message": {"a": 1}}, RejectReason.MESSAGE_NOT_TEXT),
        ({"message": "é" * (MAX_MESSAGE_BYTES // 2) + "e"}, RejectReason.MESSAGE_TOO_LARGE),
        ({"timestamp": "yesterday"}, RejectReason.BAD_TIMESTAMP),
        ({"timestamp": -1}, RejectReason.BAD_TIMESTAMP),
        ({"timestamp": 10**30}, RejectReason.BAD_TIMESTAMP),
        ({"timestamp": {"seconds": 1}}, RejectReason.BAD_TIMESTAMP),
        ({"timestamp": "1969-12-31T23:59:59Z"}, RejectReason.TIMESTAMP_OUT_OF_RANGE),
        ({"timestamp": RECEIVED + MAX_AHEAD_NANO + 1}, RejectReason.TIMESTAMP_OUT_OF_RANGE),
        ({"timestamp": "9999-12-31T23:59:59Z"}, RejectReason.TIMESTAMP_OUT_OF_RANGE),
        ({"timestamp": "0001-01-01T00:00:00Z"}, RejectReason.TIMESTAMP_OUT_OF_RANGE),
        ({"service": ""}, RejectReason.BAD_SERVICE),
        ({"service": " "}, RejectReason.BAD_SERVICE),
        ({"service": "a\nb"}, RejectReason.BAD_SERVICE),
        ({"service": 5}, RejectReason.BAD_SERVICE),
        ({"service": ["a"]}, RejectReason.BAD_SERVICE),
        ({"service": "s" * (MAX_SERVICE_CHARACTERS + 1)}, RejectReason.BAD_SERVICE),
        ({"metadata": "text"}, RejectReason.METADATA_NOT_AN_OBJECT),
        ({"metadata": []}, RejectReason.METADATA_NOT_AN_OBJECT),
        ({"metadata": False}, RejectReason.METADATA_NOT_AN_OBJECT),
        ({"metadata": {str(key): 1 for key in range(MAX_KEYS + 1)}}, RejectReason.METADATA_TOO_LARGE),
        ({"metadata": {"a": {str(key): 1 for key in range(MAX_KEYS + 1)}}}, RejectReason.METADATA_TOO_LARGE),
        ({"metadata": {"a": "x" * MAX_METADATA_BYTES}}, RejectReason.METADATA_TOO_LARGE),
        ({"trace_id": True}, RejectReason.BAD_TRACE_OR_SPAN_ID),
        ({"trace_id": 1.5}, RejectReason.BAD_TRACE_OR_SPAN_ID),
        ({"trace_id": "a\0b"}, RejectReason.BAD_TRACE_OR_SPAN_ID),
        ({"trace_id": "x" * (MAX_ID_CHARACTERS + 1)}, RejectReason.BAD_TRACE_OR_SPAN_ID),
        ({"span_id": []}, RejectReason.BAD_TRACE_OR_SPAN_ID),
        ({"span_id": {"a": 1}, "metadata": {"span_id": SPAN}}, RejectReason.BAD_TRACE_OR_SPAN_ID),
        ({"occurrence": -1}, RejectReason.BAD_OCCURRENCE),
        ({"occurrence": 2**31}, RejectReason.BAD_OCCURRENCE),
        ({"occurrence": True}, RejectReason.BAD_OCCURRENCE),
        ({"occurrence": "1"}, RejectReason.BAD_OCCURRENCE),
        ({"occurrence": 1.0}, RejectReason.BAD_OCCURRENCE),
    ],
)
def test_record_is_refused_alone_when_a_field_cannot_be_stored(record: Record, reason: RejectReason) -> None:
    assert _reason(**record) is reason


@pytest.mark.parametrize(
    "record",
    [
        {"message": ""},
        {"message": "é" * (MAX_MESSAGE_BYTES // 2)},
        {"timestamp": 0},
        {"timestamp": RECEIVED + MAX_AHEAD_NANO},
        {"service": "s" * MAX_SERVICE_CHARACTERS},
        {"metadata": {str(key): 1 for key in range(MAX_KEYS)}},
        {"metadata": {"a": "x" * (MAX_METADATA_BYTES - len('{"a":""}'))}},
        {"trace_id": "x" * MAX_ID_CHARACTERS},
        {"occurrence": 2**31 - 1},
        {"occurrence": None},
    ],
)
def test_record_is_stored_when_a_field_is_just_within_its_limit(record: Record) -> None:
    _stored(**record)


def test_log_keeps_its_id_for_ever() -> None:
    log = _stored(
        timestamp="2025-12-03T12:00:00.123456789Z",
        level="ERROR",
        service="payment",
        message="Stripe timed out after 30 s",
        metadata={"http": {"status": 504}, "customer": "u_123"},
        trace_id=TRACE,
        span_id=SPAN,
    )
    assert str(log.id) == "019ae415-6a7b-858d-baaa-26d990161000"


def test_other_services_are_refused_when_the_key_is_for_one() -> None:
    assert _reason(ONE_SERVICE, service="api") is RejectReason.SERVICE_NOT_ALLOWED
    kept = _normalise([{"message": "m", "service": "checkout"}, {"message": "m"}], stamp=ONE_SERVICE)
    assert [log.service for log in _logs(kept)] == ["checkout", "checkout"]


def test_nested_metadata_is_flattened() -> None:
    metadata = {"http": {"status": 504, "ok": False}, "tags": ["a", {"b": 1}], "empty": {}, "none": None, "a.b": 1.5}
    assert _stored(metadata=metadata).metadata == {
        "http.status": 504,
        "http.ok": False,
        "tags": '["a",{"b":1}]',
        "empty": "{}",
        "none": None,
        "a.b": 1.5,
    }


def test_metadata_is_kept_as_text_when_it_is_too_deep() -> None:
    deep: Record = {"leaf": 1}
    for _ in range(300):
        deep = {"a": deep}
    [(key, value)] = _stored(metadata=deep).metadata.items()
    assert key == ".".join("a" * MAX_DEPTH)
    assert json.loads(value)


@pytest.mark.parametrize(
    ("field", "spelling"),
    [
        ("trace_id", "trace_id"),
        ("trace_id", "traceId"),
        ("trace_id", "traceID"),
        ("trace_id", "trace.id"),
        ("trace_id", "otelTraceID"),
        ("trace_id", "dd.trace_id"),
        ("span_id", "span_id"),
        ("span_id", "spanId"),
        ("span_id", "spanID"),
        ("span_id", "span.id"),
        ("span_id", "otelSpanID"),
        ("span_id", "dd.span_id"),
    ],
)
@pytest.mark.parametrize("own", [{}, {"trace_id": "", "span_id": ""}, {"trace_id": None, "span_id": None}])
def test_id_is_found_in_the_metadata_when_it_stands_there(field: str, spelling: str, own: Record) -> None:
    log = _stored(**own, metadata={spelling: "ABC1", "other": 1})
    assert getattr(log, field) == "abc1"
    assert log.metadata == {spelling: "ABC1", "other": 1}


@pytest.mark.parametrize("odd", ["", True, False, None, 1.5, [], {}, "a\0b", "x" * (MAX_ID_CHARACTERS + 1)])
def test_metadata_stays_metadata_when_it_cannot_be_an_id(odd: object) -> None:
    assert _stored(metadata={"trace_id": odd}).trace_id == ""


def test_own_id_counts_when_there_is_another_in_the_metadata() -> None:
    assert _stored(trace_id=TRACE, metadata={"trace_id": "other"}).trace_id == TRACE
    assert _stored(trace_id=0, metadata={"trace_id": "other"}).trace_id == "0"


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (TRACE, TRACE),
        (TRACE.upper(), TRACE),
        ("Not-Hexadecimal", "Not-Hexadecimal"),
        ("AbC", "abc"),
        (1234567890123456789, "1234567890123456789"),
        ("sixteen-bytes-id", "sixteen-bytes-id"),
        ("é", "é"),
    ],
)
def test_id_is_kept_in_lower_case_when_it_is_hexadecimal(written: object, kept: str) -> None:
    assert _stored(trace_id=written).trace_id == kept
    [log, _] = _logs(_normalise([{"message": "m", "trace_id": written}, {"message": "m", "trace_id": TRACE}]))
    assert log.trace_id == kept


def test_identical_records_are_different_logs_when_they_come_in_one_request() -> None:
    ticks = [{"message": "tick"}] * 3
    together = [log.content_hash for log in _logs(_normalise(ticks))]
    assert len(set(together)) == 3
    cut = [_stored(message="tick", occurrence=number).content_hash for number in range(3)]
    assert cut == together


def test_records_without_a_timestamp_get_the_one_of_their_request() -> None:
    stamp = replace(STAMP, default_timestamps_unix_nano=[11, 22, 33])
    parts: list[list[Record]] = [[{"message": "a"}], [{}], [{"message": "a", "timestamp": 7}, {"message": "a"}]]
    logs = _logs(_normalise(*parts, stamp=stamp))
    assert [log.timestamp_unix_nano for log in logs] == [11, 7_000_000_000, 33]


def test_identical_records_are_numbered_on_their_own_when_requests_go_together() -> None:
    ticks = [{"message": "tick", "timestamp": 5}] * 2
    hashes = [log.content_hash for log in _logs(_normalise(ticks, ticks))]
    assert hashes[:2] == hashes[2:]


def test_good_rows_are_kept_with_their_requests_when_bad_ones_stand_between() -> None:
    bad: list[Record] = [{}, {"message": "x", "timestamp": "junk"}, {"message": "x", "trace_id": []}]
    parts: list[list[Record]] = [
        [{"message": "a0"}, bad[0], {"message": "a1", "level": "error"}],
        [],
        [bad[2], {"message": "c0", "trace_id": TRACE}, bad[1], bad[0], {"message": "c1", "timestamp": 7}],
        [bad[1]],
    ]
    normalised = _normalise(*parts)
    logs = _logs(normalised)
    assert [log.message for log in logs] == ["a0", "a1", "c0", "c1"]
    assert normalised.sources.tolist() == [0, 0, 2, 2]
    assert [log.severity_number for log in logs] == [9, 17, 9, 9]
    assert [log.timestamp_unix_nano for log in logs] == [NOON_UNIX_NANO] * 3 + [7_000_000_000]
    assert [log.trace_id for log in logs] == ["", "", TRACE, ""]
    assert sorted((refusal.source, refusal.row, refusal.reason.value) for refusal in normalised.refusals) == [
        (0, 1, "message_missing"),
        (2, 0, "bad_trace_or_span_id"),
        (2, 2, "bad_timestamp"),
        (2, 3, "message_missing"),
        (3, 0, "bad_timestamp"),
    ]


def test_record_is_refused_once_when_several_fields_are_bad() -> None:
    [refusal] = _normalise([{"message": 5, "timestamp": "junk", "service": "", "metadata": 1}]).refusals
    assert refusal.reason is RejectReason.MESSAGE_NOT_TEXT


def test_nothing_becomes_an_empty_batch() -> None:
    shapes: list[list[list[Record]]] = [[], [[]], [[], []], [[{}]]]
    for parts in shapes:
        assert len(_normalise(*parts).batch) == 0


_parts = st.lists(st.lists(odd_records, max_size=4), min_size=1, max_size=3)


@settings(max_examples=150, deadline=None)
@given(_parts)
def test_every_record_is_kept_or_refused_whatever_it_holds(parts: list[list[Record]]) -> None:
    normalised = _normalise(*parts)
    refused = {(refusal.source, refusal.row) for refusal in normalised.refusals}
    assert len(refused) == len(normalised.refusals)
    for source, part in enumerate(parts):
        rows = [row for other, row in refused if other == source]
        assert (normalised.sources == source).sum() + len(rows) == len(part)
        assert set(rows) <= set(range(len(part)))
    assert len(_logs(normalised)) == len(normalised.sources)


@settings(max_examples=150, deadline=None)
@given(_parts)
@example([[{"message": "m", "level": 1}], [{"message": "m", "level": True}]])
@example([[{"message": "m", "trace_id": 0, "metadata": {"a": 1}}], [{"message": "m"}]])
def test_record_is_the_same_log_whatever_goes_with_it(parts: list[list[Record]]) -> None:
    together = _normalise(*parts)
    logs, refusals = [], []
    for source, part in enumerate(parts):
        alone = _normalise(part)
        logs += _logs(alone)
        refusals += [(source, refusal.row, refusal.reason) for refusal in alone.refusals]
    both = [(log.timestamp_unix_nano, log.content_hash, log.metadata) for log in _logs(together)]
    assert both == [(log.timestamp_unix_nano, log.content_hash, log.metadata) for log in logs]
    refused_together = [(refusal.source, refusal.row, refusal.reason) for refusal in together.refusals]
    assert sorted(refused_together) == sorted(refusals)
