"""Which series of counts there are: what stands in which row."""

from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import NamedTuple

import numpy as np

from tocsin.detection.windows import LATE_BUCKETS, Flags, Rows
from tocsin.patterns.contracts import PatternCatalogue

MOST_SERIES = 60_000
"""Of one organization, a kilobyte and a half each. Series that come beyond it are not watched."""


class What(IntEnum):
    """What a series counts."""

    #: All logs of an organization; there is one, in the first row.
    ORGANIZATION = 0
    #: All logs of a service.
    SERVICE = 1
    #: Those of a service that are errors.
    ERRORS = 2
    #: Those of a service with one pattern.
    PATTERN = 3


class Key(NamedTuple):
    """Names a series."""

    what: What
    service: str = ""
    pattern: int = 0


class Series:
    """The rows by key; rows are never taken away, so a row's number lasts."""

    def __init__(
        self,
        keys: Iterable[Key] = (Key(What.ORGANIZATION),),
        levels: Sequence[int] = (0,),
        added_buckets: Sequence[int] = (0,),
    ) -> None:
        """Have these; by default the organization alone."""
        self.keys = list(keys)
        self.row_of = {key: row for row, key in enumerate(self.keys)}
        #: The highest severity number that each had.
        self.levels = np.array(levels, dtype=np.uint8)
        #: When each came.
        self.added_buckets = list(added_buckets)
        self.what = np.array([key.what for key in self.keys], dtype=np.uint8)
        self.service_row = np.array([self._service_row(key) for key in self.keys], dtype=np.intp)
        self.is_full = False

    def __len__(self) -> int:
        return len(self.keys)

    def add(self, keys: Iterable[Key], bucket: int) -> Rows:
        """Have these as well; answers for each new row the one that was watched while it had no log.

        That is the organization's for a service, and the service's for anything else; −1 where the service is too new
        itself to say that something was not there.
        """
        before, like = len(self.keys), []
        for key in keys:
            if key in self.row_of:
                continue
            if len(self.keys) >= MOST_SERIES:
                self.is_full = True
                break
            like.append(self._watched_row(key, bucket))
            self.row_of[key] = len(self.keys)
            self.keys.append(key)
            self.added_buckets.append(bucket)
        added = self.keys[before:]
        self.levels = np.concatenate([self.levels, np.zeros(len(added), dtype=np.uint8)])
        self.what = np.concatenate([self.what, np.array([key.what for key in added], dtype=np.uint8)])
        rows = np.array([self._service_row(key) for key in added], dtype=np.intp)
        self.service_row = np.concatenate([self.service_row, rows])
        return np.array(like, dtype=np.intp)

    def was_there(self, row: int, bucket: int) -> None:
        """A series is older than was known."""
        self.added_buckets[row] = min(self.added_buckets[row], bucket)

    def are(self, what: What) -> Flags:
        """Which rows count this."""
        flags: Flags = self.what == what
        return flags

    def moved(self, catalogue: PatternCatalogue) -> list[tuple[int, Key]]:
        """Rows whose pattern has become a part of another one, and the key of that."""
        found = []
        for row, key in enumerate(self.keys):
            if key.what is What.PATTERN:
                now = catalogue.pattern_of(key.pattern)
                if now is not None and now != key.pattern:
                    found.append((row, key._replace(pattern=now)))
        return found

    def _watched_row(self, key: Key, bucket: int) -> int:
        if key.what is What.SERVICE:
            return 0
        row = self.row_of[Key(What.SERVICE, key.service)]
        return row if bucket - self.added_buckets[row] >= LATE_BUCKETS else -1

    def _service_row(self, key: Key) -> int:
        return 0 if key.what is What.ORGANIZATION else self.row_of[Key(What.SERVICE, key.service)]
