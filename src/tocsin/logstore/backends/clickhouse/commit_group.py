"""Writes that are committed together: their rows as one batch of columns, and each one's share of the outcome.

In a group, and among recent rows, a log is known by its *identity*: 64 bits made of what the port calls the same log,
its organization, timestamp and content hash. Content hashes alone are keyed per organization and hold the timestamp;
but a store does not rely on how its callers make them.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tocsin.logmodel.batch import LogBatch
from tocsin.logstore.backends.clickhouse.recent import Hashes, Timestamps
from tocsin.logstore.backends.clickhouse.wal import WAL_SCHEMA, LedgerEntry
from tocsin.logstore.ports import Receipt, WriteOutcome

_SPREAD = np.uint64(0x9E3779B97F4A7C15)
"""Odd, so that different timestamps stay different; and large, so that near ones end far apart."""

_ORGANIZATIONS_KEPT = 4_096


@dataclass(frozen=True, slots=True)
class Write:
    """One call of ``write``, which waits for its answer."""

    organization_id: str
    batch: LogBatch
    receipt: Receipt
    answer: "Future[WriteOutcome]"


Group = Sequence[Write]


def spans(group: Group) -> Iterable[tuple[str, int, int]]:
    """Each write's organization, and from where to where its rows stand in the group."""
    start = 0
    for write in group:
        yield write.organization_id, start, start + len(write.batch)
        start += len(write.batch)


def hashes_of(group: Group) -> Hashes:
    """The content hashes of the group's rows."""
    return np.concatenate([_uint64(write.batch.rows, "content_hash") for write in group])


def timestamps_of(group: Group) -> Timestamps:
    """The timestamps of the group's rows."""
    return np.concatenate([_timestamps(write.batch.rows) for write in group])


def identities_of(group: Group) -> Hashes:
    """The identities of the group's rows."""
    salts = np.array([_salt(write.organization_id) for write in group], dtype=np.uint64)
    return _identities(hashes_of(group), timestamps_of(group), np.repeat(salts, [len(write.batch) for write in group]))


def identities_of_stored(rows: pa.RecordBatch) -> tuple[Hashes, Timestamps]:
    """The identities and timestamps of rows in ``WAL_SCHEMA``."""
    organizations = pc.dictionary_encode(rows.column("organization_id"))
    salts = np.array([_salt(each) for each in organizations.dictionary.to_pylist()], dtype=np.uint64)
    timestamps = _timestamps(rows)
    salt_of_row = salts[organizations.indices.to_numpy()]
    return _identities(_uint64(rows, "content_hash"), timestamps, salt_of_row), timestamps


def first_of_each(identities: Hashes) -> npt.NDArray[np.bool_]:
    """Marks the first of equal identities."""
    distinct, firsts = np.unique(identities, return_index=True)
    if len(distinct) == len(identities):
        return np.ones(len(identities), dtype=np.bool_)
    is_first = np.zeros(len(identities), dtype=np.bool_)
    is_first[firsts] = True
    return is_first


def new_rows_of(group: Group, is_new: npt.NDArray[np.bool_], first_sequence: int) -> pa.RecordBatch:
    """The group's new rows in ``WAL_SCHEMA``, numbered from ``first_sequence``."""
    schema = WAL_SCHEMA.remove(WAL_SCHEMA.get_field_index("ingest_sequence"))
    batches = [
        pa.RecordBatch.from_arrays(
            [
                pa.repeat(pa.scalar(write.organization_id, pa.large_string()), len(write.batch)),
                *write.batch.rows.columns,
            ],
            schema=schema,
        )
        for write in group
    ]
    rows = batches[0] if len(batches) == 1 else pa.concat_batches(batches)
    if not is_new.all():
        rows = rows.filter(pa.array(is_new))
    sequences = np.arange(first_sequence, first_sequence + rows.num_rows, dtype=np.uint64)
    return pa.RecordBatch.from_arrays([*rows.columns, pa.array(sequences)], schema=WAL_SCHEMA)


def outcomes_of(group: Group, is_new: npt.NDArray[np.bool_]) -> list[WriteOutcome]:
    """Each write's share of what is new."""
    return [WriteOutcome(is_new[start:end]) for _, start, end in spans(group)]


def ledger_of(group: Group, outcomes: Sequence[WriteOutcome]) -> list[LedgerEntry]:
    """What the group adds to the ledger of each organization."""
    return summed(
        LedgerEntry(
            organization_id=write.organization_id,
            received=write.receipt.received,
            stored=outcome.stored,
            duplicates=outcome.duplicates,
            dead_letters=write.receipt.dead_letters,
        )
        for write, outcome in zip(group, outcomes, strict=True)
    )


def summed(entries: Iterable[LedgerEntry]) -> list[LedgerEntry]:
    """One entry an organization."""
    sums: dict[str, Counter[str]] = {}
    for entry in entries:
        counts = sums.setdefault(entry.organization_id, Counter())
        for name in ("received", "stored", "duplicates", "dead_letters"):
            counts[name] += getattr(entry, name)
    return [
        LedgerEntry(
            organization_id=organization_id,
            received=counts["received"],
            stored=counts["stored"],
            duplicates=counts["duplicates"],
            dead_letters=counts["dead_letters"],
        )
        for organization_id, counts in sums.items()
    ]


def _identities(hashes: Hashes, timestamps: Timestamps, salts: Hashes) -> Hashes:
    return hashes ^ (timestamps.view(np.uint64) * _SPREAD) ^ salts


@lru_cache(_ORGANIZATIONS_KEPT)
def _salt(organization_id: str) -> int:
    return int.from_bytes(hashlib.blake2b(organization_id.encode(), digest_size=8).digest())


def _uint64(rows: pa.RecordBatch, column: str) -> Hashes:
    numbers: Hashes = rows.column(column).to_numpy(zero_copy_only=False)
    return numbers


def _timestamps(rows: pa.RecordBatch) -> Timestamps:
    numbers: Timestamps = rows.column("timestamp").cast(pa.int64()).to_numpy(zero_copy_only=False)
    return numbers
