"""``ComparisonService``: reads two windows and says what changed."""

import asyncio
from dataclasses import replace

import pyarrow as pa

from tocsin.kit.clock import Clock
from tocsin.logmodel.batch import STORED_LOG_SCHEMA
from tocsin.logmodel.masking import masked_texts
from tocsin.logstore.ports import LogStore, Order, ScanPlan, Selection
from tocsin.query.parser import parse
from tocsin.query.text import to_text
from tocsin.query.tree import ShapeIs
from tocsin.search.comparison.analysis import BLOCKS, Found, Window, changes_told, found_in
from tocsin.search.comparison.contracts import (
    Comparison,
    ComparisonQuestion,
)
from tocsin.search.comparison.counted import cell_nano
from tocsin.search.comparison.novel import new_patterns
from tocsin.search.comparison.windows import windows_of
from tocsin.search.field_names import both
from tocsin.search.limits import QueryLimits
from tocsin.search.questions import Catalogues, Questions, check_limit

DEFAULT_CHANGES, MAX_CHANGES = 20, 200

WHOLE_ROWS = 20_000
"""A window with at most so many logs is read whole."""

SAMPLE_ROWS = 9_600
"""Of a larger window, so many rows are read: more cost time, fewer find only larger changes of rarer keys."""


class ComparisonService:
    """Compares two windows of the logs of one organization at a time.

    Its method raises as ``SearchService``'s do, and ``InvalidTimeRange`` where the windows can't be compared.
    """

    def __init__(
        self, store: LogStore, catalogues: Catalogues, questions: Questions, *, limits: QueryLimits, clock: Clock
    ) -> None:
        self._store = store
        self._catalogues = catalogues
        self._questions = questions
        self._limits = limits
        self._clock = clock

    async def compare(self, question: ComparisonQuestion) -> Comparison:
        """What is not as it was: patterns, levels, services, metadata values and numbers.

        Patterns, levels and services are counted in all logs; metadata and numbers in all logs of small windows, and in
        a sample of others that is spread over the time.
        """
        check_limit(question.limit, MAX_CHANGES)
        before_range, after_range = windows_of(question, now_unix_nano=self._clock.now_unix_nano())
        after_selection = Selection(
            organization_id=question.organization_id,
            time_range=after_range,
            query=await self._questions.query(question.organization_id, question.text),
            timeout_seconds=self._limits.timeout_seconds,
        )
        async with self._limits.slot(after_selection):
            catalogue = await self._catalogues.catalogue(question.organization_id)
            before, after = await asyncio.gather(
                self._read(replace(after_selection, time_range=before_range)), self._read(after_selection)
            )
            found = await asyncio.to_thread(found_in, before, after, catalogue)
            texts = await self._texts(found, before, after, limit=question.limit)
            new = await asyncio.to_thread(new_patterns, after.counts, after_range, catalogue)
        query = parse(question.text)
        changes = await asyncio.to_thread(changes_told, found, before, after, catalogue, texts, query=query)
        return Comparison(
            query=to_text(query),
            before=before.reading,
            after=after.reading,
            changes=changes[: question.limit],
            has_more=len(changes) > question.limit,
            asked=found.tests.asked,
            new_patterns=new,
        )

    async def _read(self, selection: Selection) -> Window:
        counts = await self._store.shape_counts(selection, interval_nano=cell_nano(selection.time_range))
        logs = int(counts["count"].to_numpy().sum()) if counts.num_rows else 0
        if logs <= WHOLE_ROWS:
            plan = ScanPlan(selection=selection, order=Order.OLDEST_FIRST)
            rows = pa.Table.from_batches([batch async for batch in self._store.scan(plan)], schema=STORED_LOG_SCHEMA)
        else:
            rows = await self._store.sample(selection, slices=BLOCKS, rows_per_slice=SAMPLE_ROWS // BLOCKS)
        return Window(selection, counts, rows, logs)

    async def _texts(self, found: Found, before: Window, after: Window, *, limit: int) -> dict[int, str]:
        """The masked messages of shapes that are told of and that no pattern has."""
        messages = dict(found.messages)
        for shape in found.shapes[: 2 * limit]:
            for window in (after, before):
                if shape not in messages:
                    selection = replace(window.selection, query=both(window.selection.query, ShapeIs(shape)))
                    batches = [batch async for batch in self._store.scan(ScanPlan(selection=selection, limit=1))]
                    messages.update((shape, batch["message"][0].as_py()) for batch in batches if batch.num_rows)
        return dict(zip(messages, masked_texts(list(messages.values())), strict=True)) if messages else {}
