import base64
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.search.conftest import ORGANIZATION
from tocsin.kit.errors import InvalidRequest
from tocsin.logstore.ports import Order, Position, TimeRange
from tocsin.search.contracts import Question
from tocsin.search.cursors import cursor_text, read_cursor

QUESTION = Question(organization_id=ORGANIZATION, text="a", start="now-15m")
RANGE = TimeRange(10, 2**62)
LAST = Position(2**61, 2**64 - 1)


def test_a_cursor_holds_the_range_and_the_position() -> None:
    cursor = read_cursor(cursor_text(QUESTION, Order.NEWEST_FIRST, RANGE, LAST), QUESTION, Order.NEWEST_FIRST)
    assert (cursor.time_range, cursor.position) == (RANGE, LAST)


def test_a_cursor_may_stand_in_a_url_as_it_is() -> None:
    text = cursor_text(QUESTION, Order.NEWEST_FIRST, RANGE, LAST)
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@pytest.mark.parametrize(
    ("question", "order"),
    [
        (Question(organization_id=ORGANIZATION, text="b", start="now-15m"), Order.NEWEST_FIRST),
        (Question(organization_id=ORGANIZATION, text="a", start="now-1h"), Order.NEWEST_FIRST),
        (Question(organization_id=ORGANIZATION, text="a", start="now-15m", end="now"), Order.NEWEST_FIRST),
        (Question(organization_id=UUID(int=1), text="a", start="now-15m"), Order.NEWEST_FIRST),
        (QUESTION, Order.OLDEST_FIRST),
    ],
)
def test_a_cursor_is_refused_when_the_question_is_another(question: Question, order: Order) -> None:
    text = cursor_text(QUESTION, Order.NEWEST_FIRST, RANGE, LAST)
    with pytest.raises(InvalidRequest, match="another query"):
        read_cursor(text, question, order)


@given(st.one_of(st.text(max_size=30), st.binary(max_size=60).map(lambda raw: base64.urlsafe_b64encode(raw).decode())))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        read_cursor(text, QUESTION, Order.NEWEST_FIRST)


def test_a_cursor_is_refused_when_its_position_can_not_be() -> None:
    text = cursor_text(QUESTION, Order.NEWEST_FIRST, RANGE, Position(1, -1))
    with pytest.raises(InvalidRequest, match="damaged"):
        read_cursor(text, QUESTION, Order.NEWEST_FIRST)
