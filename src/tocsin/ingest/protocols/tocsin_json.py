"""Tocsin's own JSON: one log, an array, ``{"logs": [...]}``, or newline-delimited.

The fast path decodes the whole body into typed records at once. Only where that fails is each record looked at on
its own, so that one odd record costs its neighbours nothing but time.
"""

import re
from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec.structs import astuple

from tocsin.ingest.contracts import Decoded, RecordColumns, Reject, RejectReason
from tocsin.kit.errors import MalformedBody, PayloadTooLarge

MAX_OBJECTS = 400_000
"""Braces tell, before anything is decoded, how many records a body can hold at most. A record takes about half a
kilobyte of memory while it is worked on, however small it is in the body."""

MAX_LINES = 1_000_000
"""The same for lines that are no objects: each becomes a dead letter."""

_ENVELOPE = re.compile(rb'\s*\{\s*"logs"\s*:')
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_HIGH, _LOW = rb"\\u[dD][89abAB][0-9a-fA-F]{2}", rb"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
# Begins with a literal, which makes it fast to search for.
_MAYBE_LONE_SURROGATE = re.compile(
    rb"\\u[dD](?:[89abAB][0-9a-fA-F]{2}(?!%b)|[c-fC-F](?<!%b\\u[dD][c-fC-F])[0-9a-fA-F]{2})" % (_LOW, _HIGH)
)
_ESCAPE = re.compile(rb"%b%b|(%b|%b)|\\." % (_HIGH, _LOW, _HIGH, _LOW), re.DOTALL)
_LINES_TYPE = re.compile(r"ndjson|jsonl", re.IGNORECASE)
_FIELDS = tuple(RecordColumns.__slots__)
_SPELLINGS = {
    "@timestamp": "timestamp",
    "time": "timestamp",
    "ts": "timestamp",
    "severity": "level",
    "lvl": "level",
    "msg": "message",
    "service.name": "service",
    "traceId": "trace_id",
    "spanId": "span_id",
    "attributes": "metadata",
}
"""Other usual names of the fields; they count where the field itself is absent."""


class _Record(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One log as documented, its fields in the order of ``RecordColumns``. Values are checked later, by column."""

    timestamp: object = None
    level: object = None
    service: object = None
    message: object = None
    metadata: object = None
    trace_id: object = None
    span_id: object = None
    occurrence: object = None


class _Envelope(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    logs: list[_Record]


_ENVELOPE_DECODER = msgspec.json.Decoder(_Envelope)
_ARRAY_DECODER = msgspec.json.Decoder(list[_Record])
_RECORD_DECODER = msgspec.json.Decoder(_Record)
_RAW_DECODER = msgspec.json.Decoder(msgspec.Raw)
_RAW_ARRAY_DECODER = msgspec.json.Decoder(list[msgspec.Raw])
_RAW_OBJECT_DECODER = msgspec.json.Decoder(dict[str, msgspec.Raw])
_OBJECT_DECODER = msgspec.json.Decoder(dict[str, Any])
_DECODE_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
# Raised where JSON is fine but not of the type asked for, and also where it isn't JSON at all.


def decode(body: bytes, content_type: str | None = None) -> Decoded:
    """Turn a body into columns and rejects.

    ``application/x-ndjson`` (or ``jsonl``) is read line by line. Any other content type is told by the body itself.
    A line that is not JSON is a reject; a body that is not JSON as a whole is an error, for then nobody can say
    where its records begin. Half a surrogate pair, which JSON may spell and no text can hold, becomes U+FFFD.

    Raises:
        MalformedBody: the body is empty or is not JSON.
        PayloadTooLarge: it may hold more records than a request can be worked on with.
    """
    if not body or body.isspace():
        raise MalformedBody('the body is empty; send one log, an array of logs, or {"logs": [...]}')
    # Counting is not free, and a body that is shorter than its limit can't hold so many.
    if (len(body) > MAX_OBJECTS and body.count(b"{") > MAX_OBJECTS) or (
        len(body) > MAX_LINES and body.count(b"\n") > MAX_LINES
    ):
        detail = f"a body may hold {MAX_OBJECTS:,} JSON objects and {MAX_LINES:,} lines; send it in smaller parts"
        raise PayloadTooLarge(detail)
    is_lines = content_type is not None and _LINES_TYPE.search(content_type) is not None
    try:
        return _decode_typed(body, is_lines=is_lines)
    except _DECODE_ERRORS:
        pass
    body = _readable(body)
    if is_lines:
        return _decode_each_line(body)
    return _decode_array(body) if _begins_with(b"[", body) else _decode_object_or_lines(body)


def _decode_typed(body: bytes, *, is_lines: bool) -> Decoded:
    records = _typed_records(body, is_lines=is_lines)
    columns = RecordColumns(*map(list, zip(*map(astuple, records), strict=True))) if records else RecordColumns()
    return Decoded(columns, [], lambda: _raw_records(body, is_lines=is_lines))


def _typed_records(body: bytes, *, is_lines: bool) -> list[_Record]:
    """The records, if every one of them is as documented; raises ``_DECODE_ERRORS`` otherwise."""
    if is_lines:
        return _RECORD_DECODER.decode_lines(body)
    if _ENVELOPE.match(body):
        return _ENVELOPE_DECODER.decode(body).logs
    if _begins_with(b"[", body):
        return _ARRAY_DECODER.decode(body)
    return [_RECORD_DECODER.decode(body)]


def _raw_records(body: bytes, *, is_lines: bool) -> list[bytes]:
    """The records that ``_typed_records`` finds, as they came."""
    if is_lines:
        return list(map(bytes, _RAW_DECODER.decode_lines(body)))
    if _ENVELOPE.match(body):
        body = bytes(_RAW_OBJECT_DECODER.decode(body)["logs"])
    return list(map(bytes, _RAW_ARRAY_DECODER.decode(body))) if _begins_with(b"[", body) else [body]


def _begins_with(character: bytes, body: bytes) -> bool:
    return body.lstrip()[:1] == character


def _readable(body: bytes) -> bytes:
    """The body without a byte order mark and without halves of surrogate pairs."""
    body = body.removeprefix(_BYTE_ORDER_MARK)
    if _MAYBE_LONE_SURROGATE.search(body) is None:
        return body
    return _ESCAPE.sub(lambda escape: rb"\ufffd" if escape[1] else escape[0], body)


def _decode_array(body: bytes) -> Decoded:
    try:
        raws = _RAW_ARRAY_DECODER.decode(body)
    except _DECODE_ERRORS as error:
        raise _malformed(error) from error
    return _decode_each(bytes(raw) for raw in raws)


def _decode_object_or_lines(body: bytes) -> Decoded:
    try:
        fields = _RAW_OBJECT_DECODER.decode(body)
    except _DECODE_ERRORS as error:
        if _is_several_lines(body):
            return _decode_lines(body)
        raise _malformed(error) from error
    return _from_envelope(fields) if "logs" in fields else _decode_each([body])


def _from_envelope(envelope: dict[str, msgspec.Raw]) -> Decoded:
    unknown = sorted(envelope.keys() - {"logs"})
    if unknown:
        raise MalformedBody(f'unknown field {unknown[0]!r} beside "logs"; put it into each log')
    return _decode_array(bytes(envelope["logs"]))


def _is_several_lines(body: bytes) -> bool:
    """Whether a body that is no object begins with a line that is: then the others are logs too, not parts of one."""
    first, _, _ = body.lstrip().partition(b"\n")
    try:
        _RAW_OBJECT_DECODER.decode(first)
    except _DECODE_ERRORS:
        return False
    return True


def _decode_lines(body: bytes) -> Decoded:
    try:
        return _decode_typed(body, is_lines=True)
    except _DECODE_ERRORS:
        return _decode_each_line(body)


def _decode_each_line(body: bytes) -> Decoded:
    return _decode_each(line for line in body.split(b"\n") if line.strip())


def _malformed(error: Exception) -> MalformedBody:
    return MalformedBody(f"the body is not JSON of a known form: {error}")


def _decode_each(raws: Iterable[bytes]) -> Decoded:
    columns, rejects, kept = RecordColumns(), [], []
    for raw in raws:
        fields = _decode_one(raw)
        if isinstance(fields, Reject):
            rejects.append(fields)
            continue
        for name in _FIELDS:
            getattr(columns, name).append(fields[name])
        kept.append(raw)
    return Decoded(columns, rejects, lambda: kept)


def _decode_one(raw: bytes) -> dict[str, Any] | Reject:
    """One record's fields; those that Tocsin has no place for go into its metadata, so that nothing is lost."""
    try:
        record = _OBJECT_DECODER.decode(raw)
    except msgspec.ValidationError as error:
        if raw.lstrip()[:1] != b"{":
            return Reject(RejectReason.NOT_AN_OBJECT, "a log is a JSON object", raw)
        return Reject(RejectReason.MALFORMED_JSON, str(error), raw)
    except _DECODE_ERRORS as error:
        return Reject(RejectReason.MALFORMED_JSON, str(error), raw)
    fields = {name: record.pop(name, None) for name in _FIELDS}
    for spelling, name in _SPELLINGS.items():
        if spelling in record and fields[name] is None:
            fields[name] = record.pop(spelling)
    metadata = fields["metadata"]
    if record and (metadata is None or isinstance(metadata, dict)):
        fields["metadata"] = record | (metadata or {})
    return fields
