"""``ExportService``: all logs that match, as a file that is made while it is sent."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from typing import cast

import pyarrow as pa

from tocsin.kit.errors import InvalidRequest
from tocsin.logstore.ports import LogStore, Order, ScanPlan, Selection
from tocsin.search.contracts import ExportFormat, Question
from tocsin.search.export_files import FileWriter, file_writer
from tocsin.search.limits import QueryLimits, advised
from tocsin.search.questions import Questions

BATCH_ROWS = 5_000
"""Rows that become bytes at one time, in a thread."""

CHUNK_BYTES = 256 * 1024
"""The most that is handed over at one time; a caller who takes none for a while is left behind."""


class ExportService:
    """Exports with slots and a time-out of their own, so that they neither wait for queries nor hold them up."""

    def __init__(self, store: LogStore, questions: Questions, *, limits: QueryLimits) -> None:
        """``limits.timeout_seconds`` is how long the store may read for one export; waiting for the caller is free."""
        self._store = store
        self._questions = questions
        self._limits = limits

    async def export(
        self, question: Question, form: ExportFormat, *, order: Order = Order.OLDEST_FIRST, limit: int | None = None
    ) -> AsyncIterator[bytes]:
        """The file, in pieces of at most ``CHUNK_BYTES``; closing the iterator stops the scan.

        It returns once the first logs are there, so most failures are met before anything is sent. One that comes
        later ends the file in its middle, and raises.

        Raises:
            What resolving the question and asking the store may, and ``TooManyRequests`` where all slots are taken.
        """
        if limit is not None and limit < 1:
            raise InvalidRequest(f"the limit must be at least 1, not {limit:,}")
        selection = await self._questions.selection(question, timeout_seconds=self._limits.timeout_seconds)
        plan = ScanPlan(selection=selection, order=order, limit=limit, batch_rows=BATCH_ROWS)
        pieces = self._pieces(plan, file_writer(form))
        return _resumed(await anext(pieces), pieces)

    async def _pieces(self, plan: ScanPlan, writer: FileWriter) -> AsyncGenerator[bytes, None]:
        """The file's bytes, of which the first may be none; holds a slot until its end."""
        await self._limits.acquire()
        try:
            async with aclosing(_advised(self._store.scan(plan), plan.selection)) as batches:
                first = await anext(batches, None)
                yield writer.start()
                if first is not None:
                    yield await asyncio.to_thread(writer.add, first)
                async for batch in batches:
                    yield await asyncio.to_thread(writer.add, batch)
            yield await asyncio.to_thread(writer.end)
        finally:
            self._limits.release()


async def _advised(
    batches: AsyncIterator[pa.RecordBatch], selection: Selection
) -> AsyncGenerator[pa.RecordBatch, None]:
    with advised(selection, timeout_seconds=selection.timeout_seconds):
        async with aclosing(cast(AsyncGenerator[pa.RecordBatch, None], batches)):
            async for batch in batches:
                yield batch


async def _resumed(first: bytes, others: AsyncGenerator[bytes, None]) -> AsyncIterator[bytes]:
    """``first`` and ``others``, cut into chunks."""
    async with aclosing(others):
        for chunk in _chunks(first):
            yield chunk
        async for piece in others:
            for chunk in _chunks(piece):
                yield chunk


def _chunks(piece: bytes) -> Iterator[bytes]:
    return (piece[start : start + CHUNK_BYTES] for start in range(0, len(piece), CHUNK_BYTES))
