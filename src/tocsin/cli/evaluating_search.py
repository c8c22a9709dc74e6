"""Tocsins that are started for an evaluation, each on a directory of its own that goes with it."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID, uuid4

import msgspec

from tocsin.accounts.contracts import KeyIdentity
from tocsin.evaluation.search import Searcher, SearchReport, evaluate_search
from tocsin.ingest.protocols.tocsin_json import decode
from tocsin.kit.clock import SystemClock
from tocsin.kit.moments import NANOSECONDS_A_SECOND
from tocsin.kit.setting_sections import PREFIX
from tocsin.kit.settings import read_settings
from tocsin.kit.telemetry import configure_logging
from tocsin.search.contracts import Question
from tocsin.search.meaning.service import MeaningSearch
from tocsin.wiring import Components, build

_READABLE_WITHIN_SECONDS = 10.0
_POLL_SECONDS = 0.05


def evaluated_search(directory: Path, *, by_meaning: bool) -> SearchReport:
    """Ask every question below a directory of Tocsins that hold the logs.

    Raises:
        InvalidRequest: there are none, or they can't be read.
    """
    # What these Tocsins say of themselves is no part of the figures.
    configure_logging(level="ERROR", form="text")
    return asyncio.run(evaluate_search(directory, _Local(by_meaning=by_meaning)))


@dataclass(slots=True)
class _Asked:
    """A Tocsin with logs."""

    search: MeaningSearch
    organization_id: UUID
    start: str
    end: str
    degraded_reason: str | None = None

    async def messages(self, question: str, k: int) -> list[str]:
        within = Question(organization_id=self.organization_id, start=self.start, end=self.end)
        found = await self.search.search(question, within, k=k)
        self.degraded_reason = found.degraded_reason
        messages: list[str] = found.rows["message"].to_pylist()
        return messages


class _Local:
    """Starts them in this process, one at a time."""

    def __init__(self, *, by_meaning: bool) -> None:
        self._by_meaning = by_meaning
        self._running = AsyncExitStack()

    async def filled(self, service: str, messages: Sequence[str]) -> Searcher:
        directory = self._running.enter_context(TemporaryDirectory(prefix="tocsin-evaluation-"))
        settings = read_settings(
            {
                f"{PREFIX}DATA_DIR": directory,
                f"{PREFIX}LOG_LEVEL": "error",
                f"{PREFIX}SEARCH_BY_MEANING": "on" if self._by_meaning else "off",
            },
            Path(directory),
        )
        components = await self._running.enter_async_context(build(settings))
        assert components.first_start is not None
        organization_id = components.first_start.organization_id
        first = SystemClock().now_unix_nano() // NANOSECONDS_A_SECOND - len(messages)
        await _ingest(components, organization_id, service, messages, first)
        catalogue = await components.patterns.look(organization_id)
        await components.embedder.finish(organization_id, catalogue)
        return _Asked(components.reading.by_meaning, organization_id, str(first), str(first + len(messages)))

    async def close(self) -> None:
        await self._running.aclose()


async def _ingest(
    components: Components, organization_id: UUID, service: str, messages: Sequence[str], first_unix_seconds: int
) -> None:
    key = KeyIdentity(uuid4(), organization_id, service, allows_other_services=True, content_hash_seed=1)
    logs = [{"timestamp": first_unix_seconds + second, "message": message} for second, message in enumerate(messages)]
    body = msgspec.json.encode({"logs": logs})
    await components.ingest.ingest(partial(decode, body), key, size_bytes=len(body))
    async with asyncio.timeout(_READABLE_WITHIN_SECONDS):
        # What is acknowledged is readable a moment later; nothing says when.
        while not await components.store.last_sequence(organization_id):  # noqa: ASYNC110
            await asyncio.sleep(_POLL_SECONDS)
