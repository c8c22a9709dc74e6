"""The content hashes of the latest rows, to recognise duplicates without asking the store.

A bounded window: two generations of open-addressing hash tables in numpy. When the young one is half full, the old
one is forgotten and the young one takes its place. What is forgotten is summed up as the latest timestamp of each day,
so that a batch knows whether older rows could matter to it at all.
"""

import numpy as np
import numpy.typing as npt

from tocsin.kit.moments import NANOSECONDS_A_DAY

Hashes = npt.NDArray[np.uint64]
Timestamps = npt.NDArray[np.int64]

_EMPTY = np.uint64(0)
_STANDS_FOR_ZERO = np.uint64(0x9E3779B97F4A7C15)
"""The table marks free slots with zero, so the one hash that is zero is kept as another number."""


class HashTable:
    """A set of 64-bit hashes with linear probing; adding and asking work on whole arrays."""

    def __init__(self, slots: int) -> None:
        """Make an empty table; ``slots`` is a power of two."""
        self._slots = np.zeros(slots, dtype=np.uint64)
        self._mask = np.uint64(slots - 1)
        self.size = 0

    def contains(self, hashes: Hashes) -> npt.NDArray[np.bool_]:
        """Which of these hashes are in the table."""
        hashes = _storable(hashes)
        found = np.zeros(len(hashes), dtype=np.bool_)
        waiting = np.arange(len(hashes))
        at = hashes & self._mask
        while len(waiting):
            there = self._slots[at]
            found[waiting[there == hashes[waiting]]] = True
            undecided = (there != _EMPTY) & (there != hashes[waiting])
            waiting = waiting[undecided]
            at = (at[undecided] + np.uint64(1)) & self._mask
        return found

    def add(self, hashes: Hashes) -> None:
        """Add hashes that are distinct and not in the table; there must be room for them."""
        waiting = _storable(hashes)
        self.size += len(waiting)
        at = waiting & self._mask
        while len(waiting):
            free = self._slots[at] == _EMPTY
            # Where several want one slot the last written wins; the others see that and go on.
            self._slots[at[free]] = waiting[free]
            homeless = self._slots[at] != waiting
            waiting = waiting[homeless]
            at = (at[homeless] + np.uint64(1)) & self._mask


def _storable(hashes: Hashes) -> Hashes:
    return np.where(hashes == _EMPTY, _STANDS_FOR_ZERO, hashes)


class RecentHashes:
    """The content hashes of at least the latest ``capacity`` rows, and what is known of all older ones."""

    def __init__(self, capacity: int) -> None:
        """Remember at least ``capacity`` rows and at most twice as many, in 32 bytes a row of capacity."""
        self._capacity = capacity
        self._slots = 1 << (2 * capacity - 1).bit_length()
        self._young, self._old = HashTable(self._slots), HashTable(self._slots)
        self._young_days: dict[int, int] = {}
        self._old_days: dict[int, int] = {}
        self._forgotten_days: dict[int, int] = {}

    def forget_everything_up_to(self, latest_by_day: dict[int, int]) -> None:
        """Say that rows which were never added exist: the latest timestamp of each day that has any."""
        _merge_latest(self._forgotten_days, latest_by_day)

    def contains(self, hashes: Hashes) -> npt.NDArray[np.bool_]:
        """Which of these hashes belong to remembered rows."""
        found = self._young.contains(hashes)
        if self._old.size:
            found |= self._old.contains(hashes)
        return found

    def may_be_older(self, timestamps: Timestamps) -> npt.NDArray[np.bool_]:
        """Which of these timestamps could belong to a stored row that is not remembered."""
        days = timestamps // NANOSECONDS_A_DAY
        older = np.zeros(len(timestamps), dtype=np.bool_)
        for day in np.unique(days).tolist():
            latest = self._forgotten_days.get(day)
            if latest is not None:
                older |= (days == day) & (timestamps <= latest)
        return older

    def add(self, hashes: Hashes, timestamps: Timestamps) -> None:
        """Remember rows, distinct and new, as the latest ones."""
        for start in range(0, len(hashes), self._capacity):
            self._add_at_most_capacity(
                hashes[start : start + self._capacity], timestamps[start : start + self._capacity]
            )

    def _add_at_most_capacity(self, hashes: Hashes, timestamps: Timestamps) -> None:
        if self._young.size + len(hashes) > self._capacity:
            _merge_latest(self._forgotten_days, self._old_days)
            self._old, self._old_days = self._young, self._young_days
            self._young, self._young_days = HashTable(self._slots), {}
        self._young.add(hashes)
        _merge_latest(self._young_days, latest_by_day(timestamps))


def latest_by_day(timestamps: Timestamps) -> dict[int, int]:
    """The latest timestamp of each day (counted from the epoch) that occurs."""
    if not len(timestamps):
        return {}
    first, last = int(timestamps.min()), int(timestamps.max())
    if first // NANOSECONDS_A_DAY == last // NANOSECONDS_A_DAY:
        return {last // NANOSECONDS_A_DAY: last}
    days = timestamps // NANOSECONDS_A_DAY
    return {day: int(timestamps[days == day].max()) for day in np.unique(days).tolist()}


def _merge_latest(into: dict[int, int], more: dict[int, int]) -> None:
    for day, latest in more.items():
        into[day] = max(latest, into.get(day, latest))
