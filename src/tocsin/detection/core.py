"""``Detection``: what is known of one organization, and what is surprising in what comes. No I/O."""

import zlib
from collections.abc import Iterable

import msgspec
import numpy as np
import pyarrow as pa
import structlog

from tocsin.detection.baselines import Baselines
from tocsin.detection.budget import FalseAlarmBudget
from tocsin.detection.contracts import Finding
from tocsin.detection.detectors.excess import excess
from tocsin.detection.detectors.looking import Look, Proposal, padded, traffic_of
from tocsin.detection.detectors.shortfall import shortfall
from tocsin.detection.episodes import Episode, Episodes
from tocsin.detection.series import Key, Series, What
from tocsin.detection.windows import (
    INTERVAL_NANO,
    LATE_BUCKETS,
    MINUTE_BUCKETS,
    RING_BUCKETS,
    Flags,
    Floats,
    Rows,
    Windows,
)
from tocsin.logmodel.levels import SEVERITY_RANGES, Level
from tocsin.patterns.contracts import PatternCatalogue

MUDDY_WEIGHT = 0.05
"""How far the time of a surprise counts as usual: with more, what lasts is taken for usual sooner."""

ACCEPTED_AFTER_BUCKETS = 360
ACCEPTED_WEIGHT = 0.5
"""After an hour of the same surprise it is about to become usual."""

FOLLOWED_BUCKETS = 6
"""Looking less often than once a minute, a state has missed something, and nothing is said to be missing."""

HISTORY_MINUTES = 360
"""So much of an organization's past is learned from at first; more knows the day better, and takes longer to read."""

ENOUGH_MINUTES = 300
"""Who was followed for so long needs no history."""

HISTORY_WITHIN_MINUTES = 120
"""History may come later than the first log, by an import; so long it is waited for."""

DUMP_VERSION = 1

_ERROR = SEVERITY_RANGES[Level.ERROR][0]

log = structlog.get_logger(__name__)


class _Dump(msgspec.Struct, kw_only=True):
    version: int
    keys: list[Key]
    levels: bytes
    added_buckets: list[int]
    windows: bytes
    baselines: dict[str, bytes]
    episodes: list[Episode]
    highest: list[float]
    hour_highest: float
    learned_minutes: int
    known_minutes: int
    first_bucket: int
    since_bucket: int
    bucket: int


class Detection:
    """The state of one organization, see ``ports.DetectionState``."""

    def __init__(self, false_alarms_a_week: float) -> None:
        """Know nothing; honour a budget of so many false incidents a week."""
        self._series = Series()
        self._windows = Windows()
        self._windows.grow(1)
        self._baselines = Baselines()
        self._baselines.grow(np.array([-1]))
        self._episodes = Episodes()
        self._budget = FalseAlarmBudget(false_alarms_a_week)
        self._hour_highest = 0.0
        self._catalogue_version = -1
        #: Every minute below this was learned from.
        self._learned_minutes = -1
        #: From so many minutes something was learned.
        self._known_minutes = 0
        self._first_bucket = -1
        self._since_bucket = -1
        self._bucket = -1
        self._fewer: tuple[int, Proposal] | None = None
        #: The rows of a service and a shape, in the catalogue of this version.
        self._rows: dict[tuple[str, int], tuple[int, int]] = {}

    def take(self, counts: pa.Table, catalogue: PatternCatalogue, now_unix_nano: int) -> list[Finding]:
        """Take in counts, and say what is surprising; see ``ports.DetectionState``."""
        bucket = now_unix_nano // INTERVAL_NANO
        self._go_on_to(bucket)
        self._follow_merges(catalogue)
        self._count(counts, catalogue, bucket)
        look = Look(self._series, self._windows, self._baselines, bucket, self._since_bucket, _hour(bucket))
        more, fewer = excess(look), self._shortfall(look)
        self._hour_highest = max(self._hour_highest, self._episodes.highest(look, more, fewer))
        threshold = self._budget.threshold(len(self._series))
        return self._episodes.follow(look, more, fewer, catalogue, threshold)

    def wanted_history(self) -> range | None:
        """The minutes that it would learn from; see ``ports.DetectionState``."""
        is_known = self._known_minutes >= ENOUGH_MINUTES or self._learned_minutes < 0
        if is_known or self._bucket - self._first_bucket > HISTORY_WITHIN_MINUTES * MINUTE_BUCKETS:
            return None
        return range(self._learned_minutes - HISTORY_MINUTES, self._learned_minutes)

    def learn_history(self, counts: pa.Table, minutes: range, catalogue: PatternCatalogue) -> None:
        """Learn anew from the past; see ``ports.DetectionState``."""
        if minutes.stop != self._learned_minutes or not counts.num_rows:
            return  # nothing to learn from, or not what is wanted now
        self._follow_merges(catalogue)
        by_minute = self._past(counts, len(minutes), catalogue)
        self._baselines = Baselines()
        self._baselines.grow(np.full(len(self._series), -1))
        for row in np.flatnonzero(by_minute.any(axis=1)).tolist():
            self._series.was_there(row, minutes[int(np.argmax(by_minute[row] > 0))] * MINUTE_BUCKETS)
        # Before the first log nothing is known, not even that there was nothing.
        first = int(np.argmax(by_minute[0] > 0))
        for place in range(first, len(minutes)):
            sums = by_minute[:, place]
            traffic = traffic_of(self._series, self._baselines, sums, 1.0)
            hour = _hour(minutes[place] * MINUTE_BUCKETS)
            self._baselines.learn(sums, traffic, hour, np.ones(len(self._series)))
        self._known_minutes = len(minutes) - first

    def _past(self, counts: pa.Table, minutes: int, catalogue: PatternCatalogue) -> Floats:
        """The logs of each series in each minute, shape ``(rows, minutes)``."""
        services, patterns = self._rows_of(counts, catalogue)
        severities = counts["severity_number"].to_numpy()
        errors = self._errors_among(services, severities >= _ERROR)
        lists = counts["counts"].combine_chunks().flatten().to_numpy().reshape(counts.num_rows, -1)[:, :minutes]
        by_minute = np.zeros((len(self._series), minutes))
        by_minute[0] = lists.sum(axis=0)
        for rows in (services, patterns, errors):
            among = rows >= 0
            np.add.at(by_minute, rows[among], lists[among].astype(np.float64))
            np.maximum.at(self._series.levels, rows[among], severities[among])
        return by_minute

    def _shortfall(self, look: Look) -> Proposal:
        """What is missing, once an interval: before the next is over, no less can be missing."""
        if self._fewer is None or self._fewer[0] != look.bucket:
            self._fewer = look.bucket, shortfall(look)
        return padded(self._fewer[1], len(self._series))

    def _go_on_to(self, bucket: int) -> None:
        """Learn from what is old enough, and make room for what comes."""
        if self._first_bucket < 0:
            self._first_bucket = bucket
        if self._bucket < 0 or bucket - self._bucket > FOLLOWED_BUCKETS:
            self._since_bucket = bucket
        if self._learned_minutes < 0 or bucket - self._bucket >= RING_BUCKETS - LATE_BUCKETS:
            self._windows.clear()
            self._learned_minutes = bucket // MINUTE_BUCKETS
        while (self._learned_minutes + 1) * MINUTE_BUCKETS <= bucket - LATE_BUCKETS:
            self._learn(self._learned_minutes)
            self._learned_minutes += 1
        self._bucket = max(self._bucket, bucket)

    def _learn(self, minute: int) -> None:
        counts = self._windows.take(minute)
        traffic = traffic_of(self._series, self._baselines, counts, 1.0)
        self._baselines.learn(counts, traffic, _hour(minute * MINUTE_BUCKETS), self._weights(minute))
        self._known_minutes += 1
        if minute % 60 == 59:
            self._budget.learn(self._hour_highest)
            self._hour_highest = 0.0

    def _weights(self, minute: int) -> Floats:
        """How far the minute counts for each series."""
        # Of the time before a series came nothing is known, unless another one was watched in its place.
        is_known = (self._baselines.minutes > 0) | (np.array(self._series.added_buckets) <= minute * MINUTE_BUCKETS)
        weights = np.where(is_known, 1.0, 0.0)
        for episode in self._episodes.kept:
            lasts = (minute + 1) * MINUTE_BUCKETS - episode.onset_bucket
            if lasts > 0 and minute * MINUTE_BUCKETS <= episode.last_bucket:
                is_accepted = lasts > ACCEPTED_AFTER_BUCKETS
                weights[self._series.row_of[episode.key]] *= ACCEPTED_WEIGHT if is_accepted else MUDDY_WEIGHT
        return weights

    def _follow_merges(self, catalogue: PatternCatalogue) -> None:
        if catalogue.version == self._catalogue_version:
            return
        self._catalogue_version = catalogue.version
        self._rows.clear()
        moved = self._series.moved(catalogue)
        if moved:
            self._add(key for _, key in moved)
            known = [(row, self._series.row_of[key]) for row, key in moved if key in self._series.row_of]
            rows, into = np.array(known, dtype=np.intp).reshape(-1, 2).T
            np.maximum.at(self._series.levels, into, self._series.levels[rows])
            self._windows.merge(rows, into)
            self._baselines.merge(rows, into)

    def _count(self, counts: pa.Table, catalogue: PatternCatalogue, bucket: int) -> None:
        buckets = np.minimum(counts["start"].to_numpy() // INTERVAL_NANO, bucket)
        counts = counts.filter(pa.array(buckets >= self._learned_minutes * MINUTE_BUCKETS))
        if not counts.num_rows:
            return
        buckets = buckets[buckets >= self._learned_minutes * MINUTE_BUCKETS]
        severities, numbers = counts["severity_number"].to_numpy(), counts["count"].to_numpy().astype(np.float64)
        services, patterns = self._rows_of(counts, catalogue)
        errors = self._errors_among(services, severities >= _ERROR)
        self._windows.add(np.zeros_like(services), buckets, numbers)
        for rows in (services, patterns, errors):
            among = rows >= 0
            self._windows.add(rows[among], buckets[among], numbers[among])
            np.maximum.at(self._series.levels, rows[among], severities[among])

    def _rows_of(self, counts: pa.Table, catalogue: PatternCatalogue) -> tuple[Rows, Rows]:
        """For each row of counts the row of its service and that of its pattern; −1 where it has none."""
        encoded = counts["service"].combine_chunks().dictionary_encode()
        names, codes = encoded.dictionary.to_pylist(), encoded.indices.to_numpy()
        shapes, shape_codes = np.unique(counts["shape"].to_numpy(), return_inverse=True)
        numbers = shapes.tolist()
        pairs, pair_codes = np.unique(codes.astype(np.int64) * len(shapes) + shape_codes, return_inverse=True)
        named = [(names[pair // len(shapes)], numbers[pair % len(shapes)]) for pair in pairs.tolist()]
        new = [pair for pair in named if pair not in self._rows]
        if new:
            self._find_rows(new, catalogue)
        rows = np.array([self._rows[pair] for pair in named], dtype=np.intp)[pair_codes]
        return rows[:, 0], rows[:, 1]

    def _find_rows(self, pairs: Iterable[tuple[str, int]], catalogue: PatternCatalogue) -> None:
        row_of = self._series.row_of
        self._add(Key(What.SERVICE, service) for service, _ in pairs)
        keys = {
            (service, shape): Key(What.PATTERN, service, pattern)
            for service, shape in pairs
            if (pattern := catalogue.pattern_of(shape)) is not None and Key(What.SERVICE, service) in row_of
        }
        self._add(keys.values())
        for service, shape in pairs:
            key = keys.get((service, shape))
            pattern_row = -1 if key is None else row_of.get(key, -1)
            self._rows[service, shape] = row_of.get(Key(What.SERVICE, service), -1), pattern_row

    def _errors_among(self, services: Rows, is_error: Flags) -> Rows:
        """For each row of counts the row of its service's errors; −1 where it counts none."""
        errors = np.full(len(services), -1, dtype=np.intp)
        errors[is_error] = self._errors_of(services[is_error])
        return errors

    def _errors_of(self, services: Rows) -> Rows:
        """The rows of errors of services, by their rows."""
        known, codes = np.unique(services, return_inverse=True)
        keys = [Key(What.ERRORS, self._series.keys[row].service) for row in known.tolist() if row >= 0]
        self._add(keys)
        rows = {key.service: self._series.row_of.get(key, -1) for key in keys}
        found = [rows.get(self._series.keys[row].service, -1) if row >= 0 else -1 for row in known.tolist()]
        return np.array(found, dtype=np.intp)[codes]

    def _add(self, keys: Iterable[Key]) -> None:
        was_full = self._series.is_full
        like = self._series.add(keys, self._bucket)
        if len(like):
            self._baselines.grow(like)
            self._windows.grow(len(self._series))
        if self._series.is_full and not was_full:
            log.warning("detection.too_many_series", series=len(self._series))

    def dump(self) -> bytes:
        """All of it, compressed."""
        dumped = _Dump(
            version=DUMP_VERSION,
            keys=self._series.keys,
            levels=self._series.levels.tobytes(),
            added_buckets=self._series.added_buckets,
            windows=self._windows.counts.astype(np.float32).tobytes(),
            baselines={name: array.astype(np.float32).tobytes() for name, array in self._baselines.columns().items()},
            episodes=list(self._episodes.kept),
            highest=list(self._budget.highest),
            hour_highest=self._hour_highest,
            learned_minutes=self._learned_minutes,
            known_minutes=self._known_minutes,
            first_bucket=self._first_bucket,
            since_bucket=self._since_bucket,
            bucket=self._bucket,
        )
        return zlib.compress(msgspec.msgpack.encode(dumped), 1)

    @classmethod
    def load(cls, dump: bytes, false_alarms_a_week: float) -> "Detection":
        """What ``dump`` gave, as it was, to single precision.

        Raises:
            ValueError: it is of another version, or damaged.
        """
        try:
            dumped = msgspec.msgpack.decode(zlib.decompress(dump), type=_Dump)
        except (zlib.error, msgspec.MsgspecError) as error:
            raise ValueError(f"the state of detection can't be read: {error}") from error
        if dumped.version != DUMP_VERSION:
            raise ValueError(f"the state of detection has version {dumped.version}, this Tocsin reads {DUMP_VERSION}")
        state = cls(false_alarms_a_week)
        levels = np.frombuffer(dumped.levels, dtype=np.uint8).tolist()
        state._series = Series(dumped.keys, levels, dumped.added_buckets)
        size = len(dumped.keys)
        windows = np.frombuffer(dumped.windows, dtype=np.float32).reshape(size, RING_BUCKETS)
        state._windows = Windows(windows.astype(np.float64))
        arrays = {
            name: np.frombuffer(array, dtype=np.float32).astype(np.float64) for name, array in dumped.baselines.items()
        }
        state._baselines = Baselines(
            **{name: array if len(array) == size else array.reshape(size, -1) for name, array in arrays.items()}
        )
        state._episodes = Episodes(dumped.episodes)
        state._budget = FalseAlarmBudget(false_alarms_a_week, dumped.highest)
        state._hour_highest = dumped.hour_highest
        # Numbers of catalogues count anew in each process: what was merged is found out with the first one.
        state._catalogue_version = -1
        state._learned_minutes, state._known_minutes = dumped.learned_minutes, dumped.known_minutes
        state._first_bucket, state._since_bucket, state._bucket = (
            dumped.first_bucket,
            dumped.since_bucket,
            dumped.bucket,
        )
        return state


def new_detection(dump: bytes | None, false_alarms_a_week: float) -> Detection:
    """A state of a dump; one that knows nothing of None, and of a dump that can't be read any more."""
    if dump is not None:
        try:
            return Detection.load(dump, false_alarms_a_week)
        except ValueError as error:
            log.warning("detection.begins_anew", reason=str(error))
    return Detection(false_alarms_a_week)


def _hour(bucket: int) -> int:
    return bucket * INTERVAL_NANO // (3600 * 10**9) % 24
