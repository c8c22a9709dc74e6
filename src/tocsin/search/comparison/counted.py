"""Exact counts of both windows → patterns, services and levels by cell."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tocsin.kit.moments import NANOSECONDS_A_SECOND
from tocsin.logmodel.levels import level_of
from tocsin.logstore.ports import TimeRange, interval_starts
from tocsin.search.comparison.dispersion import Cells
from tocsin.search.comparison.special import Floats

CELLS = 24
"""Into so many cells a window is divided: enough to see bursts, and few enough for cells to hold logs."""

_SLIVER = 0.5
"""A cell at the edge of a window that has less than this share of a whole one becomes part of its neighbour."""

Places = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Things:
    """Things of one kind in both windows, in the same order everywhere."""

    names: list[int] | list[str]
    before: Cells
    after: Cells
    #: Of most logs of each thing; shape ``(things,)``.
    severity: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """Logs of the same pattern, service and level, as places in the lists of ``Things``; of shape ``(groups,)``."""

    pattern: Places
    service: Places
    level: Places
    before: Floats
    after: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """All logs of both windows."""

    patterns: Things
    services: Things
    levels: Things
    groups: Groups
    #: All logs together, as the only thing.
    volume: Things


def cell_nano(time_range: TimeRange) -> int:
    """The interval that divides a window into about ``CELLS`` cells."""
    return max(1, -(-(time_range.end_unix_nano - time_range.start_unix_nano) // CELLS))


def counted(
    before: tuple[TimeRange, pa.Table], after: tuple[TimeRange, pa.Table], pattern_of: Callable[[int], int | None]
) -> Counted:
    """Both windows' tables in ``SHAPE_COUNTS_SCHEMA``, by ``cell_nano``; a shape without a pattern is its own."""
    windows = [_Window.of(*each) for each in (before, after)]
    columns = {
        name: np.concatenate([table[name].to_numpy() for _, table in (before, after)])
        for name in ("shape", "severity_number", "count")
    }
    is_after = np.repeat([False, True], [before[1].num_rows, after[1].num_rows])
    shapes, shape_places = np.unique(columns["shape"], return_inverse=True)
    known = [pattern_of(int(shape)) for shape in shapes]
    ids = [int(shape) if each is None else each for shape, each in zip(shapes, known, strict=True)]
    patterns, pattern_places = _places(ids)
    services, service_places = _places(
        [str(each) for _, table in (before, after) for each in table["service"].to_pylist()]
    )
    severities = columns["severity_number"].astype(np.int64)
    levels, level_places = _places([level_of(int(each)).value for each in severities])
    of_row = pattern_places[shape_places]

    def things(names: list[int] | list[str], place: Places) -> Things:
        cells = [
            window.cells(place[is_after == second], len(names))
            for second, window in zip((False, True), windows, strict=True)
        ]
        return Things(
            names=names,
            before=cells[0],
            after=cells[1],
            severity=_usual_severity(place, severities, columns["count"], len(names)),
        )

    return Counted(
        patterns=things(patterns, of_row),
        services=things(services, service_places),
        levels=things(levels, level_places),
        groups=_groups(of_row, service_places, level_places, columns["count"].astype(np.float64), is_after),
        volume=things([""], np.zeros(is_after.size, dtype=np.int64)),
    )


@dataclass(frozen=True, slots=True)
class _Window:
    #: Shape ``(rows of the table, cells)``.
    counts: Floats
    #: Seconds, shape ``(cells,)``.
    seconds: Floats

    @classmethod
    def of(cls, time_range: TimeRange, table: pa.Table) -> "_Window":
        interval = cell_nano(time_range)
        starts = interval_starts(time_range, interval)
        values = table["counts"].combine_chunks()
        flat = values.flatten().to_numpy() if table.num_rows else np.zeros(0)
        counts = flat.astype(np.float64).reshape(table.num_rows, len(starts))
        begins = np.maximum(np.array(starts, dtype=np.int64), time_range.start_unix_nano)
        ends = np.minimum(np.array(starts, dtype=np.int64) + interval, time_range.end_unix_nano)
        seconds = (ends - begins) / NANOSECONDS_A_SECOND
        return cls(*_without_slivers(counts, seconds, interval / NANOSECONDS_A_SECOND))

    def cells(self, place: Places, things: int) -> Cells:
        gathered = np.zeros((things, self.seconds.size))
        np.add.at(gathered, place, self.counts)
        return Cells(counts=gathered, exposure=self.seconds)


def _without_slivers(counts: Floats, seconds: Floats, whole: float) -> tuple[Floats, Floats]:
    for edge, neighbour in ((0, 1), (-1, -2)):
        if seconds.size > 2 and seconds[edge] < _SLIVER * whole:
            counts[:, neighbour] += counts[:, edge]
            seconds[neighbour] += seconds[edge]
            kept = slice(1, None) if edge == 0 else slice(None, -1)
            counts, seconds = counts[:, kept], seconds[kept]
    return counts, seconds


def _places(values: list[int] | list[str]) -> tuple[list[int] | list[str], Places]:
    """The different values, sorted, and the place of each value among them."""
    names = sorted(set(values))  # type: ignore[type-var]
    place = {name: number for number, name in enumerate(names)}
    return names, np.fromiter((place[each] for each in values), dtype=np.int64, count=len(values))  # type: ignore[return-value]


def _usual_severity(
    place: Places, severities: npt.NDArray[np.int64], counts: npt.NDArray[np.uint64], things: int
) -> npt.NDArray[np.int64]:
    by_severity = np.zeros((things, 25))
    np.add.at(by_severity, (place, severities), counts.astype(np.float64))
    return np.asarray(by_severity.argmax(axis=1))


def _groups(pattern: Places, service: Places, level: Places, counts: Floats, is_after: npt.NDArray[np.bool_]) -> Groups:
    stacked = np.stack([pattern, service, level]) if pattern.size else np.zeros((3, 0), dtype=np.int64)
    unique, inverse = np.unique(stacked, axis=1, return_inverse=True)
    inverse = inverse.reshape(-1)
    size = unique.shape[1]
    return Groups(
        pattern=unique[0],
        service=unique[1],
        level=unique[2],
        before=np.bincount(inverse, weights=counts * ~is_after, minlength=size).astype(np.float64),
        after=np.bincount(inverse, weights=counts * is_after, minlength=size).astype(np.float64),
    )
