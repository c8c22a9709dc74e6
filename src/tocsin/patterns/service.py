"""``PatternsService``: follows what is stored, keeps the registries, and lets people correct them.

A *registry* for each organization reads the shapes of what was stored since its position: soon after this process has
acknowledged a write, and now and then in any case, since other processes write too. Its position is kept with its
shapes, so a crash or a late log loses nothing.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic
from uuid import UUID, uuid4

import structlog
from prometheus_client import Gauge
from sqlalchemy.exc import IntegrityError

from tocsin.kit.clock import Clock, utc_now
from tocsin.kit.errors import Conflict, InvalidRequest, NotFound, TocsinError
from tocsin.logstore.ports import LogStore, OrganizationId
from tocsin.patterns.contracts import Edit, EditKind, Pattern, PatternCatalogue, RegisteredShape, pattern_id_text
from tocsin.patterns.registry import MAX_EXEMPLAR_CHARACTERS, PatternRegistry
from tocsin.patterns.repository import PatternsRepository

LOOK_SECONDS = 1.0
"""How often registries read after writes: a new pattern is known so much later than its log."""

POLL_SECONDS = 10.0
"""How often they read without a write of this process, and look for edits that other processes made."""

SAVE_SECONDS = 60.0
"""How often a position is kept that brought no new shape: a start reads so much again."""

MAX_EDITS = 5_000
"""Of one organization: all of them are applied whenever a pattern changes."""

_MESSAGES_A_READ = 5_000

log = structlog.get_logger(__name__)

_shapes = Gauge("tocsin_patterns_shapes", "Shapes in the registries of this process.")


@dataclass(slots=True)
class _Followed:
    """One organization's registry and how far it has read."""

    registry: PatternRegistry = field(default_factory=PatternRegistry)
    #: Held while the registry is changed.
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    #: None until what the database has is loaded.
    position: int | None = None
    is_woken: bool = True
    looked_at: float = float("-inf")
    saved_at: float = float("-inf")
    edits_read_at: float = float("-inf")
    #: What the registry has and the database does not.
    unsaved: list[RegisteredShape] = field(default_factory=list)

    def is_due(self, now: float) -> bool:
        return self.is_woken or now - self.looked_at >= POLL_SECONDS


class PatternsService:
    """The patterns of every organization; one a process, on its event loop."""

    def __init__(
        self, store: LogStore, repository: PatternsRepository, *, clock: Clock, look_seconds: float = LOOK_SECONDS
    ) -> None:
        self._store = store
        self._repository = repository
        self._clock = clock
        self._look_seconds = look_seconds
        self._followed: dict[OrganizationId, _Followed] = {}
        self._follower: asyncio.Task[None] | None = None
        self._listeners: list[Callable[[OrganizationId, PatternCatalogue], None]] = []

    def wake(self, organization_id: OrganizationId) -> None:
        """Logs of this organization were stored. Waits for nothing."""
        self._of(organization_id).is_woken = True

    def on_change(self, listener: Callable[[OrganizationId, PatternCatalogue], None]) -> None:
        """Call this with each new catalogue, on the event loop; it must not wait."""
        self._listeners.append(listener)

    async def catalogue(self, organization_id: OrganizationId) -> PatternCatalogue:
        """The organization's patterns, as of the last look at what is stored.

        Raises:
            ServiceUnavailable: it is the first look, and the database or the log store can't be reached.
        """
        followed = self._of(organization_id)
        if followed.position is None:
            await self._look(organization_id, followed)
        return followed.registry.current

    async def look(self, organization_id: OrganizationId) -> PatternCatalogue:
        """The organization's patterns with everything that is stored now.

        Raises:
            ServiceUnavailable: the database or the log store can't be reached.
        """
        followed = self._of(organization_id)
        await self._look(organization_id, followed)
        return followed.registry.current

    async def exemplars(self, organization_id: OrganizationId, shapes: Sequence[int]) -> dict[int, str]:
        """The message of the earliest log of each of these shapes that are registered, cut if it is long."""
        await self.catalogue(organization_id)
        return self._of(organization_id).registry.exemplars(shapes)

    async def pattern(self, organization_id: OrganizationId, pattern_id: int) -> Pattern:
        """The pattern with this id, or that this shape belongs to.

        Raises:
            NotFound: there is no such pattern.
            ServiceUnavailable: as ``catalogue``.
        """
        return _pattern(await self.catalogue(organization_id), pattern_id)

    async def edits(self, organization_id: OrganizationId) -> list[Edit]:
        """What people decided, the newest first. Raises ``ServiceUnavailable``."""
        return list(reversed(await self._repository.edits(organization_id)))

    async def merge(self, organization_id: OrganizationId, pattern_ids: Sequence[int], *, by: UUID) -> Pattern:
        """Make one pattern of several, now and for shapes to come.

        Raises:
            InvalidRequest: they are not at least two different patterns.
            NotFound: one of them is not there.
        """
        catalogue = await self.catalogue(organization_id)
        found = {_pattern(catalogue, pattern_id).id for pattern_id in pattern_ids}
        if len(found) < 2:
            raise InvalidRequest("a merge needs at least two patterns that are not one already")
        return await self._decide(organization_id, EditKind.MERGE, sorted(found), by=by)

    async def split(
        self, organization_id: OrganizationId, pattern_id: int, shapes: Sequence[int], *, by: UUID
    ) -> Pattern:
        """Make a pattern of its own of some of a pattern's shapes.

        Raises:
            InvalidRequest: they are none or all of its shapes, or not its shapes.
            NotFound: there is no such pattern.
        """
        pattern = await self.pattern(organization_id, pattern_id)
        wanted = set(shapes)
        if strangers := wanted - pattern.shapes:
            some = pattern_id_text(min(strangers))
            raise InvalidRequest(f"the shape {some} is not one of the pattern {pattern_id_text(pattern.id)}")
        if not wanted or wanted == pattern.shapes:
            raise InvalidRequest(
                f"split off some of the pattern's {len(pattern.shapes):,} shapes, at least one and not all of them"
            )
        return await self._decide(organization_id, EditKind.SPLIT, sorted(wanted), by=by)

    async def rename(self, organization_id: OrganizationId, pattern_id: int, name: str | None, *, by: UUID) -> Pattern:
        """Give a pattern a name, or take it away. Raises ``NotFound``."""
        pattern = await self.pattern(organization_id, pattern_id)
        return await self._decide(organization_id, EditKind.NAME, [pattern.id], by=by, name=name)

    async def mute(self, organization_id: OrganizationId, pattern_id: int, *, muted: bool, by: UUID) -> Pattern:
        """Want to hear no more of a pattern, or again. Raises ``NotFound``."""
        pattern = await self.pattern(organization_id, pattern_id)
        return await self._decide(organization_id, EditKind.MUTE if muted else EditKind.UNMUTE, [pattern.id], by=by)

    async def undo(self, organization_id: OrganizationId, edit_id: UUID) -> None:
        """Forget what somebody decided; all else that was decided holds.

        Raises:
            NotFound: there is no such edit.
        """
        if not await self._repository.remove_edit(organization_id, edit_id):
            raise NotFound(f"there is no edit of patterns with the id {edit_id}")
        await self._read_edits(organization_id)

    async def close(self) -> None:
        """Stop following. What was not registered is at the next start."""
        if self._follower is not None:
            self._follower.cancel()
            await asyncio.wait([self._follower])

    async def _decide(
        self,
        organization_id: OrganizationId,
        kind: EditKind,
        shapes: Sequence[int],
        *,
        by: UUID,
        name: str | None = None,
    ) -> Pattern:
        if await self._repository.count_edits(organization_id) >= MAX_EDITS:
            raise Conflict(f"{MAX_EDITS:,} edits of patterns are kept already; undo some first")
        edit = Edit(
            id=uuid4(), kind=kind, shapes=tuple(shapes), name=name, created_by=by, created_at=utc_now(self._clock)
        )
        await self._repository.add_edit(organization_id, edit)
        await self._read_edits(organization_id)
        return _pattern(self._of(organization_id).registry.current, shapes[0])

    async def _read_edits(self, organization_id: OrganizationId) -> None:
        followed = self._of(organization_id)
        async with followed.turn:
            followed.registry.decide(await self._repository.edits(organization_id))
            await self._publish(organization_id, followed)

    def _of(self, organization_id: OrganizationId) -> _Followed:
        followed = self._followed.get(organization_id)
        if followed is None:
            followed = self._followed[organization_id] = _Followed()
        if self._follower is None or self._follower.done():
            self._follower = asyncio.create_task(self._follow())
        return followed

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(self._look_seconds)
            now = monotonic()
            for organization_id, followed in list(self._followed.items()):
                if followed.is_due(now):
                    await self._look_if_possible(organization_id, followed)

    async def _look_if_possible(self, organization_id: OrganizationId, followed: _Followed) -> None:
        reads_edits = monotonic() - followed.edits_read_at >= POLL_SECONDS
        try:
            await self._look(organization_id, followed, reads_edits=reads_edits)
        except TocsinError as error:
            followed.looked_at = monotonic()
            log.warning("patterns.not_read", organization_id=str(organization_id), reason=error.detail)
        except IntegrityError:
            del self._followed[organization_id]
            log.info("patterns.of_a_removed_organization", organization_id=str(organization_id))
        except Exception:
            followed.looked_at = monotonic()
            log.exception("patterns.look_failed", organization_id=str(organization_id))

    async def _look(self, organization_id: OrganizationId, followed: _Followed, *, reads_edits: bool = True) -> None:
        async with followed.turn:
            followed.is_woken = False
            if followed.position is None:
                # In this order: what another process registers meanwhile is read again, and not left out.
                position = await self._repository.position(organization_id)
                shapes = await self._repository.shapes(organization_id)
                await asyncio.to_thread(followed.registry.add, shapes)
                followed.position = position
            if reads_edits:
                followed.registry.decide(await self._repository.edits(organization_id))
                followed.edits_read_at = monotonic()
            await self._read_new_shapes(organization_id, followed, followed.position)
            await self._publish(organization_id, followed)
            followed.looked_at = monotonic()

    async def _read_new_shapes(self, organization_id: OrganizationId, followed: _Followed, position: int) -> None:
        up_to = await self._store.last_sequence(organization_id)
        if up_to <= position:
            return
        seen = await self._store.shapes_after(organization_id, position, up_to=up_to)
        news = [each.shape for each in seen if followed.registry.is_news(each.shape, each.first_unix_nano)]
        found: list[RegisteredShape] = []
        for start in range(0, len(news), _MESSAGES_A_READ):
            asked = news[start : start + _MESSAGES_A_READ]
            earliest = await self._store.earliest_messages(organization_id, asked, after=position, up_to=up_to)
            found += [RegisteredShape(each.shape, each.timestamp_unix_nano, _cut(each.message)) for each in earliest]
        followed.unsaved += await asyncio.to_thread(followed.registry.add, found)
        # A position that the database does not have is read up to again after a crash: that costs time, no shape.
        if followed.unsaved or monotonic() - followed.saved_at >= SAVE_SECONDS:
            await self._repository.register(organization_id, followed.unsaved, position=up_to)
            followed.unsaved.clear()
            followed.saved_at = monotonic()
        followed.position = up_to

    async def _publish(self, organization_id: OrganizationId, followed: _Followed) -> None:
        before = followed.registry.current
        catalogue = await asyncio.to_thread(followed.registry.catalogue)
        if catalogue is before:
            return
        _shapes.set(sum(len(each.registry.current.pattern_ids) for each in self._followed.values()))
        for listener in self._listeners:
            listener(organization_id, catalogue)


def _pattern(catalogue: PatternCatalogue, pattern_id: int) -> Pattern:
    found = catalogue.pattern_of(pattern_id)
    if found is None:
        raise NotFound(f"there is no pattern with the id {pattern_id_text(pattern_id)}")
    return catalogue.patterns[found]


def _cut(message: str) -> str:
    """What clustering looks at, as every database can keep it."""
    return message[:MAX_EXEMPLAR_CHARACTERS].replace("\0", "\N{REPLACEMENT CHARACTER}")
