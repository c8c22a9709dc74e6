"""Counts of the last quarter of an hour, by series and interval of ten seconds: a ring of columns."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]
Flags = npt.NDArray[np.bool_]

INTERVAL_SECONDS = 10
"""Of one bucket; what begins within one is seen when it ends at the latest."""

INTERVAL_NANO = INTERVAL_SECONDS * 10**9

MINUTE_BUCKETS = 6

LATE_BUCKETS = 90
"""A quarter of an hour: so long a log may be late, and so long nothing is learned from what may still be a fault."""

RING_BUCKETS = 102
"""Late buckets, and two minutes until a call learns from the oldest; a whole number of minutes."""

_FIRST_ROWS = 64


class Windows:
    """Recent counts of a growing number of series, shape ``(rows, RING_BUCKETS)``. Columns are reused in turn."""

    def __init__(self, counts: Floats | None = None) -> None:
        """Hold these counts, or none."""
        self.size = 0 if counts is None else len(counts)
        self._counts = np.zeros((max(_FIRST_ROWS, self.size), RING_BUCKETS), dtype=np.float64)
        if counts is not None:
            self._counts[: self.size] = counts

    @property
    def counts(self) -> Floats:
        """All of it; the column of a bucket is its number modulo ``RING_BUCKETS``."""
        return self._counts[: self.size]

    def grow(self, size: int) -> None:
        """Hold so many series, the new ones without a count."""
        if size > len(self._counts):
            grown = np.zeros((max(size, 2 * len(self._counts)), RING_BUCKETS), dtype=np.float64)
            grown[: self.size] = self.counts
            self._counts = grown
        self.size = max(size, self.size)

    def add(self, rows: Rows, buckets: Rows, counts: Floats) -> None:
        """Add counts; a row and bucket may come several times."""
        np.add.at(self._counts, (rows, buckets % RING_BUCKETS), counts)

    def merge(self, rows: Rows, into: Rows) -> None:
        """Add the counts of some series to those of others."""
        np.add.at(self._counts, into, self._counts[rows])
        self._counts[rows] = 0.0

    def last(self, bucket: int, buckets: int) -> Floats:
        """The buckets that end with this one, oldest first, shape ``(rows, buckets)``."""
        return self.counts[:, np.arange(bucket - buckets + 1, bucket + 1) % RING_BUCKETS]

    def take(self, minute: int) -> Floats:
        """The sums of a minute's buckets, which are empty from now on."""
        columns = np.arange(minute * MINUTE_BUCKETS, (minute + 1) * MINUTE_BUCKETS) % RING_BUCKETS
        sums: Floats = self.counts[:, columns].sum(axis=1)
        self._counts[:, columns] = 0.0
        return sums

    def clear(self) -> None:
        """Forget every count."""
        self._counts[:] = 0.0
