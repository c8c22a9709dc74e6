"""``PatternEmbedder``: keeps an index of each organization's patterns, and their vectors, up to date in the background.

Vectors are made a few at a time, with a pause after each as long as the work, so that one core is never taken for
long; what is made is kept in the database, so a start makes none again. New patterns wait until they have settled: the
first logs of a service make templates that the next logs change, and intake needs the core meanwhile.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic

import structlog
from prometheus_client import Gauge
from sqlalchemy.exc import IntegrityError

from tocsin.embeddings.ports import EmbeddingModel, EmbeddingsUnavailable
from tocsin.kit.errors import TocsinError
from tocsin.logstore.ports import OrganizationId
from tocsin.patterns.contracts import PatternCatalogue
from tocsin.search.meaning.index import PatternIndex, Vector
from tocsin.search.meaning.repository import EmbeddingsRepository
from tocsin.search.meaning.words import readable, template_words

BATCH_TEXTS = 16
"""How many texts are embedded at a time: a tenth of a second of one core."""

PAUSE_SHARE = 1.0
"""How long the pause after a batch is, in the time that the batch took."""

SETTLE_SECONDS = 60.0
"""How long an organization's patterns must have been the same before vectors are made; nobody waits for them, or a
search has asked for them."""

MAX_SETTLE_SECONDS = 600.0
"""Where patterns never stay the same, vectors are made after so long."""

REFRESH_SECONDS = 2.0
"""How often an index is made anew at most while patterns change or vectors come."""

RETRY_SECONDS = 10.0
"""How long after a failure the database is asked again."""

log = structlog.get_logger(__name__)

_waiting = Gauge("tocsin_search_patterns_to_embed", "Patterns that have no vector yet.")


@dataclass(slots=True)
class _Shelf:
    """One organization's patterns and vectors."""

    #: Held while the index is made.
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    catalogue: PatternCatalogue = field(default_factory=PatternCatalogue)
    #: By ``TemplateWords.text_hash``; None until what the database has is loaded.
    vectors: dict[bytes, Vector] | None = None
    index: PatternIndex | None = None
    #: How many vectors the index was made with.
    indexed_vectors: int = 0
    has_forgotten: bool = False
    #: Whether a search asked for it.
    is_wanted: bool = False
    changed_at: float = field(default_factory=monotonic)
    #: The first change since all vectors were there; None while they are.
    unsettled_since: float | None = None

    def has_settled(self, settle_seconds: float) -> bool:
        """Whether there is no reason to wait with vectors."""
        now = monotonic()
        return (
            self.is_wanted
            or self.unsettled_since is None
            or now - self.changed_at >= settle_seconds
            or now - self.unsettled_since >= MAX_SETTLE_SECONDS
        )

    @property
    def is_stale(self) -> bool:
        if self.index is None or self.index.catalogue is not self.catalogue:
            return True
        return self.indexed_vectors != len(self.vectors or ())

    def missing(self) -> dict[bytes, str]:
        """The texts without a vector, by their hash."""
        known = self.vectors or {}
        templates = (pattern.template for pattern in self.catalogue.patterns.values())
        wanted = ((template_words(template).text_hash, template) for template in templates)
        return {text_hash: readable(template) for text_hash, template in wanted if text_hash not in known}


class PatternEmbedder:
    """One a process, on its event loop."""

    def __init__(
        self,
        repository: EmbeddingsRepository,
        model: EmbeddingModel,
        *,
        pause_share: float = PAUSE_SHARE,
        settle_seconds: float = SETTLE_SECONDS,
    ) -> None:
        self._repository = repository
        self._model = model
        self._pause_share = pause_share
        self._settle_seconds = settle_seconds
        self._shelves: dict[OrganizationId, _Shelf] = {}
        self._woken = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None

    def changed(self, organization_id: OrganizationId, catalogue: PatternCatalogue) -> None:
        """The organization's patterns are these now. Waits for nothing."""
        shelf = self._shelf(organization_id)
        shelf.catalogue = catalogue
        shelf.changed_at = monotonic()
        shelf.unsettled_since = shelf.unsettled_since or shelf.changed_at
        self._woken.set()

    async def index(self, organization_id: OrganizationId, catalogue: PatternCatalogue) -> PatternIndex:
        """An index of the organization's patterns, some seconds old at most, with the vectors that there are.

        Raises:
            ServiceUnavailable: it is the first time, and the database can't be reached.
        """
        shelf = self._shelf(organization_id)
        if shelf.catalogue is not catalogue:
            self.changed(organization_id, catalogue)
        if not shelf.is_wanted:
            shelf.is_wanted = True
            self._woken.set()
        if shelf.index is None:
            await self._refresh(organization_id, shelf)
        assert shelf.index is not None
        return shelf.index

    async def finish(self, organization_id: OrganizationId, catalogue: PatternCatalogue) -> PatternIndex:
        """An index of exactly these patterns, with all of their vectors where there is a model.

        Raises:
            ServiceUnavailable: the database can't be reached.
        """
        shelf = self._shelf(organization_id)
        shelf.catalogue = catalogue
        await self._refresh(organization_id, shelf)
        try:
            for texts in _batches(shelf.missing()):
                await self._embed(organization_id, shelf, texts)
        except EmbeddingsUnavailable as error:
            log.info("search.patterns_not_embedded", reason=error.reason)
        return await self._refresh(organization_id, shelf)

    async def close(self) -> None:
        """Stop; what is embedded is kept."""
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.wait([self._worker])

    def _shelf(self, organization_id: OrganizationId) -> _Shelf:
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        return self._shelves.setdefault(organization_id, _Shelf())

    async def _work(self) -> None:
        while True:
            await self._wait()
            self._woken.clear()
            caught_up = [await self._caught_up(*each) for each in list(self._shelves.items())]
            if all(caught_up):
                await asyncio.sleep(REFRESH_SECONDS)
                continue
            self._woken.set()
            await asyncio.sleep(RETRY_SECONDS)

    async def _wait(self) -> None:
        """Until there is something to do: a change, or that what changed has settled."""
        is_waiting = any(shelf.unsettled_since is not None for shelf in self._shelves.values())
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settle_seconds if is_waiting else None):
                await self._woken.wait()

    async def _caught_up(self, organization_id: OrganizationId, shelf: _Shelf) -> bool:
        """Whether all that could be done for an organization was done."""
        try:
            await self._catch_up(organization_id, shelf)
        except EmbeddingsUnavailable:
            # The model has said why, and won't come back.
            return True
        except IntegrityError:
            self._shelves.pop(organization_id, None)
            log.info("search.patterns_of_a_removed_organization", organization_id=str(organization_id))
        except TocsinError as error:
            log.warning("search.patterns_not_embedded", organization_id=str(organization_id), reason=error.detail)
            return False
        except Exception:
            log.exception("search.embedding_failed", organization_id=str(organization_id))
            return False
        return True

    async def _catch_up(self, organization_id: OrganizationId, shelf: _Shelf) -> None:
        await self._refresh(organization_id, shelf)
        missing = shelf.missing()
        if missing and not shelf.has_settled(self._settle_seconds):
            _waiting.set(len(missing))
            return
        while missing := shelf.missing():
            await self._embed_all(organization_id, shelf, missing)
        _waiting.set(0)
        shelf.unsettled_since = None
        await self._refresh(organization_id, shelf)
        await self._forget(organization_id, shelf)

    async def _embed_all(self, organization_id: OrganizationId, shelf: _Shelf, missing: dict[bytes, str]) -> None:
        refreshed, left = monotonic(), len(missing)
        for texts in _batches(missing):
            _waiting.set(left)
            left -= len(texts)
            started = monotonic()
            await self._embed(organization_id, shelf, texts)
            if monotonic() - refreshed >= REFRESH_SECONDS:
                await self._refresh(organization_id, shelf)
                refreshed = monotonic()
            await asyncio.sleep((monotonic() - started) * self._pause_share)

    async def _embed(self, organization_id: OrganizationId, shelf: _Shelf, texts: Mapping[bytes, str]) -> None:
        vectors = await self._model.embed(list(texts.values()))
        made = dict(zip(texts, vectors, strict=True))
        await self._repository.add(organization_id, self._model.version, made)
        if shelf.vectors is not None:
            shelf.vectors.update(made)

    async def _refresh(self, organization_id: OrganizationId, shelf: _Shelf) -> PatternIndex:
        async with shelf.turn:
            if shelf.vectors is None:
                shelf.vectors = await self._repository.vectors(organization_id, self._model.version)
            if shelf.index is None or shelf.is_stale:
                vectors = dict(shelf.vectors)
                shelf.index = await asyncio.to_thread(PatternIndex.of, shelf.catalogue, vectors, self._model.dimensions)
                shelf.indexed_vectors = len(vectors)
            return shelf.index

    async def _forget(self, organization_id: OrganizationId, shelf: _Shelf) -> None:
        """Once a start: forget the vectors of patterns that are no more, and of other models."""
        if shelf.has_forgotten or shelf.vectors is None or not shelf.catalogue.patterns:
            return
        wanted = {template_words(pattern.template).text_hash for pattern in shelf.catalogue.patterns.values()}
        unwanted = [text_hash for text_hash in shelf.vectors if text_hash not in wanted]
        await self._repository.forget(organization_id, self._model.version, unwanted)
        for text_hash in unwanted:
            del shelf.vectors[text_hash]
        shelf.has_forgotten = True


def _batches(texts: Mapping[bytes, str]) -> Iterator[dict[bytes, str]]:
    items = list(texts.items())
    for start in range(0, len(items), BATCH_TEXTS):
        yield dict(items[start : start + BATCH_TEXTS])
