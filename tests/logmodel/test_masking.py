import polars as pl
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from tocsin.logmodel.masking import MASK, masked_texts, shape_of, shapes
from tocsin.query.tokens import tokens_of


@pytest.mark.parametrize(
    ("message", "masked"),
    [
        ("", ""),
        ("server started", "server started"),
        ("took 17 ms, 3.5s", "took <*> ms, <*>"),
        ("2026-11-21 10:00:00.123 up", "<*> up"),
        ("at 2026-11-21T10:00:00Z and 2026/11/21", "at <*> and <*>"),
        ("see https://shop.example/cart?id=7 now", "see <*> now"),
        ("mail ada.l@example.com", "mail <*>"),
        ("from 10.0.0.1:8080 to 10.0.0.0/24", "from <*> to <*>"),
        ("via db-1.internal.example:5432", "via <*>"),
        ("at 10:23:54 from 00:1b:44:11:3a:b7", "at <*> from <*>"),
        ("open /var/log/syslog", "open <*>"),
        ("id 550e8400-e29b-41d4-a716-446655440000", "id <*>"),
        ("flags 0x1F deadbeef", "flags <*> <*>"),
        ("user_1234 blk_-16089 worker12", "<*> <*> <*>"),
        ("v1 http2 sha256", "v1 http2 <*>"),
        ("GET /health", "GET /health"),
        ("[req-53b1a2c4-ffcb-4a1e-b6dd-0123456789ab] x", "[req-<*>] x"),
        ("[req-a1301d01-bafe-4b98-b3d7-47520cecf614] x", "[req-<*>] x"),
        ("device tap9d2675b6-e1 up", "device <*> up"),
    ],
)
def test_variable_parts_are_masked(message: str, masked: str) -> None:
    assert masked_texts([message]) == [masked]


def test_a_shape_is_xxh3_of_the_masked_message() -> None:
    messages = pl.DataFrame({"message": ["job 1 done", "job 22 done", "job failed"]})
    first, second, third = messages.select(shapes(pl.col("message"))).to_series()
    assert first == second == xxhash.xxh3_64_intdigest(b"job <*> done")
    assert third == xxhash.xxh3_64_intdigest(b"job failed")


@given(st.text(st.sampled_from("ab_1 -.:/@é0x\\Z"), max_size=40))
def test_masks_begin_and_end_at_token_borders(message: str) -> None:
    constant_parts = masked_texts([message])[0].split(MASK)
    tokens = [token for part in constant_parts for token in tokens_of(part)]
    remaining = iter(tokens_of(message))
    assert all(token in remaining for token in tokens)


@given(st.text(st.sampled_from("ab_1 -.:/@é0x\\Z<*>"), max_size=40))
def test_a_message_and_its_masked_text_have_the_same_shape(message: str) -> None:
    assert shape_of(masked_texts([message])[0]) == shape_of(message)


@given(
    st.lists(st.tuples(st.sampled_from(["job 17 done", "from 10.0.0.1", "é"]), st.sampled_from([0, 2_000])), max_size=8)
)
def test_a_message_has_its_shape_whatever_stands_beside_it(drawn: list[tuple[str, int]]) -> None:
    messages = [f"{text} {'x ' * length}{number}" for number, (text, length) in enumerate(drawn)]
    together = pl.DataFrame({"message": messages}, schema={"message": pl.String}).select(shapes(pl.col("message")))
    assert together.to_series().to_list() == [shape_of(message) for message in messages]


def test_variable_parts_of_long_messages_are_masked_as_those_of_short_ones() -> None:
    text = "2026-11-21 10:00:00.123 ada.l@example.com https://shop.example/x db-1.internal.example:5432 a/b/c 10.0.0.1"
    [short, long] = masked_texts([text, f"{text} {'word ' * 600}"])
    assert long.startswith(short)
    assert short == " ".join([MASK] * 6)
