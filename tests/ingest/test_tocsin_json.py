import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ingest.conftest import rows_of
from tocsin.ingest.contracts import RejectReason
from tocsin.ingest.protocols.tocsin_json import MAX_LINES, MAX_OBJECTS, decode
from tocsin.kit.errors import MalformedBody, PayloadTooLarge

NDJSON = "application/x-ndjson"
LOG = {
    "timestamp": "2026-11-21T10:00:00Z",
    "level": "ERROR",
    "service": "payment",
    "message": "Stripe timed out",
    "metadata": {"http": {"status": 504}},
    "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    "span_id": "00f067aa0ba902b7",
    "occurrence": 2,
}


def _row(**fields: object) -> dict[str, object]:
    return dict.fromkeys(LOG) | fields


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (json.dumps(LOG), "application/json"),
        (json.dumps(LOG, indent=2), None),
        (f" \n{json.dumps(LOG)}\n", "application/json; charset=utf-8"),
        (f"\ufeff{json.dumps(LOG)}", None),
        (json.dumps([LOG]), None),
        (json.dumps({"logs": [LOG]}), None),
        (json.dumps({"logs": [LOG]}, indent=2), "application/json"),
        (f"\ufeff{json.dumps({'logs': [LOG]})}", None),
        (json.dumps(LOG), NDJSON),
        (f"{json.dumps(LOG)}\r\n\r\n", "application/x-NDJSON; charset=utf-8"),
        (json.dumps(LOG), "application/jsonl"),
    ],
)
def test_log_is_decoded_in_every_form_of_body(body: str, content_type: str | None) -> None:
    decoded = decode(body.encode(), content_type)
    assert rows_of(decoded.records) == [LOG]
    assert decoded.rejects == []


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b'[{"message": "a"}, {"message": "b"}]', None),
        (b'{"logs": [{"message": "a"}, {"message": "b"}]}', None),
        (b'{"message": "a"}\n{"message": "b"}', None),
        (b'{"message": "a"}\n \n\n{"message": "b"}\n', NDJSON),
        (b'{"message": "a"}\r\n{"message": "b"}\r\n', NDJSON),
        (b'{"message": "a", "odd": 1}\r\n\n{"message": "b"}\r\n', None),
    ],
)
def test_logs_keep_their_order_when_there_are_several(body: bytes, content_type: str | None) -> None:
    decoded = decode(body, content_type)
    assert decoded.records.message == ["a", "b"]
    assert decoded.received == 2


@pytest.mark.parametrize("body", [b"[]", b'{"logs": []}', b" [ ]\n", b'{"logs" : [ ] }'])
def test_nothing_is_received_when_the_list_is_empty(body: bytes) -> None:
    assert decode(body).received == 0


@pytest.mark.parametrize(
    ("written", "metadata"),
    [
        ({"host": "web-1"}, {"host": "web-1"}),
        ({"host": "web-1", "metadata": {"a": 1}}, {"host": "web-1", "a": 1}),
        ({"host": "web-1", "metadata": {"host": "web-2"}}, {"host": "web-2"}),
        ({"host": {"name": "web-1"}, "metadata": None}, {"host": {"name": "web-1"}}),
        ({"attributes": {"a": 1}}, {"a": 1}),
        ({"attributes": {"a": 1}, "metadata": {"b": 2}}, {"attributes": {"a": 1}, "b": 2}),
        ({"host": "web-1", "metadata": "text"}, "text"),
    ],
)
def test_unknown_fields_go_into_the_metadata(written: dict[str, object], metadata: object) -> None:
    decoded = decode(json.dumps({"message": "a"} | written).encode())
    assert rows_of(decoded.records) == [_row(message="a", metadata=metadata)]


@pytest.mark.parametrize(
    ("spelling", "field"),
    [
        ("@timestamp", "timestamp"),
        ("time", "timestamp"),
        ("ts", "timestamp"),
        ("severity", "level"),
        ("lvl", "level"),
        ("msg", "message"),
        ("service.name", "service"),
        ("traceId", "trace_id"),
        ("spanId", "span_id"),
    ],
)
def test_field_is_found_under_its_other_usual_names(spelling: str, field: str) -> None:
    assert rows_of(decode(json.dumps({spelling: "x"}).encode()).records) == [_row(**{field: "x"})]
    both = decode(json.dumps({spelling: "other", field: "own"}).encode())
    assert rows_of(both.records) == [_row(**{field: "own", "metadata": {spelling: "other"}})]
    null = decode(json.dumps({spelling: "other", field: None}).encode())
    assert rows_of(null.records) == [_row(**{field: "other"})]


def test_first_spelling_counts_when_there_are_several() -> None:
    decoded = decode(b'{"message": "a", "ts": 3, "time": 2, "@timestamp": 1}')
    assert rows_of(decoded.records) == [_row(message="a", timestamp=1, metadata={"time": 2, "ts": 3})]


def test_last_one_counts_when_a_key_is_written_twice() -> None:
    assert decode(b'{"message": "a", "message": "b"}').records.message == ["b"]
    assert decode(b'{"message": "a", "message": "b", "odd": 1}').records.message == ["b"]


def test_lines_end_with_a_line_feed_alone() -> None:
    decoded = decode(b'{"message": "a",\r"odd": 1}\r\njunk\rjunk\n', NDJSON)
    assert decoded.records.message == ["a"]
    assert [reject.raw.strip() for reject in decoded.rejects] == [b"junk\rjunk"]


_BAD_RECORDS = [
    pytest.param(b"5", RejectReason.NOT_AN_OBJECT, id="number"),
    pytest.param(b'"text"', RejectReason.NOT_AN_OBJECT, id="text"),
    pytest.param(b"null", RejectReason.NOT_AN_OBJECT, id="null"),
    pytest.param(b'[{"message": "a"}]', RejectReason.NOT_AN_OBJECT, id="array"),
    pytest.param(b'{"message": "\xff"}', RejectReason.MALFORMED_JSON, id="invalid UTF-8"),
    pytest.param(b'{"message": "a", "x": 1e999}', RejectReason.MALFORMED_JSON, id="huge number"),
    pytest.param(b'{"x": ' + b"1" * 5_000 + b"}", RejectReason.MALFORMED_JSON, id="number of too many digits"),
]
_BAD_LINES = [
    pytest.param(b'{"message": "cut sho', RejectReason.MALFORMED_JSON, id="cut short"),
    pytest.param(b"plain words", RejectReason.MALFORMED_JSON, id="no JSON"),
    pytest.param(b'{"message": "a"} {}', RejectReason.MALFORMED_JSON, id="two in a line"),
    pytest.param(b'{"x": ' + b"[" * 5_000 + b"]" * 5_000 + b"}", RejectReason.MALFORMED_JSON, id="deep nesting"),
]


@pytest.mark.parametrize(("bad", "reason"), _BAD_RECORDS)
@pytest.mark.parametrize("form", [b"[%b]", b'{"logs": [%b]}'])
def test_bad_record_costs_its_neighbours_nothing(bad: bytes, reason: RejectReason, form: bytes) -> None:
    decoded = decode(form % b", ".join([b'{"message": "before"}', bad, b'{"message": "after"}']))
    assert decoded.records.message == ["before", "after"]
    assert [(reject.reason, reject.raw) for reject in decoded.rejects] == [(reason, bad)]
    assert decoded.received == 3


@pytest.mark.parametrize(("bad", "reason"), _BAD_RECORDS + _BAD_LINES)
@pytest.mark.parametrize("content_type", [NDJSON, None])
def test_bad_line_costs_its_neighbours_nothing(bad: bytes, reason: RejectReason, content_type: str | None) -> None:
    decoded = decode(b'{"message": "before"}\n' + bad + b'\n{"message": "after", "odd": 1}\n', content_type)
    assert decoded.records.message == ["before", "after"]
    assert [(reject.reason, reject.raw) for reject in decoded.rejects] == [(reason, bad)]
    assert decoded.received == 3


@pytest.mark.parametrize("content_type", [NDJSON, "application/jsonl", "Application/X-NDJSON"])
def test_bad_first_line_is_a_reject_when_the_body_is_said_to_be_lines(content_type: str) -> None:
    decoded = decode(b'junk\n{"message": "after"}', content_type)
    assert decoded.records.message == ["after"]
    assert decoded.rejects[0].raw == b"junk"


@pytest.mark.parametrize(
    ("spelled", "text"),
    [
        (r"\ud83d\ude00", "😀"),
        (r"a\ud800b", "a\ufffdb"),
        (r"\udc80", "\ufffd"),
        (r"\uD83D\uD83D\uDE00\uDE00", "\ufffd😀\ufffd"),
        (r"\\ud800", r"\ud800"),
        (r"\\ud83d\ude00 \ud800", "\\ud83d\ufffd \ufffd"),
        (r"\"\ud800\n", '"\ufffd\n'),
    ],
)
@pytest.mark.parametrize("form", ['{"message": "%s"}', '[{"message": "%s"}]', '{"logs": [{"message": "%s"}]}'])
def test_half_a_surrogate_pair_becomes_a_replacement_character(spelled: str, text: str, form: str) -> None:
    assert decode((form % spelled).encode()).records.message == [text]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" \n\t",
        b"\xef\xbb\xbf",
        b"null",
        b"5",
        b'"text"',
        b"plain words",
        b"plain words\nin lines",
        b"{",
        b"[",
        b'[{"message": "a"}',
        b'{"message": "a"} {"message": "b"',
        b'{"logs": {"message": "a"}}',
        b'{"logs": null}',
        b'{"logs": [{"message": "a"}], "other": 1}',
        b'{"other": 1, "logs": [{"message": "a"}]}',
        b'{"logs": [{"message": "a"}',
        b'{"logs": [\n{"message": "a"},\n{"mess',
        b'{\n"message": "a",\n"lev',
        b"[" * 5_000 + b"]" * 5_000,
        b'{"x": ' * 5_000 + b"1" + b"}" * 5_000,
        b'\x1e{"message": "a"}\n',
        b"\x1f\x8b\x08\x00not unpacked",
        b"\xff\xfe{\x00}\x00",
    ],
)
def test_body_is_malformed_when_nobody_can_say_where_its_records_begin(body: bytes) -> None:
    with pytest.raises(MalformedBody):
        decode(body)


def test_body_of_lines_is_malformed_when_it_is_blank() -> None:
    with pytest.raises(MalformedBody, match="empty"):
        decode(b"\n\r\n \n", NDJSON)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b'[{"message":  5}, {"message": "b", "message": 6}]', None),
        (b'{"logs" : [{"message":  5}, {"message": "b", "message": 6}]}', None),
        (b'[{"message":  5}, 1, {"message": "b", "message": 6}]', None),
        (b'{"message":  5}\r\n\n{"message": "b", "message": 6}\n', NDJSON),
        (b'{"message":  5}\n{"message": "b", "message": 6}', None),
        (b'{"message":  5} {"message": "b", "message": 6}', NDJSON),
        (b'{"message":  5}\njunk\n{"message": "b", "message": 6}', NDJSON),
    ],
)
def test_records_are_given_back_as_they_came(body: bytes, content_type: str | None) -> None:
    decoded = decode(body, content_type)
    assert [raw.strip() for raw in decoded.raw_records()] == [b'{"message":  5}', b'{"message": "b", "message": 6}']
    assert decoded.records.message == [5, 6]


def test_body_is_given_back_as_it_came_when_it_is_one_record() -> None:
    for body in (b' {"message":  5}\n', b' {"message":  5, "odd": 1}\n', b'{"logs": [ {"message":  5} ]}'):
        assert [raw.strip() for raw in decode(body).raw_records()] == [re.search(rb'\{"m[^}]*\}', body)[0]]  # type: ignore[index]


_content_types = st.sampled_from([None, "", "application/json", NDJSON, "application/jsonl", "text/plain", "x/y; z"])
_json = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=6,
)
_names = st.sampled_from([*LOG, "logs", "msg", "ts", "@timestamp", "attributes", "odd"])
_records = st.dictionaries(_names.filter(lambda name: name != "logs"), _json, max_size=5)
_bytes = st.one_of(
    st.binary(max_size=80),
    st.lists(st.sampled_from([b"{", b"}", b"[", b"]", b'"logs"', b":", b",", b"\n", b'"', b"\\ud8", b"1", b" "])).map(
        b"".join
    ),
    st.dictionaries(_names, _json).map(lambda record: json.dumps(record).encode()),
)


@settings(max_examples=150, deadline=None)
@given(_bytes, _content_types)
def test_any_bytes_are_decoded_or_malformed(body: bytes, content_type: str | None) -> None:
    try:
        decoded = decode(body, content_type)
    except MalformedBody:
        return
    assert decoded.received == len(rows_of(decoded.records)) + len(decoded.rejects)
    assert len(decoded.raw_records()) == len(decoded.records)


@settings(max_examples=100, deadline=None)
@given(st.lists(_records, max_size=5), st.booleans())
def test_every_record_is_received_when_the_document_is_valid(records: list[dict[str, Any]], ascii_only: bool) -> None:
    texts = [json.dumps(record, ensure_ascii=ascii_only) for record in records]
    forms = [decode(f"[{', '.join(texts)}]".encode()), decode(f'{{"logs": [{", ".join(texts)}]}}'.encode())]
    if records:
        forms.append(decode("\n".join(texts).encode(), NDJSON))
    for decoded in forms:
        assert decoded.received == len(records)
        assert rows_of(decoded.records) == rows_of(forms[0].records)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.builds(lambda **row: row, **dict.fromkeys(LOG, _json)), min_size=1, max_size=4))
def test_records_are_read_alike_when_one_beside_them_is_odd(records: list[dict[str, Any]]) -> None:
    alone = decode(json.dumps(records).encode())
    beside = decode(json.dumps([*records, {"message": "odd one", "odd": 1}]).encode())
    # A field that is null counts as one that isn't there; only then may another spelling fill it.
    assert rows_of(beside.records)[:-1] == rows_of(alone.records)


@pytest.mark.parametrize(
    "body",
    [
        b"[" + b",".join([b'{"message":""}'] * (MAX_OBJECTS + 1)) + b"]",
        b"{}" + b"\n" * (MAX_LINES + 1),
    ],
)
def test_body_with_too_many_records_is_refused_before_it_is_decoded(body: bytes) -> None:
    with pytest.raises(PayloadTooLarge, match="smaller parts"):
        decode(body)
