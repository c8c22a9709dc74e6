"""Content encodings: gzip, deflate and zstd, decompressed within a limit."""

import zlib

import pyarrow as pa

from tocsin.kit.errors import MalformedBody, PayloadTooLarge, UnsupportedMediaType

_ZLIB_WINDOW = {"gzip": zlib.MAX_WBITS | 16, "x-gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}
_RAW_DEFLATE = -zlib.MAX_WBITS
_INFLATE_CHUNK_BYTES = 4 << 10
"""What is left behind a gzip member is copied, so this bounds the cost of a body of very many small members."""

_ZSTD_CHUNK_BYTES = 1 << 20


def decompress(body: bytes, content_encoding: str | None, *, max_bytes: int) -> bytes:
    """The body without its content encoding; never more than ``max_bytes``, nor memory for more.

    ``deflate`` is read with and without the zlib wrapper, since senders disagree (RFC 9110 §8.4.1.2).

    Raises:
        UnsupportedMediaType: an encoding that is not gzip, deflate, zstd or identity.
        MalformedBody: the body is not in that encoding, or it is cut short.
        PayloadTooLarge: it is larger than ``max_bytes`` when decompressed.
    """
    encoding = (content_encoding or "identity").strip().lower()
    if encoding in ("", "identity"):
        if len(body) > max_bytes:
            raise _too_large(max_bytes)
        return body
    if encoding in _ZLIB_WINDOW:
        return _inflate(body, encoding, max_bytes=max_bytes)
    if encoding == "zstd":
        return _unzstd(body, max_bytes=max_bytes)
    raise UnsupportedMediaType(f"content encoding {encoding!r} is not one of gzip, deflate, zstd, identity")


def _too_large(max_bytes: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"the body has more than {max_bytes:,} bytes when decompressed; send it in smaller parts")


def _inflate(body: bytes, encoding: str, *, max_bytes: int) -> bytes:
    window = _ZLIB_WINDOW[encoding]
    if encoding == "deflate" and not _has_zlib_header(body):
        window = _RAW_DEFLATE
    plain = bytearray()
    inflater = zlib.decompressobj(window)
    try:
        for start in range(0, len(body), _INFLATE_CHUNK_BYTES):
            rest = body[start : start + _INFLATE_CHUNK_BYTES]
            while rest:
                if inflater.eof:
                    # A gzip body may have several members, one after the other (RFC 1952 §2.2).
                    inflater = zlib.decompressobj(window)
                plain += inflater.decompress(rest, max_bytes + 1 - len(plain))
                if len(plain) > max_bytes:
                    raise _too_large(max_bytes)
                rest = inflater.unused_data
    except zlib.error as error:
        raise MalformedBody(f"the body is not {encoding}: {error}") from error
    if body and not inflater.eof:
        raise MalformedBody(f"the {encoding} body is cut short")
    return bytes(plain)


def _has_zlib_header(body: bytes) -> bool:
    """Source: RFC 1950 §2.2: method 8, and the first two bytes a multiple of 31."""
    return len(body) >= 2 and body[0] & 0x0F == 8 and (body[0] << 8 | body[1]) % 31 == 0


def _unzstd(body: bytes, *, max_bytes: int) -> bytes:
    # Arrow's reader, since zstandard's own takes a frame that is cut short for a whole one.
    plain = bytearray()
    try:
        with pa.CompressedInputStream(pa.BufferReader(body), "zstd") as reader:
            while chunk := reader.read(_ZSTD_CHUNK_BYTES):
                plain += chunk
                if len(plain) > max_bytes:
                    raise _too_large(max_bytes)
    except OSError as error:
        raise MalformedBody(f"the body is not zstd: {error}") from error
    return bytes(plain)
