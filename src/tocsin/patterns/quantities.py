"""Numbers out of texts: ``12``, ``3.5s``, ``10KB``, ``1m30s``, where all texts agree on what they measure."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa


class Unit(StrEnum):
    """What numbers are given in, whatever units their texts have."""

    SECONDS = "s"
    BYTES = "B"
    PERCENT = "%"


@dataclass(frozen=True, slots=True)
class Quantities:
    """The numbers of some texts."""

    #: One for each text; NaN where a text says that there is no value.
    numbers: npt.NDArray[np.float64]
    #: None where the texts have no unit.
    unit: Unit | None


_MINUTE, _HOUR, _DAY = 60.0, 3_600.0, 86_400.0

_DURATIONS = {
    1e-9: "ns nsec nsecs nano nanos nanosecond nanoseconds",
    1e-6: "us \u00b5s \u03bcs usec usecs micros microsecond microseconds",
    1e-3: "ms msec msecs milli millis millisecond milliseconds",
    1.0: "s sec secs second seconds",
    _MINUTE: "m min mins minute minutes",
    _HOUR: "h hr hrs hour hours",
    _DAY: "d day days",
}
_SIZES = {
    # Programs that write KB mean 1,024 bytes more often than not.
    1024.0**power: " ".join([prefix, f"{prefix}B", f"{prefix}iB", f"{prefix}b", f"{prefix}bytes"])
    for power, prefix in enumerate("KMGTP", start=1)
} | {1.0: "B byte bytes Bytes"}

_UNITS: dict[str, tuple[Unit, float]] = {
    name: (unit, factor)
    for unit, factors in ((Unit.SECONDS, _DURATIONS), (Unit.BYTES, _SIZES), (Unit.PERCENT, {1.0: "%"}))
    for factor, names in factors.items()
    for name in names.split()
} | dict.fromkeys(("k", "kB", "kb", "kiB", "kbytes"), (Unit.BYTES, 1024.0))

_NO_UNIT = (None, 1.0)
_NO_VALUE = ("", "-", "null", "NULL", "nil", "None", "none", "undefined", "NaN", "nan", "N/A", "n/a")

# Digits in groups of three, or without groups.
_DIGITS = r"(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)"
_NUMBER = rf"[-+]?(?:{_DIGITS}(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{{1,3}})?"
_AMOUNT = rf"^[<>~#]?({_NUMBER}) ?({'|'.join(sorted(_UNITS, key=len, reverse=True))}|)$"
_PLAIN = r"^-?[0-9]+(?:\.[0-9]+)?$"
_SUM = r"^(?:([0-9]+)d ?)?(?:([0-9]+)h ?)?(?:([0-9]+)m(?:in)? ?)?(?:([0-9]+(?:\.[0-9]+)?)s)?$"
_SUM_FACTORS = (_DAY, _HOUR, _MINUTE, 1.0)

_TRIED = 50
"""So many texts are looked at first: texts that are no numbers are found out by them."""


def quantities_of(texts: pa.Array) -> Quantities | None:
    """The numbers that texts spell; None where one of them spells none, or their units measure different things.

    Texts such as ``-`` and ``null``, which stand for no value, and a zero without a unit, agree with all.

    Args:
        texts: ``large_string``, without nulls; better each once, since each is read.
    """
    column: pl.Series = pl.Series(pl.from_arrow(texts), dtype=pl.String).str.strip_chars()
    if len(column) > _TRIED and not _are_amounts(column.head(_TRIED)):
        return None
    if column.str.contains(_PLAIN).all():
        return _checked(column.cast(pl.Float64).to_numpy(), [None])
    if not _are_amounts(column):
        return None
    numbers, units = _amounts(column)
    given = ~np.isnan(numbers)
    measured = set(units[given & (numbers != 0)]) or set(units[given]) - {None}
    return _checked(numbers, list(measured))


def _checked(numbers: npt.NDArray[np.float64], units: list[Unit | None]) -> Quantities | None:
    if len(units) > 1 or np.isinf(numbers).any() or np.isnan(numbers).all():
        return None
    return Quantities(numbers, units[0] if units else None)


def _are_amounts(column: pl.Series) -> bool:
    is_amount = column.str.contains(_AMOUNT) | column.str.contains(_SUM) | column.is_in(_NO_VALUE)
    return bool(is_amount.all())


def _amounts(column: pl.Series) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.object_]]:
    """The number, in its unit, and the unit of each text; NaN where there is no value."""
    amounts = column.str.extract_groups(_AMOUNT).struct.unnest()
    digits = amounts["1"].str.replace_all(",", "", literal=True)
    # A few names of units among many texts: each is looked up once.
    names = pa.array(amounts["2"]).dictionary_encode()
    known = [_UNITS.get(name, _NO_UNIT) for name in [*names.dictionary.to_pylist(), ""]]
    which = names.indices.fill_null(len(known) - 1).to_numpy(zero_copy_only=False)
    numbers = (
        digits.cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy()
        * np.array([each[1] for each in known])[which]
    )
    units = np.array([each[0] for each in known], dtype=np.object_)[which]
    is_sum = (column.str.contains(_SUM) & amounts["1"].is_null() & (column != "")).to_numpy()
    if is_sum.any():
        numbers[is_sum] = _sums(column.filter(pl.Series(is_sum)))
        units[is_sum] = Unit.SECONDS
    return numbers, units


def _sums(column: pl.Series) -> npt.NDArray[np.float64]:
    """Seconds that are written in several units: ``1h2m3.5s``."""
    parts = column.str.extract_groups(_SUM).struct.unnest().cast(pl.Float64).fill_null(0.0).to_numpy()
    return np.asarray(parts @ np.array(_SUM_FACTORS), dtype=np.float64)
