"""Search by meaning as a whole: the real model, the registry of patterns, and real stores."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient
from sqlalchemy import insert

from tests.search.conftest import ORGANIZATION, PRINCIPAL, HeldClock, given, problem
from tests.support.logs import NOON_UNIX_NANO, log_batch
from tests.support.reading import eventually
from tocsin.accounts.tables import OrganizationRow
from tocsin.database.scopes import ALL_ORGANIZATIONS
from tocsin.database.service import Database
from tocsin.embeddings.backends.absent import AbsentModel
from tocsin.embeddings.backends.minilm import MiniLmModel
from tocsin.embeddings.ports import EmbeddingModel, Vectors
from tocsin.kit.clock import SystemClock, utc_now
from tocsin.kit.errors import InvalidRequest, TocsinError
from tocsin.logstore.backends.memory.store import MemoryLogStore
from tocsin.logstore.ports import LogStore, Receipt
from tocsin.patterns.repository import PatternsRepository
from tocsin.patterns.service import PatternsService
from tocsin.search.contracts import Question
from tocsin.search.limits import QueryLimits
from tocsin.search.meaning import candidates
from tocsin.search.meaning.contracts import RelevantLogs
from tocsin.search.meaning.embedder import SETTLE_SECONDS, PatternEmbedder
from tocsin.search.meaning.repository import EmbeddingsRepository
from tocsin.search.meaning.service import MeaningSearch
from tocsin.search.meaning_endpoints import MeaningController
from tocsin.search.questions import Questions

OTHER_ORGANIZATION = UUID("00000000-0000-8000-8000-0000000000bb")
MINUTE = 60_000_000_000

LOGINS = tuple(f"user {name} logged in from 10.0.0.{number}" for number, name in enumerate(("ann", "bob", "cat")))
PAYMENTS = tuple(f"payment {number} declined by the bank: insufficient funds" for number in range(4700, 4720))
OTHERS = (
    "no space left on device /dev/sda1",
    "connection to 10.9.9.9:5432 refused",
    "cache refreshed in 17 ms",
    "snapshot 12 of index orders created",
)
WITHIN = Question(organization_id=ORGANIZATION)


class CountingModel:
    """The real model, and what it was asked."""

    def __init__(self, model: EmbeddingModel, version: str | None = None) -> None:
        self._model = model
        self.version = version or model.version
        self.dimensions = model.dimensions
        self.unavailable_reason: str | None = None
        self.embedded: list[str] = []

    async def embed(self, texts: Sequence[str]) -> Vectors:
        self.embedded += texts
        return await self._model.embed(texts)


@dataclass
class Parts:
    """What a search is made of."""

    search: MeaningSearch
    embedder: PatternEmbedder
    patterns: PatternsService
    model: CountingModel | AbsentModel

    async def learn(self, organization_id: UUID = ORGANIZATION) -> None:
        catalogue = await self.patterns.look(organization_id)
        await self.embedder.finish(organization_id, catalogue)

    async def messages(self, asked: str, k: int = 10) -> list[str]:
        return _messages(await self.search.search(asked, WITHIN, k=k))


def _messages(found: RelevantLogs) -> list[str]:
    messages: list[str] = found.rows["message"].to_pylist()
    return messages


@pytest.fixture(scope="session")
def minilm() -> MiniLmModel:
    return MiniLmModel()


@pytest.fixture
def store() -> LogStore:
    """The oracle: what other stores find is the business of their conformance."""
    return MemoryLogStore()


@pytest.fixture
async def organizations(tmp_path: Path, migrated_sqlite_file: Path) -> AsyncIterator[Database]:
    shutil.copy(migrated_sqlite_file, tmp_path / "tocsin.db")
    database = Database(f"sqlite:///{tmp_path / 'tocsin.db'}")
    moment = utc_now(SystemClock())
    rows = [
        {"id": each, "slug": slug, "name": slug, "content_hash_seed": 1, "created_at": moment}
        for each, slug in ((ORGANIZATION, "first"), (OTHER_ORGANIZATION, "second"))
    ]
    async with database.session(ALL_ORGANIZATIONS) as session:
        await session.execute(insert(OrganizationRow), rows)
    yield database
    await database.close()


class Builder:
    """Builds searches over one store and one database, and closes them."""

    def __init__(self, store: LogStore, database: Database, clock: HeldClock, limits: QueryLimits) -> None:
        self._store, self._database, self._clock, self._limits = store, database, clock, limits
        self._built: list[Parts] = []

    def __call__(self, model: CountingModel | AbsentModel, *, settle_seconds: float = SETTLE_SECONDS) -> Parts:
        patterns = PatternsService(
            self._store, PatternsRepository(self._database), clock=self._clock, look_seconds=3_600.0
        )
        embedder = PatternEmbedder(
            EmbeddingsRepository(self._database), model, pause_share=0, settle_seconds=settle_seconds
        )
        questions = Questions(patterns, clock=self._clock)
        search = MeaningSearch(self._store, patterns, questions, embedder, model, limits=self._limits)
        self._built.append(Parts(search, embedder, patterns, model))
        return self._built[-1]

    async def close(self) -> None:
        for parts in self._built:
            await parts.embedder.close()
            await parts.patterns.close()


@pytest.fixture
async def build(
    store: LogStore, organizations: Database, clock: HeldClock, limits: QueryLimits
) -> AsyncIterator[Builder]:
    builder = Builder(store, organizations, clock, limits)
    yield builder
    await builder.close()


async def _done(condition: bool) -> bool:
    return condition


async def _write(store: LogStore, messages: Sequence[str], organization_id: UUID = ORGANIZATION) -> None:
    rows: list[dict[str, Any]] = [
        {"message": message, "timestamp": NOON_UNIX_NANO - MINUTE + number} for number, message in enumerate(messages)
    ]
    await store.write(organization_id, log_batch(rows), Receipt(received=len(rows)))


@pytest.fixture
async def parts(build: Builder, store: LogStore, minilm: MiniLmModel) -> Parts:
    await _write(store, (*LOGINS, *PAYMENTS, *OTHERS))
    parts = build(CountingModel(minilm))
    await parts.learn()
    return parts


async def test_what_means_the_same_is_found_without_a_word_in_common(parts: Parts) -> None:
    found = await parts.search.search("is a disk out of storage?", WITHIN)
    assert _messages(found)[0] == OTHERS[0]
    assert found.degraded_reason is None
    reason = found.reasons[0]
    assert reason.meaning is not None
    assert reason.meaning > 0.3
    assert reason.pattern is not None
    assert reason.pattern.template.startswith("no space left on device")


async def test_ids_and_numbers_find_their_rows(parts: Parts) -> None:
    for asked, expected in (
        ("what became of payment 4711?", PAYMENTS[11]),
        ("who came from 10.0.0.1?", LOGINS[1]),
        ("what about 10.9.9.9:5432?", OTHERS[1]),
        ("bob", LOGINS[1]),
    ):
        found = await parts.search.search(asked, WITHIN, k=3)
        assert _messages(found)[0] == expected, asked
        assert found.reasons[0].matched, asked
        assert found.reasons[0].relevance > found.reasons[1].relevance, asked


async def test_a_row_is_found_however_many_others_its_pattern_has(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidates, "ROWS_OF_VALUES", 3)
    monkeypatch.setattr(candidates, "ROWS_AN_ANSWER", 1)
    assert (await parts.messages("what became of payment 4719?"))[0] == PAYMENTS[19]
    # And rows of a pattern, where those of others would fill the answer.
    assert (await parts.messages("space left on the device, declined payments or not"))[:2] != list(PAYMENTS[:2])


async def test_answers_are_of_different_patterns(parts: Parts) -> None:
    messages = await parts.messages("payments declined by the bank")
    assert messages[0] == PAYMENTS[0]
    # Twenty payments are nearer than anything else, and still there is room for others.
    assert len(set(messages) - set(PAYMENTS)) >= 3
    # The logs that are meant are all shown.
    several = await parts.messages("payment 4701 or payment 4702 or payment 4703", k=3)
    assert set(several) == set(PAYMENTS[1:4])


async def test_relevance_is_between_0_and_1_and_its_parts_explain_it(parts: Parts) -> None:
    found = await parts.search.search("declined payment 4711", WITHIN)
    for reason in found.reasons:
        assert reason.meaning is not None
        assert 0 <= reason.relevance <= 1
        assert reason.relevance == pytest.approx((reason.words + reason.meaning) / 2, abs=1e-3)
    assert set(found.reasons[0].matched) == {"declined", "payment", "4711"}


async def test_nothing_outside_the_time_range_or_of_others_is_found(
    parts: Parts, store: LogStore, clock: HeldClock
) -> None:
    await _write(store, ["payment 4711 stolen"], OTHER_ORGANIZATION)
    assert "payment 4711 stolen" not in await parts.messages("payment 4711 stolen")
    clock.unix_nano += 2 * 60 * MINUTE
    assert await parts.messages("payment 4711") == []


async def test_without_the_model_words_alone_decide_and_the_answer_says_so(build: Builder, store: LogStore) -> None:
    await _write(store, (*LOGINS, *PAYMENTS, *OTHERS))
    parts = build(AbsentModel("the model is turned off"))
    await parts.learn()
    found = await parts.search.search("what became of payment 4711?", WITHIN)
    assert _messages(found)[0] == PAYMENTS[11]
    assert found.degraded_reason == "the model is turned off"
    assert found.reasons[0].meaning is None
    assert found.reasons[0].relevance == found.reasons[0].words
    assert (await parts.messages("device space"))[0] == OTHERS[0]


async def test_patterns_that_are_not_embedded_yet_are_told_and_found_by_words(
    build: Builder, store: LogStore, minilm: MiniLmModel
) -> None:
    await _write(store, OTHERS)
    parts = build(CountingModel(minilm))
    await parts.patterns.look(ORGANIZATION)
    found = await parts.search.search("connection refused", WITHIN)
    assert _messages(found)[0] == OTHERS[1]
    assert found.degraded_reason == "4 of 4 patterns have no embedding yet"


async def test_patterns_are_embedded_in_the_background_when_they_change(
    build: Builder, store: LogStore, minilm: MiniLmModel
) -> None:
    await _write(store, OTHERS)
    parts = build(CountingModel(minilm))
    parts.patterns.on_change(parts.embedder.changed)
    catalogue = await parts.patterns.look(ORGANIZATION)

    async def are_embedded() -> bool:
        return bool((await parts.embedder.index(ORGANIZATION, catalogue)).has_vector.all())

    assert await eventually(are_embedded, bool)


async def test_new_patterns_wait_until_they_have_settled_or_a_search_asks_for_them(
    build: Builder, store: LogStore, minilm: MiniLmModel
) -> None:
    await _write(store, OTHERS)
    parts = build(model := CountingModel(minilm), settle_seconds=3_600.0)
    parts.patterns.on_change(parts.embedder.changed)
    await parts.patterns.look(ORGANIZATION)
    await asyncio.sleep(0.3)
    assert model.embedded == []
    await parts.search.search("connection refused", WITHIN)
    # The question too.
    assert await eventually(lambda: _done(len(set(model.embedded)) == len(OTHERS) + 1), bool)


async def test_patterns_that_have_settled_are_embedded_without_a_search(
    build: Builder, store: LogStore, minilm: MiniLmModel
) -> None:
    await _write(store, OTHERS)
    parts = build(model := CountingModel(minilm), settle_seconds=0.1)
    parts.patterns.on_change(parts.embedder.changed)
    await parts.patterns.look(ORGANIZATION)
    assert await eventually(lambda: _done(len(model.embedded) == len(OTHERS)), bool)


async def test_vectors_are_kept_and_made_anew_for_another_model(
    build: Builder, store: LogStore, organizations: Database, minilm: MiniLmModel
) -> None:
    await _write(store, OTHERS)
    first = CountingModel(minilm)
    await build(first).learn()
    assert len(first.embedded) == 4
    again = CountingModel(minilm)
    after_restart = build(again)
    await after_restart.learn()
    assert again.embedded == []
    assert (await after_restart.messages("is a disk out of storage?"))[0] == OTHERS[0]
    newer = CountingModel(minilm, version="newer@1")
    await build(newer).learn()
    assert len(newer.embedded) == 4
    assert len(await EmbeddingsRepository(organizations).vectors(ORGANIZATION, newer.version)) == 4


async def test_rows_that_the_registry_has_not_seen_are_found_by_words(parts: Parts, store: LogStore) -> None:
    await store.write(
        ORGANIZATION,
        log_batch([{"message": "zebra crossed the road", "timestamp": NOON_UNIX_NANO - 1}]),
        Receipt(received=1),
    )
    found = await parts.search.search("where did the zebra go?", WITHIN)
    assert _messages(found)[0] == "zebra crossed the road"
    assert found.reasons[0].pattern is None


@pytest.mark.parametrize(("asked", "k"), [("", 10), ("  ", 10), ("x" * 1_001, 10), ("disk", 0), ("disk", 101)])
async def test_questions_out_of_bounds_are_refused(parts: Parts, asked: str, k: int) -> None:
    with pytest.raises(InvalidRequest):
        await parts.search.search(asked, WITHIN, k=k)


async def test_a_store_without_logs_has_no_answers(build: Builder, minilm: MiniLmModel) -> None:
    parts = build(CountingModel(minilm))
    await parts.learn()
    assert await parts.messages("anything at all?") == []


async def test_the_endpoint_answers_logs_with_reasons(parts: Parts) -> None:
    app = Litestar(
        [MeaningController],
        dependencies={"principal": given(PRINCIPAL), "meaning_search": given(parts.search)},
        exception_handlers={TocsinError: problem},
    )
    async with AsyncTestClient(app) as client:
        response = await client.post("/v1/logs/search", json={"query": "what became of payment 4711?", "k": 2})
        assert response.status_code == 200
        body = response.json()
        assert (body["is_degraded"], body["degraded_reason"], body["given_up"]) == (False, None, [])
        best = body["results"][0]
        assert best["log"]["message"] == PAYMENTS[11]
        assert best["pattern"]["template"].startswith("payment <num> declined")
        assert best["why"]["matched"] == ["became", "payment", "4711"][1:]
        assert best["relevance"] == pytest.approx((best["why"]["words"] + best["why"]["meaning"]) / 2, abs=1e-3)
        assert len(body["results"]) == 2
        nothing = await client.post("/v1/logs/search", json={"query": "payment", "from": "now-3h", "to": "now-2h"})
        assert nothing.json()["results"] == []
        assert (await client.post("/v1/logs/search", json={"query": "payment", "k": 101})).status_code == 400
