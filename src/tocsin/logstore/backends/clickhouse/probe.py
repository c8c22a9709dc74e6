"""Which logs are stored already: the statements that look for a batch's (timestamp, content hash) pairs."""

# ruff: noqa: S608  (what stands in the text are numbers and columns of our own; the organization is bound)

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from tocsin.logstore.backends.clickhouse.printer import Printer
from tocsin.logstore.backends.clickhouse.schema import LOGS
from tocsin.logstore.ports import OrganizationId, TimeRange

MAX_HASHES = 8_000
"""Hashes in one statement: at 21 bytes each this stays below ClickHouse's limit of 256 KiB of text."""

MAX_RANGES = 48
"""A batch that touches more hours than this is looked for in one range."""

_NANOSECONDS_AN_HOUR = 3_600 * 1_000_000_000

Keys = npt.NDArray[np.void]
"""Pairs of a timestamp and a content hash, as numpy records that compare as pairs."""


def keys_of(timestamps: npt.NDArray[np.int64], hashes: npt.NDArray[np.uint64]) -> Keys:
    """The pairs as records with the fields ``timestamp`` and ``content_hash``."""
    keys = np.empty(len(hashes), dtype=[("timestamp", np.int64), ("content_hash", np.uint64)])
    keys["timestamp"], keys["content_hash"] = timestamps, hashes
    return keys


def first_of_each(keys: Keys) -> npt.NDArray[np.bool_]:
    """Marks the first of equal keys."""
    is_first = np.zeros(len(keys), dtype=np.bool_)
    is_first[np.unique(keys, return_index=True)[1]] = True
    return is_first


def probes(
    organization_id: OrganizationId, keys: Keys, *, columns: str = "timestamp, content_hash"
) -> Iterator[tuple[str, Printer]]:
    """The statements whose answers, these columns, hold all rows with one of these keys.

    They may hold others too. Each statement reads only the hours that its keys are in.
    """
    in_order = np.sort(keys, order="timestamp")
    for start in range(0, len(in_order), MAX_HASHES):
        part = in_order[start : start + MAX_HASHES]
        printer = Printer()
        ranges = " OR ".join(f"({printer.scope(organization_id, each)})" for each in _ranges(part["timestamp"]))
        hashes = ",".join(map(str, part["content_hash"].tolist()))
        yield (
            f"SELECT {columns} FROM {LOGS} WHERE ({ranges}) AND content_hash IN ({hashes})",
            printer,
        )


def _ranges(timestamps: npt.NDArray[np.int64]) -> list[TimeRange]:
    hours = timestamps // _NANOSECONDS_AN_HOUR
    borders = np.flatnonzero(np.diff(hours)) + 1
    if len(borders) >= MAX_RANGES:
        borders = borders[:0]
    return [TimeRange(int(part[0]), int(part[-1]) + 1) for part in np.split(timestamps, borders)]
