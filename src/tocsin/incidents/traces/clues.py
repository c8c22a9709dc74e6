"""What the comparison of traces found, before anyone is blamed for it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tocsin.topology.trace_profile import TraceProfile

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

OTHER_END = 0.5
"""How easily what a call shows is blamed on its other end than the likelier one. 0.25 and 0.75 change little."""


MOST_CLUES = 2_000
"""Of a kind; weaker ones are left out. Bounds the memory: each has a number for every service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastTraces:
    """An earlier time, to compare with."""

    profile: TraceProfile
    #: Services that had an incident then: how they were is nothing to compare with.
    blamed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Clues:
    """Changes, each with how sure it is and who may be behind it."""

    #: ``(n_clues,)``: the logarithm of how much likelier the change makes what is seen.
    strength: Floats
    #: ``(n_clues, n_services)``: how easily each service explains it, 0 to 1.
    suspects: Floats
    #: For people, one a clue.
    reasons: Sequence[str]


def joined(parts: Sequence[Clues]) -> Clues:
    """All clues of some kinds as one."""
    return Clues(
        strength=np.concatenate([part.strength for part in parts]),
        suspects=np.concatenate([part.suspects for part in parts]),
        reasons=[reason for part in parts for reason in part.reasons],
    )


def strongest(strength: Floats) -> Ints:
    """Where the strongest clues stand, in order; those without strength are none."""
    found = np.flatnonzero(strength > 0)
    return np.sort(found[np.argsort(-strength[found], kind="stable")[:MOST_CLUES]])


def services_of(profiles: Sequence[TraceProfile]) -> list[str]:
    """Everyone who takes part in the traces, by name."""
    names = pl.concat([profile.steps["service"] for profile in profiles]).unique()
    return sorted(set(names.to_list()) - {""})


def aligned(keys: pl.DataFrame, tables: Sequence[pl.DataFrame], on: Sequence[str], column: str) -> Floats:
    """``(n_tables, n_keys)``: a column of each table at the keys, 0 where a table has none."""
    values = np.zeros((len(tables), keys.height))
    if not tables or keys.is_empty():
        return values
    stacked = pl.concat(
        [table.select(*on, column).with_columns(table=pl.lit(index)) for index, table in enumerate(tables)]
    )
    found = keys.select(on).with_row_index("key").join(stacked, on=on)
    values[found["table"].to_numpy(), found["key"].to_numpy()] = found[column].to_numpy()
    return values


def positions(names: pl.Series, services: Sequence[str]) -> Ints:
    """``(n_names,)``: where each name stands in the sorted services; -1 for "" and others."""
    index = {service: position for position, service in enumerate(services)}
    return np.array([index.get(name, -1) for name in names.to_list()], dtype=np.int64)


def comparable(past: Sequence[PastTraces], services: Sequence[str]) -> Floats:
    """``(n_past, n_services + 1)``: 1 where a service can be compared with that time, else 0; the last column is 1."""
    table = np.ones((len(past), len(services) + 1))
    for row, earlier in enumerate(past):
        table[row, [position for position, service in enumerate(services) if service in earlier.blamed]] = 0
    return table
