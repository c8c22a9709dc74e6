"""Services and their first logs: who takes no more, and who is new."""

import asyncio
from collections.abc import Iterable
from uuid import UUID

import structlog

from tocsin.accounts.contracts import KnownServices
from tocsin.ingest.contracts import ServiceRegistry
from tocsin.kit.errors import ServiceUnavailable

log = structlog.get_logger(__name__)


class ServiceRegistration:
    """Knows the services of the organizations that send, and registers new ones behind the request's back."""

    def __init__(self, registry: ServiceRegistry) -> None:
        self._registry = registry
        self._known: dict[UUID, KnownServices] = {}
        self._tasks: dict[UUID, asyncio.Task[None]] = {}

    async def inactive(self, organization_id: UUID) -> frozenset[str]:
        """The services whose logs are not stored, as they were a few seconds ago at most."""
        known = self._known[organization_id] = await self._registry.known(organization_id)
        return known.inactive

    def note(self, organization_id: UUID, names: Iterable[str]) -> None:
        """Take note of services whose logs were stored; the new ones are registered soon. Waits for nothing.

        While one registration runs, or when it fails, names are left for the next log that bears them.
        """
        known = self._known.get(organization_id)
        if known is None or organization_id in self._tasks:
            return
        unknown = known.unknown(names)
        if not unknown or known.is_full:
            return
        task = asyncio.create_task(self._register(organization_id, unknown))
        self._tasks[organization_id] = task
        task.add_done_callback(lambda _: self._tasks.pop(organization_id, None))

    async def close(self) -> None:
        """Finish what was begun."""
        if self._tasks:
            await asyncio.wait(self._tasks.values())

    async def _register(self, organization_id: UUID, names: set[str]) -> None:
        try:
            await self._registry.register(organization_id, names)
            self._known[organization_id] = await self._registry.known(organization_id)
        except ServiceUnavailable as error:
            log.warning("ingest.services_not_registered", count=len(names), reason=error.detail)
