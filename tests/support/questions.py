"""Questions for services of search that are built without the rest of the house."""

from uuid import UUID

from tocsin.kit.clock import Clock
from tocsin.patterns.contracts import PatternCatalogue
from tocsin.search.questions import Questions


class FixedCatalogue:
    """The same patterns for everybody; none, if not told otherwise."""

    def __init__(self, catalogue: PatternCatalogue | None = None) -> None:
        self._catalogue = catalogue or PatternCatalogue()

    async def catalogue(self, organization_id: UUID) -> PatternCatalogue:
        return self._catalogue


def questions_by(clock: Clock) -> Questions:
    """Questions about no patterns."""
    return Questions(FixedCatalogue(), clock=clock)
