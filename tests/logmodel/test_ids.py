from uuid import UUID

import polars as pl
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from tocsin.logmodel.ids import (
    SPAN_ID_BYTES,
    TRACE_ID_BYTES,
    content_hashes,
    log_id,
    pack_hex_id,
    pack_hex_ids,
    parse_log_id,
    unpack_hex_id,
)

SEED = 0x1234_5678_9ABC_DEF0
TRACE = "0af7651916cd43dd8448eb211c80319c"
_NO_NUL = st.characters(codec="utf-8", exclude_characters="\x00")
_IDS = st.one_of(st.text(_NO_NUL, max_size=40), st.from_regex(r"[0-9a-fA-F]{16}|[0-9a-fA-F]{32}", fullmatch=True))


def _frame(*rows: tuple[str, int, str], source: int = 0, occurrence: int = 0) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "service": service,
                "timestamp": timestamp,
                "severity_number": 9,
                "trace_id": TRACE,
                "span_id": "",
                "metadata": '{"a":1}',
                "message": message,
                "source": source,
                "occurrence": occurrence,
            }
            for service, timestamp, message in rows
        ],
        schema_overrides={"timestamp": pl.Int64, "severity_number": pl.UInt8},
    )


def test_content_hash_is_xxh3_of_the_canonical_form() -> None:
    canonical = "\0".join(("api", "1764763200000000001", "9", TRACE, "", '{"a":1}', "é hello"))
    [hashed] = content_hashes(_frame(("api", 1764763200000000001, "é hello")), seed=SEED)
    assert hashed == xxhash.xxh3_64_intdigest(canonical.encode(), seed=SEED)


def test_content_hash_never_changes() -> None:
    hashes = content_hashes(_frame(("api", 1, "a"), ("api", 1, "a"), ("web", -1, "")), seed=SEED)
    assert hashes.to_list() == [7212145189076273773, 8695431032323231965, 17362140159182098425]


def test_later_occurrences_hash_the_first_hash_and_their_number() -> None:
    row = ("api", 1, "tick")
    first, other, second, third = content_hashes(_frame(row, ("api", 2, "tick"), row, row), seed=SEED)
    assert second == xxhash.xxh3_64_intdigest(f"{first}:1".encode(), seed=SEED)
    assert third == xxhash.xxh3_64_intdigest(f"{first}:2".encode(), seed=SEED)
    assert len({first, other, second, third}) == 4


def test_occurrences_are_numbered_in_each_source_on_its_own() -> None:
    row = ("api", 1, "tick")
    first, second = content_hashes(_frame(row, row), seed=SEED)
    frame = pl.concat([_frame(row, row, source=0), _frame(row, row, source=1)])
    assert content_hashes(frame, seed=SEED).to_list() == [first, second, first, second]


def test_occurrences_continue_when_a_file_is_cut_into_requests() -> None:
    row = ("api", 1, "tick")
    whole = content_hashes(_frame(row, row, row), seed=SEED).to_list()
    cut = [content_hashes(_frame(row, occurrence=number), seed=SEED).item() for number in range(3)]
    assert cut == whole


def test_content_hashes_differ_between_organizations() -> None:
    frame = _frame(("api", 1, "a"))
    assert content_hashes(frame, seed=1).to_list() != content_hashes(frame, seed=2).to_list()


def test_content_hashes_of_nothing_are_nothing() -> None:
    assert content_hashes(_frame(("api", 1, "a")).clear(), seed=SEED).to_list() == []


@given(st.integers(0, 2**63 - 1), st.integers(0, 2**64 - 1))
def test_a_log_id_holds_its_milliseconds_and_hash(unix_nano: int, content_hash: int) -> None:
    identifier = log_id(unix_nano, content_hash)
    assert identifier.version == 8
    assert parse_log_id(identifier) == (unix_nano // 1_000_000, content_hash)


def test_log_ids_sort_by_time() -> None:
    assert log_id(1_000_000, 2**64 - 1) < log_id(2_000_000, 0)


@pytest.mark.parametrize(
    "text",
    [
        "019ae411-b000-7123-8123-456789abc000",
        "00000000-0000-8000-8000-000000000001",
        "00000000-0000-8000-4000-000000000000",
    ],
)
def test_other_uuids_are_not_log_ids(text: str) -> None:
    with pytest.raises(ValueError, match="not the id of a log"):
        parse_log_id(UUID(text))


@pytest.mark.parametrize("width_bytes", [SPAN_ID_BYTES, TRACE_ID_BYTES])
@given(ids=st.lists(_IDS, max_size=5))
def test_ids_are_themselves_again_when_packed_and_unpacked(width_bytes: int, ids: list[str]) -> None:
    packed = pack_hex_ids(ids, width_bytes=width_bytes).to_pylist()
    assert [unpack_hex_id(each, width_bytes=width_bytes) for each in packed] == ids
    assert packed == [pack_hex_id(each, width_bytes=width_bytes) for each in ids]


def test_hexadecimal_ids_take_half_their_length() -> None:
    assert pack_hex_ids([TRACE, ""], width_bytes=TRACE_ID_BYTES).to_pylist() == [bytes.fromhex(TRACE), b""]
    assert pack_hex_id(TRACE.upper(), width_bytes=TRACE_ID_BYTES) == TRACE.upper().encode()
