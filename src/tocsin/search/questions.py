"""From a question in somebody's own words to a selection of logs."""

from typing import Protocol

from tocsin.kit.clock import Clock
from tocsin.kit.errors import InvalidRequest
from tocsin.logmodel.masking import MASK, masked_texts, shape_of
from tocsin.logstore.ports import OrganizationId, Selection, TimeRange
from tocsin.patterns.contracts import PatternCatalogue, shape_number
from tocsin.query.parser import parse
from tocsin.query.tree import And, Node, Not, Or, PatternIs, ShapeIn
from tocsin.search.contracts import Question
from tocsin.search.time_expressions import time_range


class Catalogues(Protocol):
    """Knows the patterns of every organization."""

    async def catalogue(self, organization_id: OrganizationId) -> PatternCatalogue:
        """The organization's patterns. Raises ``ServiceUnavailable``."""
        ...


class Questions:
    """Resolves questions: their times by the clock, their patterns by the registry."""

    def __init__(self, catalogues: Catalogues, *, clock: Clock) -> None:
        self._catalogues = catalogues
        self._clock = clock

    async def selection(
        self, question: Question, *, timeout_seconds: float, resumed_range: TimeRange | None = None
    ) -> Selection:
        """The selection that a question is about; ``resumed_range`` stands in for its own range.

        Raises:
            InvalidQuery: its text is not a query.
            InvalidTimeRange: a bound is not a moment, or the range is empty.
            ServiceUnavailable: it names a pattern, and the registry can't be read.
        """
        now_unix_nano = self._clock.now_unix_nano()
        return Selection(
            organization_id=question.organization_id,
            time_range=resumed_range or time_range(question.start, question.end, now_unix_nano=now_unix_nano),
            query=await self.query(question.organization_id, question.text),
            timeout_seconds=timeout_seconds,
        )

    async def catalogue(self, organization_id: OrganizationId) -> PatternCatalogue:
        """The organization's patterns. Raises ``ServiceUnavailable``."""
        return await self._catalogues.catalogue(organization_id)

    async def query(self, organization_id: OrganizationId, text: str) -> Node:
        """The query as a store takes it.

        Raises:
            InvalidQuery: the text is not a query.
            ServiceUnavailable: it names a pattern, and the registry can't be read.
        """
        tree = parse(text)
        if not names_a_pattern(tree):
            return tree
        return with_shapes(tree, await self._catalogues.catalogue(organization_id))


def names_a_pattern(node: Node) -> bool:
    """Whether a catalogue is needed before a store can be asked."""
    match node:
        case PatternIs():
            return True
        case Not(inner):
            return names_a_pattern(inner)
        case And(nodes) | Or(nodes):
            return any(map(names_a_pattern, nodes))
        case _:
            return False


def with_shapes(node: Node, catalogue: PatternCatalogue) -> Node:
    """The node with the shapes of each pattern in the pattern's place.

    A pattern that the catalogue does not know is taken for a shape that was not seen yet: its id, or that of its text.
    A text that is a variable as a whole, such as a mistyped id, has none.
    """
    match node:
        case PatternIs(text):
            found = catalogue.find(text)
            return ShapeIn(found.shapes if found else _shapes(text))
        case Not(inner):
            return Not(with_shapes(inner, catalogue))
        case And(nodes):
            return And(tuple(with_shapes(inner, catalogue) for inner in nodes))
        case Or(nodes):
            return Or(tuple(with_shapes(inner, catalogue) for inner in nodes))
        case _:
            return node


def check_limit(limit: int, maximum: int) -> None:
    """Refuse a limit out of bounds.

    Raises:
        InvalidRequest: it is less than one, or more than ``maximum``.
    """
    if not 1 <= limit <= maximum:
        raise InvalidRequest(f"the limit must be from 1 to {maximum:,}, not {limit:,}")


def check_number(what: str, given: int, maximum: int) -> None:
    """Refuse too many of something.

    Raises:
        InvalidRequest: there is none, or more than ``maximum``.
    """
    if not 1 <= given <= maximum:
        raise InvalidRequest(f"there may be 1 to {maximum:,} {what}, not {given:,}")


def _shapes(text: str) -> frozenset[int]:
    number = shape_number(text)
    if number is not None:
        return frozenset({number})
    return frozenset() if masked_texts([text]) == [MASK] else frozenset({shape_of(text)})
