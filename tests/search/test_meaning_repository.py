"""Vectors in the database: both databases, every organization its own."""

from uuid import UUID, uuid4

import numpy as np
import pytest
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from tocsin.accounts.tables import OrganizationRow
from tocsin.database.scopes import ALL_ORGANIZATIONS
from tocsin.database.service import Database
from tocsin.kit.clock import SystemClock, utc_now
from tocsin.search.meaning.repository import EmbeddingsRepository

FIRST, SECOND = UUID(int=0xA), UUID(int=0xB)
VECTORS = {bytes([number] * 16): np.eye(4, dtype=np.float32)[number] for number in range(3)}


@pytest.fixture
async def repository(database: Database) -> EmbeddingsRepository:
    moment = utc_now(SystemClock())
    rows = [
        {"id": each, "slug": str(each), "name": "any", "content_hash_seed": 1, "created_at": moment}
        for each in (FIRST, SECOND)
    ]
    async with database.session(ALL_ORGANIZATIONS) as session:
        await session.execute(insert(OrganizationRow), rows)
    return EmbeddingsRepository(database)


async def test_vectors_come_back_as_they_were_kept(repository: EmbeddingsRepository) -> None:
    await repository.add(FIRST, "model@1", VECTORS)
    found = await repository.vectors(FIRST, "model@1")
    assert found.keys() == VECTORS.keys()
    for text_hash, vector in found.items():
        assert vector.dtype == np.float32
        np.testing.assert_allclose(vector, VECTORS[text_hash])
    assert await repository.vectors(FIRST, "model@2") == {}
    assert await repository.vectors(SECOND, "model@1") == {}


async def test_keeping_a_vector_again_changes_nothing(repository: EmbeddingsRepository) -> None:
    await repository.add(FIRST, "model@1", VECTORS)
    await repository.add(FIRST, "model@1", VECTORS)
    assert len(await repository.vectors(FIRST, "model@1")) == 3


async def test_what_is_forgotten_is_of_one_organization(repository: EmbeddingsRepository) -> None:
    for organization_id in (FIRST, SECOND):
        await repository.add(organization_id, "model@1", VECTORS)
        await repository.add(organization_id, "model@2", VECTORS)
    unwanted = next(iter(VECTORS))
    await repository.forget(FIRST, "model@2", [unwanted])
    assert await repository.vectors(FIRST, "model@1") == {}
    assert (await repository.vectors(FIRST, "model@2")).keys() == VECTORS.keys() - {unwanted}
    assert len(await repository.vectors(SECOND, "model@1")) == 3
    assert len(await repository.vectors(SECOND, "model@2")) == 3


async def test_an_organization_that_is_gone_keeps_no_vectors(repository: EmbeddingsRepository) -> None:
    with pytest.raises(IntegrityError):
        await repository.add(uuid4(), "model@1", VECTORS)
