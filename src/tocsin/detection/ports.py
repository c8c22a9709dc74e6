"""What following needs of detection itself: a state that takes counts, and those who want to hear of findings."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import pyarrow as pa

from tocsin.detection.contracts import Finding
from tocsin.logstore.ports import OrganizationId
from tocsin.patterns.contracts import PatternCatalogue


class DetectionState(Protocol):
    """What is known of one organization. Used by one thread at a time, and never by the event loop's."""

    def take(self, counts: pa.Table, catalogue: PatternCatalogue, now_unix_nano: int) -> list[Finding]:
        """Take in what was stored since the last call, and say what is surprising as of now.

        ``counts`` is in ``RECENT_COUNTS_SCHEMA``; it is empty where nothing was stored. The same counts may come anew
        after a crash, to a state as it was before them, in other portions: what is found then has the same ids.
        """
        ...

    def wanted_history(self) -> range | None:
        """The minutes since 1970 that it would learn from if it was given their counts; None where it knows enough."""
        ...

    def learn_history(self, counts: pa.Table, minutes: range, catalogue: PatternCatalogue) -> None:
        """Learn anew from these minutes only: ``counts`` is in ``SHAPE_COUNTS_SCHEMA``, by minute."""
        ...

    def dump(self) -> bytes:
        """All of it, from which the factory makes an equal one."""
        ...


StateFactory = Callable[[bytes | None], DetectionState]
"""Makes a state of a dump, or one that knows nothing of None. A dump that it can't read any more is as None."""

FindingsListener = Callable[[OrganizationId, Sequence[Finding]], Awaitable[None]]
"""Hears of findings, perhaps more than once of one: whatever has an id that it knows is no news."""
