"""Looks for incidents that are over by themselves, in every organization."""

import asyncio

import structlog

from tocsin.incidents.service import IncidentsService
from tocsin.kit.errors import TocsinError

LOOK_SECONDS = 30.0
"""How often it looks: an incident ends so much later at most."""

log = structlog.get_logger(__name__)


class QuietWatch:
    """One a process, on its event loop. Several processes may look at once: each incident is resolved once."""

    def __init__(self, incidents: IncidentsService, *, look_seconds: float = LOOK_SECONDS) -> None:
        self._incidents = incidents
        self._look_seconds = look_seconds
        self._looking: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to look."""
        self._looking = asyncio.create_task(self._look_for_ever())

    async def close(self) -> None:
        """Stop."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def look(self) -> None:
        """Resolve what is over, in every organization; what fails in one stops no other."""
        for organization_id in await self._incidents.with_quiet():
            try:
                await self._incidents.resolve_quiet(organization_id)
            except TocsinError as error:
                log.warning("incidents.quiet_not_resolved", reason=error.detail)

    async def _look_for_ever(self) -> None:
        while True:
            try:
                await self.look()
            except TocsinError as error:
                log.warning("incidents.quiet_not_resolved", reason=error.detail)
            except Exception:
                log.exception("incidents.quiet_not_resolved")
            await asyncio.sleep(self._look_seconds)
