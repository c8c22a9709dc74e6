"""What queries may take: so many at one time, so long each; and what to say when one took more."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from tocsin.kit.errors import QueryTimedOut, QueryTooExpensive, TooManyRequests
from tocsin.kit.moments import NANOSECONDS_A_SECOND
from tocsin.logstore.ports import Selection, TimeRange
from tocsin.query.tree import And, Node, Or, Phrase, ServiceIs, TraceIs

MAX_WAIT_SECONDS = 2.0
"""How long a query waits for others to finish before it is refused."""

GRACE_SECONDS = 1.0
"""How much longer than a query may take its store is given to say so itself."""

_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


class QueryLimits:
    """Slots for running queries, and the time that each may take."""

    def __init__(self, *, max_concurrent: int, timeout_seconds: float) -> None:
        self.timeout_seconds = timeout_seconds
        self._slots = asyncio.Semaphore(max_concurrent)

    @asynccontextmanager
    async def slot(self, selection: Selection | None = None) -> AsyncIterator[None]:
        """Hold a slot while the store is asked about a selection.

        Raises:
            TooManyRequests: none becomes free within ``MAX_WAIT_SECONDS``.
            QueryTimedOut: the block took longer than a query may, or the store said so; with advice.
            QueryTooExpensive: the store said so; with advice.
        """
        await self.acquire()
        try:
            with advised(selection, timeout_seconds=self.timeout_seconds):
                async with asyncio.timeout(self.timeout_seconds + GRACE_SECONDS) as deadline:
                    yield
        except TimeoutError:
            if not deadline.expired():
                raise
            raise timed_out(selection, timeout_seconds=self.timeout_seconds) from None
        finally:
            self.release()

    async def acquire(self) -> None:
        """Take a slot, for work that no block can hold together; ``release`` gives it back.

        Raises:
            TooManyRequests: none becomes free within ``MAX_WAIT_SECONDS``.
        """
        try:
            async with asyncio.timeout(MAX_WAIT_SECONDS):
                await self._slots.acquire()
        except TimeoutError:
            raise TooManyRequests("too many queries are running; try again soon", retry_after_seconds=2) from None

    def release(self) -> None:
        """Give a slot back."""
        self._slots.release()


@contextmanager
def advised(selection: Selection | None, *, timeout_seconds: float) -> Iterator[None]:
    """Add to the store's refusals how to narrow the query."""
    try:
        yield
    except QueryTimedOut:
        raise timed_out(selection, timeout_seconds=timeout_seconds) from None
    except QueryTooExpensive as error:
        advice = ways_to_narrow(selection)
        detail = _with_advice(error.detail, advice)
        raise QueryTooExpensive(detail, limit=error.limit, maximum=error.maximum, advice=advice) from None


def timed_out(selection: Selection | None, *, timeout_seconds: float) -> QueryTimedOut:
    """The refusal of a query that took longer than it may."""
    advice = ways_to_narrow(selection)
    detail = _with_advice(f"the query took longer than {timeout_seconds:g} seconds", advice)
    return QueryTimedOut(detail, limit="seconds", maximum=timeout_seconds, advice=advice)


def ways_to_narrow(selection: Selection | None) -> tuple[str, ...]:
    """What would make a read of this selection cheaper, the most effective first."""
    if selection is None:
        return ()
    advice = [f"narrow the time range: it covers {_length(selection.time_range)}"]
    if not _demands(selection.query, (ServiceIs, TraceIs)):
        advice.append("name a service, as in service:checkout")
    if not _demands(selection.query, (Phrase, TraceIs)):
        advice.append("add a whole word that the messages must hold")
    return tuple(advice)


def _with_advice(detail: str, advice: tuple[str, ...]) -> str:
    return "; ".join([detail, *advice])


def _demands(query: Node, kinds: tuple[type[Node], ...]) -> bool:
    """Whether every log that matches has what a node of these kinds asks for."""
    if isinstance(query, And):
        return any(_demands(inner, kinds) for inner in query.nodes)
    if isinstance(query, Or):
        return all(_demands(inner, kinds) for inner in query.nodes)
    return isinstance(query, kinds)


def _length(time_range: TimeRange) -> str:
    seconds = (time_range.end_unix_nano - time_range.start_unix_nano) / NANOSECONDS_A_SECOND
    unit, length = next((each for each in _UNITS if seconds >= each[1]), _UNITS[-1])
    count = round(seconds / length)
    return f"{count:,} {unit}{'' if count == 1 else 's'}"
