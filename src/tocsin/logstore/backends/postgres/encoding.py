"""Between Arrow and PostgreSQL's rows: what a column holds on either side.

PostgreSQL's texts can't hold NUL. So NUL is written as U+0001 U+0002, and U+0001 as U+0001 U+0003: no two texts become
one, their order stays, and none of the three is part of a token. Unsigned 64-bit numbers are kept as signed ones with
the same bits.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import numpy as np
import polars as pl
import polars_hash  # noqa: F401  (registers the ``nchash`` namespace on expressions)
import pyarrow as pa

from tocsin.logmodel.batch import STORED_LOG_SCHEMA, LogBatch
from tocsin.logmodel.metadata import text_of
from tocsin.query.tokens import tokens_of

_ESCAPE, _ESCAPED_NUL, _ESCAPED_ESCAPE = "\x01", "\x01\x02", "\x01\x03"
_SECOND_HALVES = frozenset("\x02\x03")
_ASCII_TOKEN = "[0-9a-z_]+"
_ESCAPED_IN_JSON = ("\\u0000", "\\u0001")
_DECODER = msgspec.json.Decoder(dict[str, Any])
_ENCODER = msgspec.json.Encoder()
_INT64_SIGN = 1 << 63


def escaped(text: str) -> str:
    """The text as it is stored."""
    return text.replace(_ESCAPE, _ESCAPED_ESCAPE).replace("\0", _ESCAPED_NUL)


def unescaped(stored: str) -> str:
    """The text that was stored so."""
    if _ESCAPE not in stored:
        return stored
    return stored.replace(_ESCAPED_NUL, "\0").replace(_ESCAPED_ESCAPE, _ESCAPE)


def found_only_where_it_is(part: str) -> bool:
    """Whether a stored text holds this part, escaped, only if the text itself holds the part."""
    return _SECOND_HALVES.isdisjoint(part)


def signed(number: int) -> int:
    """The signed number with the bits of this unsigned one."""
    return number - 2 * _INT64_SIGN if number >= _INT64_SIGN else number


def unsigned(number: int) -> int:
    """The unsigned number with the bits of this signed one."""
    return number + 2 * _INT64_SIGN if number < 0 else number


def word_hashes(tokens: Iterable[str]) -> list[int]:
    """The 64-bit hashes (xxh3) by which messages are found that hold these folded tokens."""
    frame = pl.DataFrame({"token": list(tokens)}, schema={"token": pl.String})
    return frame.select(_hash(pl.col("token"))).to_series().to_list()


def fields_texts(metadata: Sequence[str]) -> list[str]:
    """Canonical metadata as the JSON objects that are searched: every value as ``text_of`` says, escaped."""
    lines = "\n".join(metadata)
    objects: list[dict[str, Any]] = _DECODER.decode_lines(lines)
    if any(character in lines for character in _ESCAPED_IN_JSON):
        objects = [{escaped(key): escaped(text_of(value)) for key, value in each.items()} for each in objects]
    for each in objects:
        for key, value in each.items():
            if not isinstance(value, str):
                each[key] = text_of(value)
    # A JSON text has no raw newline.
    return _ENCODER.encode_lines(objects).decode().split("\n")[:-1]


def copy_lines(batch: LogBatch) -> bytes:
    """The batch as CSV for ``COPY``, in the order of ``schema.INCOMING_COLUMNS``; every text in quotes."""
    frame = pl.DataFrame(pl.from_arrow(batch.rows.drop_columns(["metadata"])))
    metadata: list[str] = batch.rows["metadata"].to_pylist()
    lines = frame.select(
        pl.int_range(pl.len()).alias("position"),
        pl.col("timestamp", "observed_timestamp").to_physical(),
        pl.col("content_hash", "shape").reinterpret(signed=True),
        "severity_number",
        _escaped_column("service"),
        _escaped_column("message"),
        pl.Series("metadata", metadata, pl.String),
        pl.Series("fields", fields_texts(metadata), pl.String),
        _words_column(frame["message"]),
        _bytea_column("trace_id"),
        _bytea_column("span_id"),
    )
    return lines.write_csv(include_header=False, quote_style="non_numeric").encode()


def stored_batch(rows: Sequence[Sequence[Any]]) -> pa.RecordBatch:
    """Rows of ``schema.LOG_COLUMNS`` in ``STORED_LOG_SCHEMA``."""
    columns = list(zip(*rows, strict=True)) or [()] * len(STORED_LOG_SCHEMA)
    arrays = [_arrow_column(field.type, values) for field, values in zip(STORED_LOG_SCHEMA, columns, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=STORED_LOG_SCHEMA)


def _arrow_column(kind: pa.DataType, values: Sequence[Any]) -> pa.Array:
    if pa.types.is_large_string(kind):
        return pa.array([unescaped(value) for value in values], kind)
    if pa.types.is_timestamp(kind):
        return pa.array(np.array(values, dtype=np.int64)).cast(kind)
    if pa.types.is_uint64(kind):
        return pa.array(np.array(values, dtype=np.int64).view(np.uint64))
    return pa.array(values, kind)


def _escaped_column(name: str) -> pl.Expr:
    return (
        pl.col(name)
        .str.replace_all(_ESCAPE, _ESCAPED_ESCAPE, literal=True)
        .str.replace_all("\0", _ESCAPED_NUL, literal=True)
    )


def _bytea_column(name: str) -> pl.Expr:
    return pl.format("\\x{}", pl.col(name).bin.encode("hex")).alias(name)


def _words_column(messages: pl.Series) -> pl.Series:
    """The hashes of each message's tokens as an array in PostgreSQL's notation."""
    is_ascii = messages.str.len_bytes() == messages.str.len_chars()
    tokens = messages.str.to_lowercase().str.extract_all(_ASCII_TOKEN)
    if not is_ascii.all():
        # Beyond ASCII, folding and the borders of tokens are what query.tokens says.
        others = pl.Series([[] if plain else tokens_of(text) for plain, text in zip(is_ascii, messages, strict=True)])
        tokens = tokens.zip_with(is_ascii, others.cast(pl.List(pl.String)))
    hashes = pl.col("token").list.unique().list.eval(_hash(pl.element()).cast(pl.String))
    return tokens.to_frame("token").select(pl.format("{{{}}}", hashes.list.join(",")).alias("words")).to_series()


def _hash(tokens: pl.Expr) -> pl.Expr:
    hashed: pl.Expr = tokens.nchash.xxh3_64().reinterpret(signed=True)  # type: ignore[attr-defined]
    return hashed
