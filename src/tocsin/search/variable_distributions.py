"""How the values of a variable are distributed. Pure: columns in, figures out."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tocsin.patterns.quantities import Unit, quantities_of
from tocsin.patterns.variables import Variable
from tocsin.search.pattern_detail_contracts import NumberBin, NumberDistribution, ValueShare, VariableDistribution
from tocsin.search.pattern_sampling import LogsRead

TOP_VALUES = 10
BINS = 20

MAX_TEXT_CHARACTERS = 500
"""Of a value that is shown: ten of them, of each of up to hundreds of variables, are in one answer."""

HEAVY_TAIL = 20.0
"""Where the largest number is more than so many times the median, bins of one width would show one bar."""

QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
QUANTILES_OVER_TIME = {"p50": 0.5, "p95": 0.95}

# Keeps a share of a whole number of logs, as 0.95 of 100, from falling behind the last of them.
_ROUNDING = 1.0 - 1e-12

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


def distribution(variable: Variable, values: pa.Array, logs: LogsRead) -> VariableDistribution:
    """How a variable's values are distributed.

    Args:
        variable: whose they are.
        values: ``large_string``, one for each log, oldest first; null where a log has none.
        logs: the logs.
    """
    encoded = values.dictionary_encode()
    has_value = encoded.indices.is_valid().to_numpy(zero_copy_only=False)
    codes = encoded.indices.drop_null().to_numpy().astype(np.int64)
    texts = encoded.dictionary
    present = LogsRead(
        intervals=logs.intervals[has_value], interval_count=logs.interval_count, weights=logs.weights[has_value]
    )
    counts = _added(codes, present.weights, len(texts))
    total = float(counts.sum())
    # Of values with as many logs, those that came first.
    top = np.argsort(-counts, kind="stable")[:TOP_VALUES]
    shown = zip(texts.take(pa.array(top)).to_pylist(), counts[top].tolist(), strict=True)
    return VariableDistribution(
        variable=variable,
        count=round(total),
        distinct=len(texts),
        values=[ValueShare(cut(text), round(count), count / total) for text, count in shown],
        numbers=_numbers(texts, codes, counts, present),
    )


def cut(text: str) -> str:
    """The text, if need be without its end."""
    return text if len(text) <= MAX_TEXT_CHARACTERS else f"{text[: MAX_TEXT_CHARACTERS - 1]}\N{HORIZONTAL ELLIPSIS}"


def _numbers(texts: pa.Array, codes: Integers, counts: Floats, logs: LogsRead) -> NumberDistribution | None:
    quantities = quantities_of(texts)
    if quantities is None:
        return None
    is_number = ~np.isnan(quantities.numbers)
    numbers, ranks = np.unique(quantities.numbers[is_number], return_inverse=True)
    weights = _added(ranks, counts[is_number], len(numbers))
    rank_of_text = np.full(len(texts), -1)
    rank_of_text[is_number] = ranks
    rank_of_log = rank_of_text[codes]
    return _described(quantities.unit, numbers, weights, _over_time(numbers, rank_of_log, logs))


def _described(
    unit: Unit | None, numbers: Floats, weights: Floats, over_time: dict[str, list[float | None]]
) -> NumberDistribution:
    """What is said of numbers that are sorted and each there once, ``weights`` times."""
    quantiles = {name: float(numbers[_place(weights, share)]) for name, share in QUANTILES.items()}
    edges, is_logarithmic = _edges(numbers, weights)
    in_bins = np.minimum(np.searchsorted(edges, numbers, side="right") - 1, len(edges) - 2)
    heights = _added(np.maximum(in_bins, 0), weights, len(edges) - 1)
    return NumberDistribution(
        unit=unit,
        count=round(float(weights.sum())),
        minimum=float(numbers[0]),
        maximum=float(numbers[-1]),
        mean=float(np.average(numbers, weights=weights)),
        quantiles=quantiles,
        bins=[
            NumberBin(start, end, round(height))
            for start, end, height in zip(edges[:-1].tolist(), edges[1:].tolist(), heights.tolist(), strict=True)
        ],
        is_logarithmic=is_logarithmic,
        over_time=over_time,
    )


def _added(places: Integers, weights: Floats, length: int) -> Floats:
    return np.asarray(np.bincount(places, weights=weights, minlength=length), dtype=np.float64)


def _place(weights: Floats, share: float) -> int:
    """Where in the sorted numbers the quantile is."""
    reached = np.cumsum(weights)
    return min(int(np.searchsorted(reached, reached[-1] * share * _ROUNDING)), len(weights) - 1)


def _edges(numbers: Floats, weights: Floats) -> tuple[Floats, bool]:
    """The borders of some ``BINS`` bins, and whether they grow by a factor."""
    lowest, highest = numbers[0], numbers[-1]
    if lowest == highest:
        return np.array([lowest, highest]), False
    is_positive = numbers > 0
    if lowest >= 0:
        positive = numbers[is_positive]
        if highest > HEAVY_TAIL * positive[_place(weights[is_positive], 0.5)]:
            edges = np.geomspace(positive[0], highest, BINS + int(lowest > 0))
            edges[-1] = highest
            # Zeros, which no factor reaches, have the first bin.
            return (edges if lowest > 0 else np.append(0.0, edges)), True
    if (numbers == np.rint(numbers)).all():
        # Whole numbers have bins of a whole width, so that each holds as many of them.
        width = np.ceil((highest - lowest + 1) / BINS)
        edges = lowest + width * np.arange(np.ceil((highest - lowest + 1) / width) + 1)
    else:
        edges = np.linspace(lowest, highest, BINS + 1)
    unique = np.unique(edges)
    return (unique if len(unique) > 1 and unique[-1] >= highest else np.array([lowest, highest])), False


def _over_time(numbers: Floats, ranks: Integers, logs: LogsRead) -> dict[str, list[float | None]]:
    """Quantiles by interval; the ranks are of each log's number, -1 where it has none."""
    is_number = ranks >= 0
    intervals = logs.intervals[is_number]
    # Sorted by interval, and by number in each.
    keys = intervals * len(numbers) + ranks[is_number]
    order = np.argsort(keys)
    reached = np.cumsum(logs.weights[is_number][order])
    last = np.searchsorted(intervals[order], np.arange(logs.interval_count), side="right") - 1
    ends = np.where(last >= 0, reached[np.maximum(last, 0)], 0.0)
    begins = np.append(0.0, ends[:-1])
    filled = np.flatnonzero(ends > begins)
    found: dict[str, list[float | None]] = {}
    for name, share in QUANTILES_OVER_TIME.items():
        wanted = begins[filled] + (ends - begins)[filled] * share * _ROUNDING
        places = np.minimum(np.searchsorted(reached, wanted), last[filled])
        column: list[float | None] = [None] * logs.interval_count
        for interval, number in zip(filled.tolist(), numbers[keys[order[places]] % len(numbers)].tolist(), strict=True):
            column[interval] = number
        found[name] = column
    return found
