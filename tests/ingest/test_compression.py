import gzip
import os
import time
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.ingest.protocols.compression import decompress
from tocsin.kit.errors import MalformedBody, PayloadTooLarge, UnsupportedMediaType

LIMIT = 1 << 20
PLAIN = b'{"message": "payment declined"}\n' * 500


def _raw_deflate(plain: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(plain) + compressor.flush()


def _zstd(plain: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(plain)


def _zstd_stream(plain: bytes) -> bytes:
    """A frame that does not say how large its content is."""
    compressor = zstandard.ZstdCompressor().compressobj()
    return compressor.compress(plain) + compressor.flush()


_COMPRESSORS = [
    pytest.param("gzip", gzip.compress, id="gzip"),
    pytest.param("x-gzip", gzip.compress, id="x-gzip"),
    pytest.param("deflate", zlib.compress, id="deflate-zlib"),
    pytest.param("deflate", _raw_deflate, id="deflate-raw"),
    pytest.param("zstd", _zstd, id="zstd"),
    pytest.param("zstd", _zstd_stream, id="zstd-stream"),
]
each_encoding = pytest.mark.parametrize(("encoding", "compress"), _COMPRESSORS)
Compress = Callable[[bytes], bytes]


@each_encoding
@pytest.mark.parametrize("plain", [PLAIN, b"", b"a", os.urandom(40_000)], ids=["text", "empty", "byte", "random"])
def test_body_is_itself_again_when_it_was_compressed(encoding: str, compress: Compress, plain: bytes) -> None:
    assert decompress(compress(plain), encoding, max_bytes=LIMIT) == plain


@pytest.mark.parametrize("encoding", [None, "", "identity", " Identity "])
def test_body_is_untouched_when_it_has_no_encoding(encoding: str | None) -> None:
    assert decompress(PLAIN, encoding, max_bytes=LIMIT) == PLAIN


@pytest.mark.parametrize("encoding", ["GZIP", " gzip "])
def test_encoding_is_recognised_in_any_case(encoding: str) -> None:
    assert decompress(gzip.compress(PLAIN), encoding, max_bytes=LIMIT) == PLAIN


@each_encoding
def test_body_may_be_as_large_as_the_limit_and_not_a_byte_larger(encoding: str, compress: Compress) -> None:
    body = compress(PLAIN)
    assert decompress(body, encoding, max_bytes=len(PLAIN)) == PLAIN
    with pytest.raises(PayloadTooLarge, match="15,999 bytes"):
        decompress(body, encoding, max_bytes=len(PLAIN) - 1)


def test_plain_body_may_be_as_large_as_the_limit_and_not_a_byte_larger() -> None:
    assert decompress(PLAIN, None, max_bytes=len(PLAIN)) == PLAIN
    with pytest.raises(PayloadTooLarge):
        decompress(PLAIN, None, max_bytes=len(PLAIN) - 1)


@pytest.mark.parametrize(("encoding", "compress"), [("gzip", gzip.compress), ("zstd", _zstd), ("zstd", _zstd_stream)])
def test_members_are_joined_when_there_are_several(encoding: str, compress: Compress) -> None:
    body = compress(b"one ") + compress(b"") + compress(b"two ") + compress(PLAIN)
    assert decompress(body, encoding, max_bytes=LIMIT) == b"one two " + PLAIN


@pytest.mark.parametrize(("encoding", "compress"), [("gzip", gzip.compress), ("zstd", _zstd)])
def test_members_are_too_large_when_only_together_they_are(encoding: str, compress: Compress) -> None:
    with pytest.raises(PayloadTooLarge):
        decompress(compress(PLAIN) * 3, encoding, max_bytes=len(PLAIN) * 3 - 1)


@each_encoding
def test_bomb_is_refused_without_the_memory_for_it(encoding: str, compress: Compress) -> None:
    bomb = compress(bytes(64 << 20))
    tracemalloc.start()
    try:
        with pytest.raises(PayloadTooLarge):
            decompress(bomb, encoding, max_bytes=LIMIT)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 6 * LIMIT


def test_very_many_empty_members_cost_little() -> None:
    body = gzip.compress(b"") * 200_000
    started = time.process_time()
    assert decompress(body, "gzip", max_bytes=LIMIT) == b""
    assert time.process_time() - started < 5


@each_encoding
def test_body_is_malformed_when_it_is_cut_short(encoding: str, compress: Compress) -> None:
    body = compress(os.urandom(20_000))
    for length in (1, 2, 5, len(body) // 2, len(body) - 4, len(body) - 1):
        with pytest.raises(MalformedBody):
            decompress(body[:length], encoding, max_bytes=LIMIT)


@pytest.mark.parametrize(("encoding", "compress"), [("gzip", gzip.compress), ("zstd", _zstd)])
def test_body_is_malformed_when_a_later_member_is_cut_short(encoding: str, compress: Compress) -> None:
    with pytest.raises(MalformedBody):
        decompress(compress(PLAIN) + compress(PLAIN)[:-3], encoding, max_bytes=LIMIT)


@each_encoding
def test_body_is_malformed_when_something_else_follows(encoding: str, compress: Compress) -> None:
    with pytest.raises(MalformedBody):
        decompress(compress(PLAIN) + b"and some more", encoding, max_bytes=LIMIT)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
def test_body_is_malformed_when_it_is_not_compressed_at_all(encoding: str) -> None:
    with pytest.raises(MalformedBody, match=encoding):
        decompress(PLAIN, encoding, max_bytes=LIMIT)


def test_body_is_malformed_when_its_checksum_is_wrong() -> None:
    body = bytearray(gzip.compress(PLAIN))
    body[-5] ^= 1
    with pytest.raises(MalformedBody):
        decompress(bytes(body), "gzip", max_bytes=LIMIT)


@pytest.mark.parametrize("encoding", ["br", "compress", "gzip, gzip", "lz4", "snappy", "utf-8"])
def test_encoding_is_refused_when_it_is_unknown(encoding: str) -> None:
    with pytest.raises(UnsupportedMediaType, match=encoding):
        decompress(PLAIN, encoding, max_bytes=LIMIT)


@settings(deadline=None)
@given(st.binary(max_size=200), st.sampled_from(["gzip", "deflate", "zstd"]), st.booleans())
def test_random_bytes_are_malformed_or_small(noise: bytes, encoding: str, has_magic: bool) -> None:
    magic = {"gzip": b"\x1f\x8b\x08\x00", "deflate": b"\x78\x9c", "zstd": b"\x28\xb5\x2f\xfd"}[encoding]
    try:
        plain = decompress(magic + noise if has_magic else noise, encoding, max_bytes=1_000)
    except (MalformedBody, PayloadTooLarge):
        return
    assert len(plain) <= 1_000
