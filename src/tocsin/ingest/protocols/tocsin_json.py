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
from tocsin.kit.errors import MalformedBody

_ENVELOPE = re.compile(rb'\s*\{\s*"logs"\s*:')
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
    occurrence: object = 0


class _Envelope(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    logs: list[_Record]


_ENVELOPE_DECODER = msgspec.json.Decoder(_Envelope)
_ARRAY_DECODER = msgspec.json.Decoder(list[_Record])
_RECORD_DECODER = msgspec.json.Decoder(_Record)
_RAW_ARRAY_DECODER = msgspec.json.Decoder(list[msgspec.Raw])
_RAW_OBJECT_DECODER = msgspec.json.Decoder(dict[str, msgspec.Raw])
_OBJECT_DECODER = msgspec.json.Decoder(dict[str, Any])
_DECODE_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
# Raised where JSON is fine but not of the type asked for, and also where it isn't JSON at all.


def decode(body: bytes, content_type: str | None = None) -> Decoded:
    """Turn a body into columns and rejects.

    ``application/x-ndjson`` (or ``jsonl``) is read line by line. Any other content type is told by the body itself.
    A line that is not JSON is a reject; a body that is not JSON as a whole is an error, for then nobody can say
    where its records begin.

    Raises:
        MalformedBody: the body is empty or is not JSON.
    """
    if not body or body.isspace():
        raise MalformedBody('the body is empty; send one log, an array of logs, or {"logs": [...]}')
    if content_type is not None and ("ndjson" in content_type or "jsonl" in content_type or "json-seq" in content_type):
        return _decode_lines(body)
    if _ENVELOPE.match(body):
        return _decode_envelope(body)
    if body.lstrip()[:1] == b"[":
        return _decode_array(body)
    return _decode_object_or_lines(body)


def _decode_envelope(body: bytes) -> Decoded:
    try:
        return _from_records(_ENVELOPE_DECODER.decode(body).logs)
    except _DECODE_ERRORS:
        pass
    try:
        envelope = _RAW_OBJECT_DECODER.decode(body)
    except _DECODE_ERRORS as error:
        if b"\n" in body.strip():
            return _decode_lines(body)
        raise _malformed(error) from error
    return _from_envelope(envelope)


def _from_envelope(envelope: dict[str, msgspec.Raw]) -> Decoded:
    unknown = sorted(envelope.keys() - {"logs"})
    if unknown:
        raise MalformedBody(f'unknown field {unknown[0]!r} beside "logs"; put it into each log')
    return _decode_array(bytes(envelope["logs"]))


def _decode_array(body: bytes) -> Decoded:
    try:
        return _from_records(_ARRAY_DECODER.decode(body))
    except _DECODE_ERRORS:
        pass
    try:
        raws = _RAW_ARRAY_DECODER.decode(body)
    except _DECODE_ERRORS as error:
        raise _malformed(error) from error
    return _decode_each(bytes(raw) for raw in raws)


def _decode_object_or_lines(body: bytes) -> Decoded:
    try:
        return _from_records([_RECORD_DECODER.decode(body)])
    except _DECODE_ERRORS:
        pass
    try:
        fields = _RAW_OBJECT_DECODER.decode(body)
    except _DECODE_ERRORS as error:
        if b"\n" in body.strip() and body.lstrip()[:1] == b"{":
            return _decode_lines(body)
        raise _malformed(error) from error
    if "logs" in fields:
        return _from_envelope(fields)
    return _decode_each([body])


def _decode_lines(body: bytes) -> Decoded:
    try:
        return _from_records(_RECORD_DECODER.decode_lines(body))
    except _DECODE_ERRORS:
        return _decode_each(line for line in body.splitlines() if line.strip())


def _malformed(error: Exception) -> MalformedBody:
    return MalformedBody(f"the body is not JSON of a known form: {error}")


def _from_records(records: list[_Record]) -> Decoded:
    if not records:
        return Decoded(RecordColumns(), [])
    return Decoded(RecordColumns(*map(list, zip(*map(astuple, records), strict=True))), [])


def _decode_each(raws: Iterable[bytes]) -> Decoded:
    columns, rejects = RecordColumns(), []
    for raw in raws:
        fields = _decode_one(raw)
        if isinstance(fields, Reject):
            rejects.append(fields)
            continue
        for name in _FIELDS:
            getattr(columns, name).append(fields[name])
    return Decoded(columns, rejects)


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
    fields["occurrence"] = fields["occurrence"] or 0
    for spelling, name in _SPELLINGS.items():
        if spelling in record and fields[name] is None:
            fields[name] = record.pop(spelling)
    metadata = fields["metadata"]
    if record and (metadata is None or isinstance(metadata, dict)):
        fields["metadata"] = record | (metadata or {})
    return fields
