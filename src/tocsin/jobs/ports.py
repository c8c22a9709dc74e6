"""The port of durable jobs."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from tocsin.logstore.ports import OrganizationId


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Work to do."""

    id: UUID
    organization_id: OrganizationId
    kind: str
    #: What JSON can hold.
    payload: Mapping[str, Any]
    #: 1 at the first time.
    attempt: int


class RetryLater(Exception):
    """A handler's word: not now, but after so many seconds."""

    def __init__(self, reason: str, *, after_seconds: float, is_attempt: bool = True) -> None:
        """Say why, for people.

        Args:
            reason: what is in the way.
            after_seconds: the pause.
            is_attempt: False for what was not tried at all, such as a wait for room: it may be said without end.
        """
        super().__init__(reason)
        self.after_seconds = after_seconds
        self.is_attempt = is_attempt


Handler = Callable[[Job], Awaitable[None]]
"""Does a job. After a crash it may be called again for the same job, so it sees to it that nothing is done twice.

It is cancelled when another worker may begin the job, and when the process stops: it is to end then, soon.
"""


class Jobs(Protocol):
    """Keeps jobs, and has them done."""

    def handle(self, kind: str, handler: Handler, *, max_attempts: int = 10) -> None:
        """Have jobs of a kind done by this. Before ``start``.

        Args:
            kind: which.
            handler: does one.
            max_attempts: a job that was begun so often and never ended well, be it that it failed or that its
                process died, is given up.
        """
        ...

    async def add(
        self,
        organization_id: OrganizationId,
        kind: str,
        payload: Mapping[str, Any],
        *,
        key: str | None = None,
        not_before: datetime | None = None,
    ) -> UUID | None:
        """Keep a job; once this returns, it is done whatever is killed. None where a job with this key is kept.

        Raises:
            ServiceUnavailable: the database can't be reached.
        """
        ...

    async def start(self) -> None:
        """Begin to do jobs."""
        ...

    async def close(self) -> None:
        """Stop within a bound of seconds; what is still under way then is done again by the next process."""
        ...
