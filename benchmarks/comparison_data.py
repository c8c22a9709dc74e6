"""Pairs of windows of one process, made or cut out of recorded logs, and changes planted into the second."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import UUID

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from tocsin.logmodel.batch import STORED_LOG_SCHEMA
from tocsin.logmodel.masking import shapes
from tocsin.logstore.ports import SHAPE_COUNTS_SCHEMA, Selection, TimeRange, interval_starts, slice_ranges
from tocsin.patterns.contracts import PatternCatalogue
from tocsin.search.comparison.analysis import BLOCKS, Window
from tocsin.search.comparison.counted import cell_nano
from tocsin.search.comparison.service import SAMPLE_ROWS, WHOLE_ROWS

WINDOW_NANO = 3_600_000_000_000
ORGANIZATION = UUID(int=1)
PATTERNS = PatternCatalogue()

PROCESSES = ("steady", "tide", "bursts", "wandering", "overdispersed", "rare")
"""Independent events; a common random course of all rates; whole batches at once; rates that wander each by itself, in
time; rates that differ from minute to minute; and thousands of patterns, most of them rare."""

_CELLS = 48
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Rows of both windows: ``timestamp`` (int64), ``service``, ``severity_number``, ``message``, ``metadata``."""

    rows: pl.DataFrame
    border_unix_nano: int = WINDOW_NANO
    length_nano: int = WINDOW_NANO
    #: What was planted: see ``evaluated``.
    planted: dict[str, str | int] = field(default_factory=dict)


def windows(pair: Pair) -> tuple[Window, Window]:
    """Both windows as a store returns them."""
    ranges = (
        TimeRange(pair.border_unix_nano - pair.length_nano, pair.border_unix_nano),
        TimeRange(pair.border_unix_nano, pair.border_unix_nano + pair.length_nano),
    )
    rows = pair.rows.sort("timestamp").with_columns(shape=shapes(pl.col("message")))
    first, second = (_window(rows, each) for each in ranges)
    return first, second


def _window(rows: pl.DataFrame, time_range: TimeRange) -> Window:
    inside = rows.filter(
        (pl.col("timestamp") >= time_range.start_unix_nano) & (pl.col("timestamp") < time_range.end_unix_nano)
    )
    interval = cell_nano(time_range)
    starts = interval_starts(time_range, interval)
    counts = (
        inside.with_columns(cell=(pl.col("timestamp") - starts.start) // interval)
        .group_by("shape", "service", "severity_number", maintain_order=True)
        .agg(
            pl.len().cast(pl.UInt64).alias("count"),
            pl.col("timestamp").min().alias("first_timestamp"),
            pl.col("timestamp").max().alias("last_timestamp"),
            pl.col("cell"),
        )
    )
    lists = [np.bincount(cells, minlength=len(starts)).astype(np.uint64) for cells in counts["cell"].to_list()]
    table = counts.drop("cell").with_columns(counts=pl.Series(lists, dtype=pl.List(pl.UInt64)))
    read = inside
    if inside.height > WHOLE_ROWS:
        parts = [
            inside.filter((pl.col("timestamp") >= each.start_unix_nano) & (pl.col("timestamp") < each.end_unix_nano))
            for each in slice_ranges(time_range, BLOCKS)
        ]
        read = pl.concat([each.head(SAMPLE_ROWS // BLOCKS) for each in parts])
    return Window(
        Selection(organization_id=ORGANIZATION, time_range=time_range),
        table.to_arrow().cast(SHAPE_COUNTS_SCHEMA),
        _stored(read),
        inside.height,
    )


def _stored(rows: pl.DataFrame) -> pa.Table:
    table = rows.to_arrow()
    size = table.num_rows
    nothing = {
        "content_hash": pa.array(np.zeros(size, dtype=np.uint64)),
        "ingest_sequence": pa.array(np.arange(size, dtype=np.uint64)),
        "trace_id": pa.array([b""] * size, pa.large_binary()),
        "span_id": pa.array([b""] * size, pa.large_binary()),
    }
    columns = []
    for each in STORED_LOG_SCHEMA:
        name = "timestamp" if each.name == "observed_timestamp" else each.name
        columns.append(nothing[name] if name in nothing else table[name].cast(each.type))
    return pa.table(columns, schema=STORED_LOG_SCHEMA)


def simulated(process: str, *, seed: int, logs: int = 8_000, patterns: int = 60) -> Pair:
    """A pair of windows of a made-up process, of about so many logs in each."""
    rng = np.random.default_rng(seed)
    patterns = 3_000 if process == "rare" else patterns
    rates = 1 / np.arange(1, patterns + 1) ** 1.1
    rates *= logs / _CELLS / rates.sum()
    intensity = np.repeat(rates[:, None], 2 * _CELLS, axis=1)
    batch = np.ones(patterns)
    match process:
        case "tide":
            intensity *= _wandering(rng, 1, 0.5)
        case "wandering":
            intensity *= _wandering(rng, patterns, 0.3)
        case "overdispersed":
            intensity *= rng.gamma(4, 0.25, size=intensity.shape)
        case "bursts":
            batch = np.where(rng.random(patterns) < 0.25, rng.integers(4, 30, patterns), 1)
    counts = rng.poisson(intensity / batch[:, None]) * batch[:, None].astype(np.int64)
    pattern, cell = (np.repeat(each.ravel(), counts.ravel()) for each in np.indices(counts.shape))
    within = rng.random(pattern.size)
    bursts = batch[pattern] > 1
    within[bursts] = rng.random(counts.shape)[pattern[bursts], cell[bursts]] * 0.9 + 0.05 * within[bursts]
    times = ((cell + within) * (WINDOW_NANO / _CELLS)).astype(np.int64)
    return Pair(rows=_rows(rng, pattern, times))


def _wandering(rng: np.random.Generator, courses: int, deviation: float) -> npt.NDArray[np.float64]:
    """Courses around 1 that keep seven tenths of their deviation from one cell to the next."""
    course = np.zeros((courses, 2 * _CELLS))
    shocks = rng.normal(size=course.shape) * deviation
    course[:, 0] = shocks[:, 0]
    for cell in range(1, course.shape[1]):
        course[:, cell] = 0.7 * course[:, cell - 1] + np.sqrt(1 - 0.49) * shocks[:, cell]
    return np.asarray(np.exp(course - deviation**2 / 2))


def _rows(rng: np.random.Generator, pattern: npt.NDArray[np.int64], times: npt.NDArray[np.int64]) -> pl.DataFrame:
    size = pattern.size
    severity = np.where(pattern % 11 == 7, 17, np.where(pattern % 11 == 5, 13, 9))
    duration = np.round(rng.lognormal(3, 1.2, size), 2)
    took = np.round(rng.pareto(1.1, size) * 10, 1)
    number = rng.integers(1, 10**6, size)
    status = rng.choice([200, 201, 404, 500], p=[0.8, 0.1, 0.05, 0.05], size=size)
    host, user = rng.integers(0, 20, size), rng.integers(0, 5_000, size)
    region = rng.choice(["eu", "us", "ap"], p=[0.6, 0.3, 0.1], size=size)
    return pl.DataFrame(
        {
            "timestamp": times,
            "service": pl.Series([f"service-{each % 9}" for each in pattern]),
            "severity_number": severity.astype(np.uint8),
            "message": [
                f"{_word(each)} request {what} took {long} ms"
                for each, what, long in zip(pattern.tolist(), number.tolist(), took.tolist(), strict=True)
            ],
            "metadata": [
                f'{{"duration_ms":{d},"host":"h{h}","region":"{r}","status":{s},"user":"u{u}"}}'
                for d, h, r, s, u in zip(
                    duration.tolist(), host.tolist(), region.tolist(), status.tolist(), user.tolist(), strict=True
                )
            ],
        }
    )


def _word(number: int) -> str:
    letters = []
    for _ in range(4):
        number, letter = divmod(number, 26)
        letters.append(_LETTERS[letter])
    return "".join(letters)


def doubled_pattern(pair: Pair, other: Pair, *, seed: int, least: int = 50) -> Pair | None:
    """The pair with one pattern of at least so many logs before doubled, by those of another pair of the process."""
    rng = np.random.default_rng(seed)
    shaped = pair.rows.with_columns(shape=shapes(pl.col("message")))
    before = shaped.filter(pl.col("timestamp") < pair.border_unix_nano).group_by("shape").len()
    chosen = before.filter(pl.col("len") >= least)["shape"].sort()
    if not len(chosen):
        return None
    shape = int(chosen[int(rng.integers(len(chosen)))])
    added = other.rows.with_columns(shape=shapes(pl.col("message"))).filter(
        (pl.col("shape") == shape) & (pl.col("timestamp") >= pair.border_unix_nano)
    )
    return replace(pair, rows=pl.concat([pair.rows, added.drop("shape")]), planted={"shape": shape})


def with_more_of_a_value(pair: Pair, *, seed: int, key: str = "status", value: str = "500") -> Pair:
    """The pair with a value's share in the second window at 20 %, where it was 5 %."""
    rng = np.random.default_rng(seed)
    chosen = (pair.rows["timestamp"] >= pair.border_unix_nano).to_numpy() & (
        rng.random(pair.rows.height) < (0.20 - 0.05) / 0.95
    )
    changed = pl.col("metadata").str.replace(rf'"{key}":[^,}}]*', f'"{key}":{value}')
    rows = pair.rows.with_columns(metadata=pl.when(pl.Series(chosen)).then(changed).otherwise(pl.col("metadata")))
    return replace(pair, rows=rows, planted={"key": key, "value": value})


def with_a_shift(pair: Pair, *, key: str = "duration_ms") -> Pair:
    """The pair with a number's values in the second window greater by the interquartile range of those before."""
    numbers = pair.rows["metadata"].str.extract(rf'"{key}":([0-9.]+)').cast(pl.Float64)
    is_before = pair.rows["timestamp"] < pair.border_unix_nano
    before = numbers.filter(is_before)
    moved = numbers + float(before.quantile(0.75) or 0) - float(before.quantile(0.25) or 0)
    texts = pl.Series([f'"{key}":{each:.2f}' for each in moved])
    changed = pair.rows.with_columns(text=texts).select(
        pl.when(pl.col("timestamp") < pair.border_unix_nano)
        .then(pl.col("metadata"))
        .otherwise(pl.concat_str(pl.col("metadata").str.extract(rf'^(.*)"{key}":'), "text",
                                 pl.col("metadata").str.extract(rf'"{key}":[^,}}]*(.*)$')))
        .alias("metadata")
    )  # fmt: skip
    return replace(pair, rows=pair.rows.with_columns(changed["metadata"]), planted={"key": key, "number": 1})


_OPENSTACK_LINE = r"^([0-9-]{10} [0-9:]{8}\.[0-9]{3}) [0-9]+ ([A-Z]+) (\S+) (?:\[[^\]]*\] )?(.*)$"
_SEVERITIES = {"DEBUG": 5, "INFO": 9, "WARNING": 13, "ERROR": 17, "CRITICAL": 21}


def openstack_rounds(directory: Path) -> list[Path]:
    """The fault-free rounds of the OpenStack fault injection data below a directory."""
    return sorted(directory.glob("*/Test_*/logs/round_2"))


def openstack_pair(first: Path, second: Path, *, seconds: int = 150) -> Pair:
    """Two recorded rounds of the same work, one after another."""
    rows = pl.concat([_openstack_rows(first, 0, seconds), _openstack_rows(second, seconds, seconds)])
    length = seconds * 1_000_000_000
    return Pair(rows=rows, border_unix_nano=length, length_nano=length)


def _openstack_rows(directory: Path, start_seconds: int, seconds: int) -> pl.DataFrame:
    frames = []
    for file in sorted(directory.glob("*/*.log")):
        if file.parent.name != "foreground_wl":
            lines = pl.Series("line", file.read_text(encoding="utf-8", errors="replace").splitlines(), dtype=pl.String)
            frames.append(pl.DataFrame([lines]).with_columns(service=pl.lit(file.parent.name)))
    parts = pl.concat(frames).with_columns(
        **{name: pl.col("line").str.extract(_OPENSTACK_LINE, number) for number, name in enumerate(_PARTS, start=1)}
    )
    read = parts.drop_nulls("time").with_columns(
        timestamp=pl.col("time").str.to_datetime("%Y-%m-%d %H:%M:%S%.3f", time_unit="ns").cast(pl.Int64),
        severity_number=pl.col("level").replace_strict(_SEVERITIES, default=9, return_dtype=pl.UInt8),
        metadata=pl.format(
            '{}"logger":"{}"{}', pl.lit("{"), pl.col("logger").str.replace_all(r"[^\w.]", ""), pl.lit("}")
        ),
    )
    # Rounds begin with a restart: what follows it is the work.
    begin = int(np.quantile(read["timestamp"].to_numpy(), 0.05))
    moved = read.with_columns(timestamp=pl.col("timestamp") - begin + start_seconds * 1_000_000_000)
    within = moved.filter(
        (pl.col("timestamp") >= start_seconds * 1_000_000_000)
        & (pl.col("timestamp") < (start_seconds + seconds) * 1_000_000_000)
    )
    return within.select("timestamp", "service", "severity_number", "message", "metadata")


_PARTS = ("time", "level", "logger", "message")
