"""Ids: content hashes, log ids, and trace and span ids packed into bytes.

A log's id is made of its own content, so the same log sent again, by whatever protocol, is recognised.
"""

import binascii
from collections.abc import Sequence
from uuid import UUID

import numpy as np
import polars as pl
import polars_hash  # noqa: F401  (registers the ``nchash`` namespace on expressions)
import pyarrow as pa

_HASH_LOW_BITS = 52
_HASH_LOW_MASK = (1 << _HASH_LOW_BITS) - 1
_LOW_SHIFT = 62 - _HASH_LOW_BITS

TRACE_ID_BYTES = 16
SPAN_ID_BYTES = 8


def content_hashes(frame: pl.DataFrame, *, seed: int) -> pl.Series:
    """Hash each row's content together with its occurrence number among identical rows of its source.

    The canonical form is ``service ∅ timestamp ∅ severity_number ∅ trace_id ∅ span_id ∅ metadata ∅ message`` with
    NUL for ∅, the timestamp in decimal nanoseconds and the metadata in canonical form. The first occurrence's hash
    is xxh3-64 of that; the k-th further occurrence's is xxh3-64 of ``<first hash>:<k>``.

    Args:
        frame: columns ``service, timestamp, severity_number, trace_id, span_id, metadata, message``, of which
            ``timestamp`` is Int64 and ids are text; ``source``, which numbers the request, file or stream; and
            ``occurrence``, how many identical rows of its file or stream came before a row's source.
        seed: the organization's 64-bit key, so that hashes can't be compared across organizations.

    Source: xxHash specification, XXH3-64 with seed.
    """
    canonical = pl.concat_str(
        "service",
        pl.col("timestamp").cast(pl.String),
        pl.col("severity_number").cast(pl.String),
        "trace_id",
        "span_id",
        "metadata",
        "message",
        separator="\0",
    )
    hashes = frame.select(canonical.nchash.xxh3_64(seed=seed).alias("hash")).to_series()  # type: ignore[attr-defined]
    if hashes.n_unique() == len(hashes) and frame["occurrence"].max() == 0:
        return hashes
    return _number_occurrences(frame.select("source", "occurrence", hashes.alias("hash")), seed=seed)


def _number_occurrences(frame: pl.DataFrame, *, seed: int) -> pl.Series:
    same = ("hash", "source")
    rank = pl.int_range(pl.len(), dtype=pl.Int64).over(same)
    # The number that the row came with, or the one after its predecessor's where that is larger: never one twice.
    numbered = frame.with_columns(occurrence=rank + (pl.col("occurrence") - rank).cum_max().over(same))
    rehashed = pl.concat_str(
        pl.col("hash").cast(pl.String), pl.col("occurrence").cast(pl.String), separator=":"
    ).nchash.xxh3_64(seed=seed)  # type: ignore[attr-defined]
    return numbered.select(
        pl.when(pl.col("occurrence") == 0).then(pl.col("hash")).otherwise(rehashed).alias("hash")
    ).to_series()


def log_id(timestamp_unix_nano: int, content_hash: int) -> UUID:
    """The id of a log: 48 bits of milliseconds, then the 64 bits of its content hash, as a version 8 UUID.

    Source: RFC 9562 §5.8 (custom layout): unix_ts_ms | ver | hash[63:52] | var | hash[51:0] | ten zero bits.
    """
    milliseconds = (timestamp_unix_nano // 1_000_000) & 0xFFFF_FFFF_FFFF
    high = (milliseconds << 16) | (8 << 12) | (content_hash >> _HASH_LOW_BITS)
    low = (0b10 << 62) | ((content_hash & _HASH_LOW_MASK) << _LOW_SHIFT)
    return UUID(int=(high << 64) | low)


def parse_log_id(identifier: UUID) -> tuple[int, int]:
    """Take an id apart into (milliseconds since the epoch, content hash).

    Raises:
        ValueError: it is a UUID, but not one that ``log_id`` makes.
    """
    high, low = identifier.int >> 64, identifier.int & (2**64 - 1)
    if identifier.version != 8 or low >> 62 != 0b10 or low & ((1 << _LOW_SHIFT) - 1):
        raise ValueError(f"{identifier} is not the id of a log")
    content_hash = ((high & 0xFFF) << _HASH_LOW_BITS) | ((low >> _LOW_SHIFT) & _HASH_LOW_MASK)
    return high >> 16, content_hash


def pack_hex_ids(ids: Sequence[str], *, width_bytes: int) -> pa.LargeBinaryArray:
    """Pack trace or span ids: ``2 * width_bytes`` lower-case hex digits become ``width_bytes`` bytes.

    Any other text is kept as its UTF-8 bytes, with one NUL appended where it would be taken for a packed id;
    an empty id stays empty. ``unpack_hex_id`` is the inverse for every text without a NUL.
    """
    packed = pack_uniform_hex_ids(ids, width_bytes=width_bytes)
    if packed is not None:
        return packed
    return pa.array([pack_hex_id(text, width_bytes=width_bytes) for text in ids], pa.large_binary())


def pack_uniform_hex_ids(ids: Sequence[str], *, width_bytes: int) -> pa.LargeBinaryArray | None:
    """Pack ids that are all empty or packable, at once; None if one is neither."""
    lengths = np.fromiter(map(len, ids), np.int64, len(ids))
    if not ((lengths == 0) | (lengths == 2 * width_bytes)).all():
        return None
    joined = "".join(ids)
    try:
        data = binascii.unhexlify(joined)
    except ValueError:
        return None
    if joined != joined.lower():
        return None  # packing would not keep the case
    offsets = np.zeros(len(ids) + 1, dtype=np.int64)
    np.cumsum(lengths // 2, out=offsets[1:])
    return pa.LargeBinaryArray.from_buffers(
        pa.large_binary(), len(ids), [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    )


def pack_hex_id(text: str, *, width_bytes: int) -> bytes:
    """Pack one id, as ``pack_hex_ids`` does."""
    if len(text) == 2 * width_bytes and text == text.lower():
        try:
            return binascii.unhexlify(text)
        except (binascii.Error, ValueError):
            pass
    raw = text.encode()
    return raw + b"\0" if len(raw) == width_bytes else raw


def unpack_hex_id(packed: bytes, *, width_bytes: int) -> str:
    """The id that was packed into these bytes."""
    if len(packed) == width_bytes:
        return packed.hex()
    return packed.removesuffix(b"\0").decode()
