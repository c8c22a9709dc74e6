"""What the tests of intake share."""

from tocsin.ingest.contracts import RecordColumns


def rows_of(records: RecordColumns) -> list[dict[str, object]]:
    """The columns as one dict a record."""
    columns = [getattr(records, name) for name in RecordColumns.__slots__]
    return [dict(zip(RecordColumns.__slots__, row, strict=True)) for row in zip(*columns, strict=True)]
