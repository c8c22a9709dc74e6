"""The rows that keep vectors of patterns."""

from collections.abc import Collection, Mapping
from uuid import UUID

import numpy as np
from sqlalchemy import delete, select

from tocsin.database.inserting import insert_into
from tocsin.database.service import Database
from tocsin.search.meaning.index import Vector
from tocsin.search.meaning.tables import PatternEmbeddingRow

_KEPT_AS = np.dtype("<f2")
"""Cosines are the same to three digits, at half the bytes."""

_ROWS_A_STATEMENT = 500


class EmbeddingsRepository:
    """Every method is about one organization, and may raise ``ServiceUnavailable``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def vectors(self, organization_id: UUID, model: str) -> dict[bytes, Vector]:
        """Every vector that this model made, by the hash of its text."""
        asked = select(PatternEmbeddingRow.text_hash, PatternEmbeddingRow.vector).where(
            PatternEmbeddingRow.organization_id == organization_id, PatternEmbeddingRow.model == model
        )
        async with self._database.read_session(organization_id) as session:
            rows = (await session.execute(asked)).all()
        return {bytes(text_hash): _vector(kept) for text_hash, kept in rows}

    async def add(self, organization_id: UUID, model: str, vectors: Mapping[bytes, Vector]) -> None:
        """Keep vectors; those that are there stay.

        Raises:
            IntegrityError: there is no such organization any more.
        """
        rows = [
            {
                "organization_id": organization_id,
                "model": model,
                "text_hash": text_hash,
                "vector": vectors[text_hash].astype(_KEPT_AS).tobytes(),
            }
            # In one order, so that processes that write the same rows wait for each other, and never in a circle.
            for text_hash in sorted(vectors)
        ]
        async with self._database.session(organization_id) as session:
            await session.execute(insert_into(session, PatternEmbeddingRow).on_conflict_do_nothing(), rows)

    async def forget(self, organization_id: UUID, model: str, text_hashes: Collection[bytes]) -> None:
        """Forget these vectors of a model, and all vectors of other models."""
        of_organization = PatternEmbeddingRow.organization_id == organization_id
        hashes = sorted(text_hashes)
        async with self._database.session(organization_id) as session:
            await session.execute(
                delete(PatternEmbeddingRow).where(of_organization, PatternEmbeddingRow.model != model)
            )
            for start in range(0, len(hashes), _ROWS_A_STATEMENT):
                some = hashes[start : start + _ROWS_A_STATEMENT]
                await session.execute(
                    delete(PatternEmbeddingRow).where(of_organization, PatternEmbeddingRow.text_hash.in_(some))
                )


def _vector(kept: bytes) -> Vector:
    vector: Vector = np.frombuffer(kept, dtype=_KEPT_AS).astype(np.float32)
    return vector / max(float(np.linalg.norm(vector)), 1e-9)
