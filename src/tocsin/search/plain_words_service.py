"""``PlainWordsService``: questions in English, with the services and fields that an organization's logs have."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from datetime import tzinfo
from zoneinfo import ZoneInfo

from tocsin.kit.clock import Clock
from tocsin.kit.errors import InvalidRequest
from tocsin.kit.moments import NANOSECONDS_A_SECOND
from tocsin.logstore.ports import OrganizationId
from tocsin.search.contracts import Question
from tocsin.search.exploration import ExplorationService
from tocsin.search.plain_words.contracts import KnownField, Translation, Vocabulary
from tocsin.search.plain_words.known_fields import looks_numeric
from tocsin.search.plain_words.translator import Translator

VOCABULARY_RANGE = "now-6h"
"""How far back the services and fields are looked for that a question may name."""

VOCABULARY_SECONDS = 30
"""So long a vocabulary is kept before it is read anew."""

MAX_VOCABULARIES = 1_000
"""Organizations whose vocabularies are kept at once."""

MAX_SERVICES = MAX_FIELDS = 1_000

MAX_VALUES = 50
"""A field with more values than this names no place or stage, of which people say the value alone."""

FIELDS_OF_VALUES = (
    "http.method",
    "http.request.method",
    "method",
    "region",
    "cloud.region",
    "env",
    "environment",
    "deployment.environment",
    "deployment.environment.name",
    "host.name",
    "host",
    "hostname",
)
"""Fields whose values people say alone: ``in eu-west``, ``GET``; at most three of those that are there are read."""

MAX_FIELDS_OF_VALUES = 3


@dataclass(frozen=True, slots=True)
class _Kept:
    translator: Translator
    read_unix_nano: int


class PlainWordsService:
    """Translates questions. Raises as ``ExplorationService`` does."""

    def __init__(self, exploration: ExplorationService, *, clock: Clock) -> None:
        self._exploration = exploration
        self._clock = clock
        self._kept: OrderedDict[OrganizationId, _Kept] = OrderedDict()

    async def translate(self, organization_id: OrganizationId, text: str, *, time_zone: tzinfo) -> Translation:
        """What the text asks for, if it is said now, in this zone."""
        translator = await self._translator(organization_id)
        # In a thread: the worst texts take half a second.
        return await asyncio.to_thread(
            translator.translate, text, now_unix_nano=self._clock.now_unix_nano(), time_zone=time_zone
        )

    async def _translator(self, organization_id: OrganizationId) -> Translator:
        now = self._clock.now_unix_nano()
        kept = self._kept.get(organization_id)
        if kept is None or not 0 <= now - kept.read_unix_nano < VOCABULARY_SECONDS * NANOSECONDS_A_SECOND:
            kept = _Kept(await asyncio.to_thread(Translator, await self._read(organization_id)), now)
            self._kept[organization_id] = kept
        self._kept.move_to_end(organization_id)
        while len(self._kept) > MAX_VOCABULARIES:
            self._kept.popitem(last=False)
        return kept.translator

    async def _read(self, organization_id: OrganizationId) -> Vocabulary:
        recent = Question(organization_id=organization_id, start=VOCABULARY_RANGE)
        services = await self._exploration.values(recent, "service", limit=MAX_SERVICES)
        found = await self._exploration.fields(recent, limit=MAX_FIELDS)
        names = [each.name for each in found.fields if not each.is_built_in]
        values: dict[str, tuple[str, ...]] = {}
        for name in [name for name in FIELDS_OF_VALUES if name in names][:MAX_FIELDS_OF_VALUES]:
            of_field = await self._exploration.values(recent, name, limit=MAX_VALUES)
            if not of_field.has_more:
                values[name] = tuple(each.value for each in of_field.values if each.value)
        return Vocabulary(
            services=tuple(each.value for each in services.values if each.value),
            fields=tuple(KnownField(name=name, is_numeric=looks_numeric(name)) for name in names),
            values=values,
        )


def zone_named(name: str) -> tzinfo:
    """The time zone with this name.

    Raises:
        InvalidRequest: there is none.
    """
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise InvalidRequest(f"{name!r} is no time zone: expected a name like Europe/Berlin or UTC") from None
