"""Questions: a pattern in a query stands for the shapes that it has now."""

from types import MappingProxyType

import pytest

from tests.search.conftest import ORGANIZATION, HeldClock
from tests.support.questions import FixedCatalogue
from tocsin.logmodel.masking import shape_of
from tocsin.patterns.contracts import Pattern, PatternCatalogue
from tocsin.query.tree import And, Not, Or, Phrase, ServiceIs, ShapeIn
from tocsin.search.contracts import Question
from tocsin.search.questions import Questions

PAYMENT = Pattern(
    id=0xAB, template="payment <num> declined", shapes=frozenset({0xAB, 0xCD}), first_seen_unix_nano=1, name="declined"
)
CATALOGUE = PatternCatalogue(
    patterns=MappingProxyType({0xAB: PAYMENT}), pattern_ids=MappingProxyType({0xAB: 0xAB, 0xCD: 0xAB})
)
SHAPES = ShapeIn(PAYMENT.shapes)


class Unread:
    """A registry that nobody should ask."""

    async def catalogue(self, _organization_id: object) -> PatternCatalogue:
        raise AssertionError


@pytest.mark.parametrize("named", ["00000000000000ab", "00000000000000CD", '"payment <num> declined"', "declined"])
async def test_a_pattern_becomes_its_shapes_however_it_is_named(clock: HeldClock, named: str) -> None:
    questions = Questions(FixedCatalogue(CATALOGUE), clock=clock)
    assert await questions.query(ORGANIZATION, f"pattern:{named}") == SHAPES


async def test_patterns_are_resolved_wherever_they_stand(clock: HeldClock) -> None:
    questions = Questions(FixedCatalogue(CATALOGUE), clock=clock)
    found = await questions.query(ORGANIZATION, "service:api (word OR NOT pattern:declined)")
    assert found == And((ServiceIs("api"), Or((Phrase(("word",)), Not(SHAPES)))))


async def test_an_unknown_pattern_is_taken_for_a_shape_to_come(clock: HeldClock) -> None:
    questions = Questions(FixedCatalogue(), clock=clock)
    assert await questions.query(ORGANIZATION, "pattern:00000000000000ab") == ShapeIn(frozenset({0xAB}))
    assert await questions.query(ORGANIZATION, 'pattern:"cache is warm"') == ShapeIn(
        frozenset({shape_of("cache is warm")})
    )


async def test_the_registry_is_asked_only_about_patterns(clock: HeldClock) -> None:
    questions = Questions(Unread(), clock=clock)
    selection = await questions.selection(Question(organization_id=ORGANIZATION, text="word"), timeout_seconds=5)
    assert selection.query == Phrase(("word",))


@pytest.mark.parametrize("text", ["e21d6fc09aa4186", "12345", "550e8400-e29b-41d4-a716-446655440000"])
async def test_a_mistyped_id_is_not_taken_for_the_messages_that_are_all_variable(clock: HeldClock, text: str) -> None:
    variable = shape_of("<*>")
    pattern = Pattern(id=variable, template="<*>", shapes=frozenset({variable}), first_seen_unix_nano=1)
    catalogue = PatternCatalogue(
        patterns=MappingProxyType({variable: pattern}), pattern_ids=MappingProxyType({variable: variable})
    )
    questions = Questions(FixedCatalogue(catalogue), clock=clock)
    assert await questions.query(ORGANIZATION, f"pattern:{text}") == ShapeIn(frozenset())
    assert await questions.query(ORGANIZATION, "pattern:ffffffffffffffff") == ShapeIn(frozenset({2**64 - 1}))
    assert await questions.query(ORGANIZATION, 'pattern:"<*>"') == ShapeIn(frozenset({variable}))
