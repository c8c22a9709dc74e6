"""Untrusted columns → columns in one form, with a refusal for every record that can't be stored.

Works on whole columns. Each check first asks whether the whole column is fine (``set(map(type, …))`` and the like,
which run in C); only where it is not are single values looked at.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import compress, repeat

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from tocsin.ingest.contracts import RecordColumns, RejectReason
from tocsin.ingest.timestamps import INVALID, parse_timestamps
from tocsin.kit.moments import NANOSECONDS_A_SECOND
from tocsin.logmodel.batch import LOG_SCHEMA, LogBatch
from tocsin.logmodel.ids import SPAN_ID_BYTES, TRACE_ID_BYTES, content_hashes, pack_hex_ids, pack_uniform_hex_ids
from tocsin.logmodel.levels import UNSPECIFIED_SEVERITY, severity_of
from tocsin.logmodel.masking import shapes
from tocsin.logmodel.metadata import MAX_KEYS, canonical_column

MAX_MESSAGE_BYTES = 1 << 20
"""A larger message makes its record a dead letter."""

MAX_METADATA_BYTES = 256 << 10
"""Metadata whose canonical text is larger makes its record a dead letter."""

MAX_SERVICE_CHARACTERS = 256
MAX_ID_CHARACTERS = 256
"""The longest trace or span id; those of OpenTelemetry have 32 and 16 digits."""

MAX_AHEAD_NANO = 24 * 3600 * NANOSECONDS_A_SECOND
"""A timestamp further ahead of the clock than this is a mistake, and would hide behind every search's range."""

_INSTANT = pa.timestamp("ns", "UTC")
_OCCURRENCES = range(2**31)
_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f]")
_TRACE_SPELLINGS = ("trace_id", "traceId", "traceID", "trace.id", "otelTraceID", "dd.trace_id")
_SPAN_SPELLINGS = ("span_id", "spanId", "spanID", "span.id", "otelSpanID", "dd.span_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What intake adds to the records of several requests."""

    #: When they are being stored.
    received_unix_nano: int
    #: For each request, the timestamp of its records without one. No two have the same, unless one is the other sent
    #: again: else what both say in the same words would be taken for one log.
    default_timestamps_unix_nano: Sequence[int]
    default_service: str
    #: Whether records may name another service than the default one.
    allows_other_services: bool
    content_hash_seed: int
    #: Services whose logs are not stored.
    inactive_services: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Refusal:
    """A record that can't be stored."""

    #: The request that it came with, and its row there.
    source: int
    row: int
    reason: RejectReason
    detail: str
    #: The service that the record names, where that is why.
    service: str | None = None


@dataclass(frozen=True, slots=True)
class Normalised:
    """A batch that can be stored, and the records that can't."""

    batch: LogBatch
    #: The request that each row of the batch came with.
    sources: npt.NDArray[np.uint32]
    refusals: list[Refusal]


def join(parts: Sequence["Checked"], stamp: Stamp) -> Normalised:
    """Make one batch of several requests that were checked, in the order given."""
    numbers = np.array([part.source for part in parts], dtype=np.uint32)
    sources = np.repeat(numbers, [part.columns.num_rows for part in parts])
    batches = [part.columns for part in parts] or [pa.RecordBatch.from_pylist([], schema=_CHECKED_SCHEMA)]
    rows = pa.concat_batches(batches)
    refusals = [refusal for part in parts for refusal in part.refusals]
    return Normalised(_batch(rows, sources, stamp), sources, refusals)


_CHECKED_SCHEMA = pa.schema(
    [
        ("timestamp", pa.int64()),
        ("severity_number", pa.uint8()),
        ("service", pa.large_string()),
        ("message", pa.large_string()),
        ("metadata", pa.large_string()),
        ("trace_text", pa.large_string()),
        ("trace_id", pa.large_binary()),
        ("span_text", pa.large_string()),
        ("span_id", pa.large_binary()),
        ("occurrence", pa.int64()),
    ]
)


@dataclass(frozen=True, slots=True)
class Checked:
    """One request's records that passed, as columns of bytes, and the others."""

    source: int
    columns: pa.RecordBatch
    refusals: list[Refusal]


def check(records: RecordColumns, source: int, stamp: Stamp) -> Checked:
    """Check one request, the ``source``-th of the stamp's; never raises for what a sender wrote.

    Best done right after decoding it.

    Its objects are in the processor's cache then, and are columns of bytes afterwards: looked at later, by another
    thread, each costs twice the time.
    """
    sieve = _Sieve(records, source)
    sieve.check_messages()
    timestamps = sieve.timestamps(stamp)
    sieve.services(stamp)
    sieve.metadata_objects()
    sieve.occurrences()
    if sieve.refusals:
        timestamps = timestamps[sieve.keep]
        sieve.drop_rejected()
    severities = _severities(sieve.records)
    _ids_from_metadata(sieve.records)
    trace_ids = sieve.ids("trace_id", width_bytes=TRACE_ID_BYTES)
    span_ids = sieve.ids("span_id", width_bytes=SPAN_ID_BYTES)
    metadata = canonical_column(sieve.records.metadata)  # type: ignore[arg-type]  # all are objects now
    sieve.check_metadata_sizes(metadata)
    arrays = [
        pa.array(timestamps),
        pa.array(severities),
        pa.array(sieve.records.service, pa.large_string()),
        pa.array(sieve.records.message, pa.large_string()),
        metadata,
        pa.array(trace_ids.texts, pa.large_string()),
        trace_ids.packed,
        pa.array(span_ids.texts, pa.large_string()),
        span_ids.packed,
        pa.array(sieve.records.occurrence, pa.int64()),
    ]
    columns = pa.RecordBatch.from_arrays(arrays, schema=_CHECKED_SCHEMA)
    if not sieve.keep.all():
        columns = columns.filter(pa.array(sieve.keep))
    return Checked(source, columns, sieve.refusals)


@dataclass(frozen=True, slots=True)
class _Ids:
    """Trace or span ids, as text and packed."""

    texts: list[str]
    packed: pa.LargeBinaryArray


class _Sieve:
    """One request's records on their way through the checks; ``keep`` is False for those that failed one."""

    def __init__(self, records: RecordColumns, source: int) -> None:
        self.records = records
        self.source = source
        self.rows = np.arange(len(records))
        self.refusals: list[Refusal] = []
        self.keep = np.ones(len(records), dtype=np.bool_)

    def reject(self, row: int, reason: RejectReason, detail: str, *, service: str | None = None) -> None:
        """Fail one record, once: the first reason is the one that is told."""
        if self.keep[row]:
            self.keep[row] = False
            self.refusals.append(Refusal(self.source, int(self.rows[row]), reason, detail, service))

    def drop_rejected(self) -> None:
        """Leave the failed records behind; row numbers change."""
        kept = {name: list(compress(getattr(self.records, name), self.keep)) for name in RecordColumns.__slots__}
        self.records = RecordColumns(**kept)
        self.rows = self.rows[self.keep]
        self.keep = np.ones(len(self.records), dtype=np.bool_)

    def check_messages(self) -> None:
        """A message is text, of at most ``MAX_MESSAGE_BYTES``."""
        messages = self.records.message
        # No text has more than four bytes a character, so short ones need no encoding to be measured.
        if set(map(type, messages)) <= {str} and 4 * max(map(len, messages), default=0) <= MAX_MESSAGE_BYTES:  # type: ignore[arg-type]
            return
        for row, message in enumerate(messages):
            if message is None:
                self.reject(row, RejectReason.MESSAGE_MISSING, 'a log needs a "message"')
            elif not isinstance(message, str):
                self.reject(row, RejectReason.MESSAGE_NOT_TEXT, f'"message" is {_kind(message)}, not text')
            elif len(message.encode()) > MAX_MESSAGE_BYTES:
                detail = f"the message has {len(message.encode()):,} bytes; at most {MAX_MESSAGE_BYTES:,} are stored"
                self.reject(row, RejectReason.MESSAGE_TOO_LARGE, detail)

    def timestamps(self, stamp: Stamp) -> npt.NDArray[np.int64]:
        """All timestamps, those of failed records included."""
        written = self.records.timestamp
        parsed = parse_timestamps(written, missing=stamp.default_timestamps_unix_nano[self.source])
        latest = stamp.received_unix_nano + MAX_AHEAD_NANO
        for row in np.flatnonzero((parsed < 0) | (parsed > latest)).tolist():
            if parsed[row] == INVALID:
                detail = f"{written[row]!r:.100} is neither RFC 3339 nor a number since the epoch"
                self.reject(row, RejectReason.BAD_TIMESTAMP, detail)
            else:
                detail = f"{written[row]!r:.100} is before 1970 or more than a day ahead of the server's clock"
                self.reject(row, RejectReason.TIMESTAMP_OUT_OF_RANGE, detail)
        return parsed

    def services(self, stamp: Stamp) -> None:
        """Put the default service where none is named, and refuse names that are none."""
        services = self.records.service
        kinds = set(map(type, services))
        if not kinds <= {str}:
            self.records.service = services = [stamp.default_service if name is None else name for name in services]
        names = set(services) if kinds <= {str, type(None)} else None
        bad = None if names is None else {name: _service_fault(name, stamp) for name in names}
        if bad is not None and not any(bad.values()):
            return
        for row, name in enumerate(services):
            fault = _service_fault(name, stamp)
            if fault is not None:
                named = name if isinstance(name, str) and fault[0] is not RejectReason.BAD_SERVICE else None
                self.reject(row, *fault, service=named)

    def metadata_objects(self) -> None:
        """Metadata is an object, or absent."""
        rows = self.records.metadata
        kinds = set(map(type, rows))
        if kinds <= {dict}:
            return
        for row, metadata in enumerate(rows):
            if metadata is None:
                rows[row] = {}
            elif not isinstance(metadata, dict):
                detail = f'"metadata" is {_kind(metadata)}, not an object'
                self.reject(row, RejectReason.METADATA_NOT_AN_OBJECT, detail)

    def occurrences(self) -> None:
        """An occurrence number is a whole number, not negative and not astronomical; 0 where none is written."""
        occurrences = self.records.occurrence
        if occurrences.count(None) == len(occurrences):
            occurrences[:] = repeat(0, len(occurrences))
            return
        if set(map(type, occurrences)) <= {int} and all(map(_OCCURRENCES.__contains__, occurrences)):
            return
        for row, occurrence in enumerate(occurrences):
            if occurrence is None:
                occurrences[row] = 0
            elif type(occurrence) is not int or occurrence not in _OCCURRENCES:
                self.reject(row, RejectReason.BAD_OCCURRENCE, f'"occurrence" is not in 0..{_OCCURRENCES[-1]}')

    def ids(self, name: str, *, width_bytes: int) -> "_Ids":
        """Trace or span ids, empty where there is none; hexadecimal digits in lower case."""
        values = getattr(self.records, name)
        if set(map(type, values)) <= {str}:
            packed = pack_uniform_hex_ids(values, width_bytes=width_bytes)
            if packed is not None:
                return _Ids(values, packed)
        texts = [self._id(row, name, value) for row, value in enumerate(values)]
        return _Ids(texts, pack_hex_ids(texts, width_bytes=width_bytes))

    def _id(self, row: int, name: str, value: object) -> str:
        if value is None:
            return ""
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str):
            self.reject(row, RejectReason.BAD_TRACE_OR_SPAN_ID, f"{name!r} is {_kind(value)}, not text")
            return ""
        if len(value) > MAX_ID_CHARACTERS or _CONTROL_CHARACTER.search(value):
            detail = f"{name!r} has control characters, or more than {MAX_ID_CHARACTERS} characters"
            self.reject(row, RejectReason.BAD_TRACE_OR_SPAN_ID, detail)
            return ""
        return value.lower() if _is_hex(value) else value

    def check_metadata_sizes(self, metadata: pa.LargeStringArray) -> None:
        """Canonical metadata has at most ``MAX_METADATA_BYTES`` and ``MAX_KEYS`` keys."""
        sizes = np.diff(np.frombuffer(metadata.buffers()[1], dtype=np.int64, count=len(metadata) + 1))
        # A key needs at least five bytes (``"":0,``), so small texts can't hold too many.
        for row in np.flatnonzero(sizes > 5 * MAX_KEYS).tolist():
            keys = len(msgspec.json.decode(metadata[row].as_py()))
            if sizes[row] > MAX_METADATA_BYTES or keys > MAX_KEYS:
                detail = (
                    f"metadata has {sizes[row]:,} bytes and {keys:,} keys; "
                    f"at most {MAX_METADATA_BYTES:,} and {MAX_KEYS} are stored"
                )
                self.reject(row, RejectReason.METADATA_TOO_LARGE, detail)


def _batch(rows: pa.RecordBatch, sources: npt.NDArray[np.uint32], stamp: Stamp) -> LogBatch:
    frame = pl.DataFrame(
        {
            "source": sources,
            "occurrence": pl.from_arrow(rows["occurrence"]),
            "timestamp": pl.from_arrow(rows["timestamp"]),
            "severity_number": pl.from_arrow(rows["severity_number"]),
            "service": pl.from_arrow(rows["service"]),
            "message": pl.from_arrow(rows["message"]),
            "trace_id": pl.from_arrow(rows["trace_text"]),
            "span_id": pl.from_arrow(rows["span_text"]),
            "metadata": pl.from_arrow(rows["metadata"]),
        }
    )
    derived = {
        "timestamp": rows["timestamp"].view(_INSTANT),
        "observed_timestamp": pa.array(np.full(rows.num_rows, stamp.received_unix_nano)).view(_INSTANT),
        "content_hash": content_hashes(frame, seed=stamp.content_hash_seed).to_arrow(),
        "shape": frame.select(shapes(pl.col("message"))).to_series().to_arrow(),
    }
    columns = [derived[name] if name in derived else rows[name] for name in LOG_SCHEMA.names]
    return LogBatch(pa.RecordBatch.from_arrays(columns, schema=LOG_SCHEMA))


def _severities(records: RecordColumns) -> npt.NDArray[np.uint8]:
    """Severity numbers; a level that nobody knows counts as INFO and is kept as ``severity_text`` in the metadata."""
    levels = records.level
    if not set(map(type, levels)) <= {str, int, type(None)}:
        # Others may not be hashable, or be equal to a number: True == 1 == 1.0.
        levels[:] = map(_hashable_level, levels)
    known = {level: _severity(level) for level in set(levels)}
    if None in known.values():
        for row, level in enumerate(levels):
            if known[level] is None:
                metadata: dict[str, object] = records.metadata[row]  # type: ignore[assignment]
                records.metadata[row] = {"severity_text": level} | metadata
        known = {level: UNSPECIFIED_SEVERITY if number is None else number for level, number in known.items()}
    numbers: Callable[[object], int] = known.__getitem__  # type: ignore[assignment]
    return np.fromiter(map(numbers, levels), np.uint8, len(levels))


def _hashable_level(level: object) -> object:
    if type(level) in (str, int, type(None)):
        return level
    if isinstance(level, float) and level.is_integer():
        return int(level)
    return msgspec.json.encode(level).decode()


def _severity(level: object) -> int | None:
    return UNSPECIFIED_SEVERITY if level is None or level == "" else severity_of(level)


def _ids_from_metadata(records: RecordColumns) -> None:
    """Fill in trace and span ids that stand in the metadata under their usual names."""
    for values, spellings in ((records.trace_id, _TRACE_SPELLINGS), (records.span_id, _SPAN_SPELLINGS)):
        if all(values):
            continue
        for row, metadata in enumerate(records.metadata):
            if metadata and (values[row] is None or values[row] == ""):
                values[row] = _first_id(metadata, spellings)  # type: ignore[arg-type]


def _first_id(metadata: dict[str, object], spellings: tuple[str, ...]) -> object:
    for spelling in spellings:
        value = metadata.get(spelling)
        if isinstance(value, str | int) and not isinstance(value, bool) and 0 < len(str(value)) <= MAX_ID_CHARACTERS:
            return None if _CONTROL_CHARACTER.search(str(value)) else value
    return None


def _service_fault(name: object, stamp: Stamp) -> tuple[RejectReason, str] | None:
    if not isinstance(name, str):
        return RejectReason.BAD_SERVICE, f'"service" is {_kind(name)}, not text'
    if not name.strip() or len(name) > MAX_SERVICE_CHARACTERS or _CONTROL_CHARACTER.search(name):
        detail = f"a service's name has 1 to {MAX_SERVICE_CHARACTERS} characters and no control characters"
        return RejectReason.BAD_SERVICE, detail
    if name != stamp.default_service and not stamp.allows_other_services:
        return RejectReason.SERVICE_NOT_ALLOWED, f"this key writes only logs of {stamp.default_service!r}"
    if name in stamp.inactive_services:
        return RejectReason.SERVICE_INACTIVE, f"the service {name!r} is inactive; activate it to store its logs"
    return None


def _is_hex(text: str) -> bool:
    return all(character in "0123456789abcdefABCDEF" for character in text)


def _kind(value: object) -> str:
    names = {dict: "an object", list: "an array", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number" if isinstance(value, int | float) else "text")
