"""Reads the labelled samples of Loghub: one CSV for each system."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tocsin.kit.errors import InvalidRequest

_STRUCTURED = "_2k.log_structured"

#: Labels that were corrected later win over the first ones.
_CORRECTED = "corrected"


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledSystem:
    """The sample of one system."""

    name: str
    file: Path

    def messages(self) -> pl.Series:
        """The messages, in order, without looking at what people said of them."""
        return self._column("Content")

    def templates(self) -> pl.Series:
        """The true template of each message."""
        return self._column("EventTemplate")

    def _column(self, name: str) -> pl.Series:
        try:
            read = pl.read_csv(self.file, columns=[name], infer_schema=False)
        except (pl.exceptions.PolarsError, OSError) as error:
            raise InvalidRequest(f"{self.file} is no labelled sample with a column {name}: {error}") from error
        return read.to_series().fill_null("")


def labelled_systems(directory: Path) -> list[LabelledSystem]:
    """The systems whose samples are anywhere below a directory, by name; corrected labels where there are both.

    Raises:
        InvalidRequest: there are none.
    """
    found: dict[str, Path] = {}
    for file in sorted(directory.rglob(f"*{_STRUCTURED}*.csv")):
        name = file.name.partition(_STRUCTURED)[0]
        if name not in found or _is_better(file, found[name]):
            found[name] = file
    if not found:
        raise InvalidRequest(f"there is no file <System>{_STRUCTURED}.csv in or below {directory}")
    return [LabelledSystem(name=name, file=found[name]) for name in sorted(found)]


def _is_better(file: Path, other: Path) -> bool:
    return _CORRECTED in file.stem and _CORRECTED not in other.stem
