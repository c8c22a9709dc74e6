"""What happens in more traces than before: unexpected steps of a service, and services that no longer answer a call.

A change counts by its Bayes factor: how much likelier the numbers are if the share of traces differs now than if it is
the one it always was (both shares unknown, with Jeffreys' prior). What an earlier time also showed, against all others,
is subtracted. Source: Jeffreys, "Theory of Probability", section 5.1, for two binomial samples.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl

from tocsin.incidents.traces.clues import (
    OTHER_END,
    Clues,
    Floats,
    PastTraces,
    aligned,
    comparable,
    positions,
    strongest,
)
from tocsin.topology.trace_profile import EDGE, TraceProfile

MOST_LEVELS = 4
"""How many calls below a service are suspected of what it does: each halves the suspicion."""

_REACHED = ("service", "event")
_STEP = ("service", "event", "next_event")
_CALL = (*_STEP, "callee")


def unexpected_steps(now: TraceProfile, past: Sequence[PastTraces], services: Sequence[str]) -> Clues:
    """Steps that more of the traces take that come by. The service is suspected, and those below it, less."""
    tables = [earlier.profile for earlier in past]
    keys = now.steps.filter(pl.col("service") != "").join(
        now.reached.rename({"traces": "of"}), on=_REACHED, maintain_order="left"
    )
    position = positions(keys["service"], services)
    fair = comparable(past, services)[:, position]
    before = aligned(keys, [table.steps for table in tables], _STEP, "traces") * fair
    before_of = aligned(keys, [table.reached for table in tables], _REACHED, "traces") * fair
    strength = more_often(keys["traces"].to_numpy(), keys["of"].to_numpy(), before, before_of)
    chosen = strongest(strength)
    suspects = _below(keys[chosen], [now, *tables], services)
    suspects[np.arange(len(chosen)), position[chosen]] = 1.0
    rows = keys[chosen].iter_rows()
    counts = zip(rows, before[:, chosen].sum(axis=0), before_of[:, chosen].sum(axis=0), strict=True)
    reasons = [
        f"{_step(service, event, following)} in {traces} of {of} traces, before in {was:.0f} of {was_of:.0f}"
        for (service, event, following, traces, of), was, was_of in counts
    ]
    return Clues(strength=strength[chosen], suspects=suspects, reasons=reasons)


def missing_calls(now: TraceProfile, past: Sequence[PastTraces], services: Sequence[str]) -> Clues:
    """Calls that leave no line of the callee though the caller goes on as ever; the callee is suspected."""
    tables = [earlier.profile for earlier in past]
    known = pl.concat([table.calls.select(_CALL) for table in [now, *tables]]).unique().sort(_CALL)
    keys = known.join(now.steps.rename({"traces": "of"}), on=_STEP, maintain_order="left")
    position = positions(keys["callee"], services)
    fair = comparable(past, services)[:, position]
    of = keys["of"].to_numpy()
    absent = of - aligned(keys, [now.calls], _CALL, "traces")[0]
    before_of = aligned(keys, [table.steps for table in tables], _STEP, "traces") * fair
    before = before_of - aligned(keys, [table.calls for table in tables], _CALL, "traces") * fair
    strength = more_often(absent, of, before, before_of)
    chosen = strongest(strength)
    suspects = np.zeros((len(chosen), len(services)))
    caller = positions(keys["service"], services)[chosen]
    called_by_someone = np.flatnonzero(caller >= 0)
    suspects[called_by_someone, caller[called_by_someone]] = OTHER_END
    suspects[np.arange(len(chosen)), position[chosen]] = 1.0
    counts = zip(
        keys[chosen].iter_rows(),
        absent[chosen],
        before[:, chosen].sum(axis=0),
        before_of[:, chosen].sum(axis=0),
        strict=True,
    )
    reasons = [
        f"nothing of {callee} {_within(service, event)} in {missing:.0f} of {total} traces, "
        f"before in {was:.0f} of {was_of:.0f}"
        for (service, event, _, callee, total), missing, was, was_of in counts
    ]
    return Clues(strength=strength[chosen], suspects=suspects, reasons=reasons)


def more_often(traces: Floats, of: Floats, before: Floats, before_of: Floats) -> Floats:
    """``(n_keys,)``: the logarithm of the Bayes factor for a larger share now, less what an earlier time also showed.

    Args:
        traces: ``(n_keys,)``, counts now.
        of: ``(n_keys,)``, of how many, at least as many.
        before: ``(n_past, n_keys)``, the same of each earlier time; so is ``before_of``.
        before_of: 0 where a time says nothing.
    """
    all_before, all_before_of = before.sum(axis=0), before_of.sum(axis=0)
    now = _larger_share(traces, of, all_before, all_before_of)
    then = _larger_share(before, before_of, all_before - before, all_before_of - before_of)
    strength: Floats = np.maximum(now - then.max(axis=0, initial=0.0), 0.0)
    return strength


def _larger_share(first: Floats, first_of: Floats, second: Floats, second_of: Floats) -> Floats:
    tables = _tables(int((first_of + second_of).max(initial=0)))
    apart = _evidence(first, first_of, tables) + _evidence(second, second_of, tables)
    factor = apart - _evidence(first + second, first_of + second_of, tables)
    return np.where(first * second_of > second * first_of, np.maximum(factor, 0.0), 0.0)


def _evidence(hits: Floats, of: Floats, tables: tuple[Floats, Floats]) -> Floats:
    """The logarithm of the chance of these hits in this order, whatever the share is."""
    half, whole = tables
    hit, total = hits.astype(np.int64), of.astype(np.int64)
    result: Floats = half[hit] + half[total - hit] - whole[total]
    return result


def _tables(most: int) -> tuple[Floats, Floats]:
    """For n up to the most: log Γ(n + ½) − log Γ(½), and log Γ(n + 1)."""
    numbers = np.arange(most, dtype=np.float64)
    half = np.concatenate([[0.0], np.cumsum(np.log(numbers + 0.5))])
    whole = np.concatenate([[0.0], np.cumsum(np.log(numbers + 1.0))])
    return half, whole


def _below(steps: pl.DataFrame, profiles: Sequence[TraceProfile], services: Sequence[str]) -> Floats:
    """``(n_steps, n_services)``: how easily the services below explain each step, less the more calls lie between.

    Below are those whom the service ever called after the event, or at a begin ever at all, and whom they call.
    """
    calls = pl.concat([profile.calls.select(*_REACHED, "callee") for profile in profiles]).unique()
    anywhere = calls.select("service", "callee", event=pl.lit(EDGE)).select(calls.columns)
    found = (
        steps.select(_REACHED)
        .with_row_index("step")
        .join(pl.concat([calls, anywhere]).unique(), on=_REACHED)
        .select("step", "callee")
    )
    reached = np.zeros((steps.height, len(services)))
    reached[found["step"].to_numpy(), positions(found["callee"], services)] = 1.0
    known = anywhere.filter(pl.col("service") != "").unique()
    further = np.zeros((len(services), len(services)))
    further[positions(known["service"], services), positions(known["callee"], services)] = 1.0
    weights = reached * OTHER_END
    for level in range(2, MOST_LEVELS + 1):
        reached = (reached @ further > 0).astype(np.float64)
        weights = np.maximum(weights, reached * OTHER_END**level)
    return weights


def _step(service: str, event: str, following: str) -> str:
    if event == EDGE:
        return f'{service} begins with "{following}"'
    return f'{service} ends after "{event}"' if following == EDGE else f'{service}: "{following}" after "{event}"'


def _within(service: str, event: str) -> str:
    return f'when {service} is at "{event}"' if service else f'in traces that begin with "{event}"'
