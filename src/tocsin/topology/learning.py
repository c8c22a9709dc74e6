"""What was seen of calls at different times → the calls that there are. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tocsin.topology.contracts import CallCount, CallCounts, CallGraph

HALF_LIFE_SECONDS = 3 * 24 * 3600
"""After so long, what was seen counts half: longer remembers rare calls better, shorter forgets old ones sooner."""

MOST_CALLS = 10_000
"""Pairs of services that are remembered of an organization; the most frequent are."""

FORGOTTEN_CALLS = 0.01
"""What counts less is not remembered: a single call for three weeks."""

_SMALLEST_SHARE = 0.02
"""A rarer call, among those of its caller and those of its callee, is taken for an error of the inference."""

_SMALLEST_DIRECT_SHARE = 0.1
"""Fewer direct calls, compared with those through others, are taken for indirect ones with silent services between."""

_SMALLEST_RETURN_SHARE = 0.2
"""Fewer calls, compared with those the other way round, are taken for these."""

_NANOSECONDS_A_SECOND = 10**9


@dataclass(frozen=True, slots=True)
class SeenCall:
    """What was seen of one pair of services, as it counted when it was last seen."""

    count: CallCount
    seen_unix_nano: int


Seen = Mapping[tuple[str, str], SeenCall]


def forgotten(seen: SeenCall, *, now_unix_nano: int) -> CallCount:
    """What it counts now."""
    age_seconds = max(0.0, (now_unix_nano - seen.seen_unix_nano) / _NANOSECONDS_A_SECOND)
    factor = 0.5 ** (age_seconds / HALF_LIFE_SECONDS)
    count = seen.count
    return CallCount(count.calls * factor, count.failed * factor, count.indirect * factor)


def learned(seen: Seen, found: CallCounts, *, now_unix_nano: int) -> dict[tuple[str, str], SeenCall]:
    """All that was seen, with what was found now; without what counts nothing any more."""
    after = dict(seen)
    for pair, new in found.items():
        before = after.get(pair)
        old = CallCount(0.0) if before is None else forgotten(before, now_unix_nano=now_unix_nano)
        total = CallCount(old.calls + new.calls, old.failed + new.failed, old.indirect + new.indirect)
        after[pair] = SeenCall(total, now_unix_nano)
    counts = {pair: forgotten(each, now_unix_nano=now_unix_nano).calls for pair, each in after.items()}
    kept = sorted((pair for pair in after if counts[pair] >= FORGOTTEN_CALLS), key=lambda pair: (-counts[pair], pair))
    return {pair: after[pair] for pair in kept[:MOST_CALLS]}


def graph_of(seen: Seen, *, now_unix_nano: int) -> CallGraph:
    """The calls that are more than errors of the inference."""
    counts = {pair: forgotten(each, now_unix_nano=now_unix_nano) for pair, each in seen.items()}
    made = _sums((pair[0], each) for pair, each in counts.items())
    taken = _sums((pair[1], each) for pair, each in counts.items())
    calls = {
        (caller, callee): count
        for (caller, callee), count in counts.items()
        if _is_real(count, counts.get((callee, caller)), max(made[caller], taken[caller]), taken[callee])
    }
    return CallGraph(
        {pair: count.calls for pair, count in calls.items()}, {pair: count.failed for pair, count in calls.items()}
    )


def shown_by(found: CallCounts) -> CallGraph:
    """The calls that some logs show by themselves."""
    return graph_of({pair: SeenCall(count, 0) for pair, count in found.items()}, now_unix_nano=0)


def _is_real(count: CallCount, back: CallCount | None, of_caller: float, of_callee: float) -> bool:
    share = max(count.calls / of_caller, count.calls / of_callee)
    return (
        share >= _SMALLEST_SHARE
        and count.calls >= _SMALLEST_DIRECT_SHARE * count.indirect
        and (back is None or count.calls >= _SMALLEST_RETURN_SHARE * back.calls)
    )


def _sums(counts: Iterable[tuple[str, CallCount]]) -> Mapping[str, float]:
    sums: dict[str, float] = defaultdict(float)
    for service, count in counts:
        sums[service] += count.calls
    return sums
