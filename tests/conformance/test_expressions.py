"""Random expressions: every backend finds what RE2 finds, whatever it does to find it faster."""

from uuid import uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import random_logs
from tests.support.logs import NOON_UNIX_NANO, log_batch
from tests.support.matching import row_numbers
from tests.support.random_expressions import expressions
from tests.support.random_queries import expressions_about
from tests.support.reading import searchable
from tocsin.logstore.ports import LogStore, Receipt
from tocsin.query.expressions import found_in
from tocsin.query.tree import Matches

_Example = tuple[list[str], list[str]]


def _with_expressions(messages: list[str]) -> st.SearchStrategy[_Example]:
    drawn = st.one_of(expressions, expressions_about(messages))
    return st.tuples(st.just(messages), st.lists(drawn, min_size=20, max_size=20))


@given(st.lists(random_logs.messages, min_size=5, max_size=30).flatmap(_with_expressions))
@settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
async def test_every_backend_finds_what_re2_finds(log_store: LogStore, example: _Example) -> None:
    messages, drawn = example
    organization_id = uuid4()
    rows = [{"message": message, "timestamp": NOON_UNIX_NANO + number} for number, message in enumerate(messages)]
    await log_store.write(organization_id, log_batch(rows), Receipt(received=len(rows)))
    await searchable(log_store, organization_id, len(rows))
    for expression in drawn:
        expected = [number for number, message in enumerate(messages) if found_in(expression, message)]
        assert await row_numbers(log_store, organization_id, Matches(expression)) == expected, expression
