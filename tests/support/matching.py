"""Which of a few rows match a query: rows are told apart by their time, one nanosecond after the other."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from tests.support.logs import NOON_UNIX_NANO, log_batch
from tests.support.reading import messages, scanned, searchable, selection
from tocsin.logstore.ports import LogStore, Receipt
from tocsin.query.tree import Node


async def matching_rows(
    store: LogStore, organization_id: UUID, rows: Sequence[Mapping[str, Any]], query: Node
) -> list[int]:
    """Store the rows; the numbers of those that match."""
    numbered = [{**row, "timestamp": NOON_UNIX_NANO + number} for number, row in enumerate(rows)]
    await store.write(organization_id, log_batch(numbered), Receipt(received=len(rows)))
    await searchable(store, organization_id, len(rows))
    assert await messages(store, organization_id) == [row.get("message", "") for row in rows]
    return await row_numbers(store, organization_id, query)


async def row_numbers(store: LogStore, organization_id: UUID, query: Node) -> list[int]:
    """The numbers of the stored rows that match."""
    return [log.timestamp_unix_nano - NOON_UNIX_NANO for log in await scanned(store, selection(organization_id, query))]
