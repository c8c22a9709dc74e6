"""What the tests of intake share."""

import copy
from collections.abc import Mapping, Sequence

from tocsin.ingest.contracts import RecordColumns


def rows_of(records: RecordColumns) -> list[dict[str, object]]:
    """The columns as one dict a record."""
    columns = [getattr(records, name) for name in RecordColumns.__slots__]
    return [dict(zip(RecordColumns.__slots__, row, strict=True)) for row in zip(*columns, strict=True)]


def columns_of(records: Sequence[Mapping[str, object]]) -> RecordColumns:
    """Records as the columns that a protocol would make of them; later changes to either leave the other alone."""
    return RecordColumns(*([copy.deepcopy(record.get(name)) for record in records] for name in RecordColumns.__slots__))
