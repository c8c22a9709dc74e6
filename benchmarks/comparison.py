"""How often comparisons report something of nothing, and miss something: ``python -m benchmarks.comparison``.

Of every process, pairs of windows in which nothing changed (the share of comparisons that report anything), and with
one planted change (the share in which it is among the first five): a pattern of at least 50 logs doubled, a metadata
value's share went from 5 % to 20 %, a median moved by one interquartile range. With ``--openstack DIRECTORY``,
of recorded rounds of the OpenStack fault injection data without a fault; into these only doublings are planted.
"""

import argparse
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from benchmarks.comparison_data import (
    PATTERNS,
    PROCESSES,
    Pair,
    doubled_pattern,
    openstack_pair,
    openstack_rounds,
    simulated,
    windows,
    with_a_shift,
    with_more_of_a_value,
)
from tocsin.query.tree import Everything
from tocsin.search.comparison.analysis import changes_told, found_in
from tocsin.search.comparison.contracts import Change, SubjectKind

FIRST = 5

Maker = Callable[[int], Pair]


def changes_in(pair: Pair) -> list[Change]:
    """What is told of a pair."""
    before, after = windows(pair)
    return changes_told(found_in(before, after, PATTERNS), before, after, PATTERNS, {}, query=Everything())


def is_found(changes: Iterable[Change], planted: dict[str, str | int]) -> bool:
    """Whether one of these changes is the planted one."""
    for change in changes:
        subject = change.subject
        if "shape" in planted and subject.kind is SubjectKind.PATTERN and subject.shape == planted["shape"]:
            return True
        if "value" in planted and (subject.key, subject.value) == (planted["key"], planted["value"]):
            return True
        if "number" in planted and subject.kind is SubjectKind.NUMBER and subject.key == planted["key"]:
            return True
    return False


def evaluated(name: str, make: Maker, pairs: int, *, show: bool = False) -> None:
    """Print a line of figures about a process."""
    alarms, seconds = 0, []
    hits: dict[str, list[bool]] = {"pattern": [], "value": [], "median": []}
    for seed in range(pairs):
        pair, other = make(2 * seed), make(2 * seed + 1)
        started = time.perf_counter()
        told = changes_in(pair)
        seconds.append(time.perf_counter() - started)
        alarms += bool(told)
        if told and show:
            for change in told[:3]:
                print(f"    {seed}: {change.sentence} (q {change.q:.2g})")
        planted = {
            "pattern": doubled_pattern(pair, other, seed=seed),
            "value": with_more_of_a_value(pair, seed=seed),
            "median": with_a_shift(pair),
        }
        for kind, changed in planted.items():
            if changed is not None:
                hits[kind].append(is_found(changes_in(changed)[:FIRST], changed.planted))
    recalls = "  ".join(f"{kind} {np.mean(found):.3f}" if found else f"{kind} -" for kind, found in hits.items())
    print(
        f"{name:14} {pairs:4} pairs  reports of nothing {alarms / pairs:.3f}  recall@{FIRST}: {recalls}"
        f"  {np.median(seconds) * 1_000:.0f} ms",
        flush=True,
    )


def recorded(directory: Path, pairs: int, *, show: bool = False) -> None:
    """Print a line of figures about recorded rounds."""
    rounds = openstack_rounds(directory)
    alarms, found = 0, []
    for place in range(min(pairs, len(rounds) - 2)):
        pair = openstack_pair(rounds[place], rounds[place + 1])
        told = changes_in(pair)
        alarms += bool(told)
        if show:
            print(f"    {place}: {[each.sentence for each in told[:3]]}", flush=True)
        changed = doubled_pattern(pair, openstack_pair(rounds[place], rounds[place + 2]), seed=place)
        if changed is not None:
            found.append(is_found(changes_in(changed)[:FIRST], changed.planted))
    print(f"openstack  {len(found)} pairs  reports {alarms / len(found):.3f}  recall@{FIRST}: {np.mean(found):.3f}")


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=100, help="pairs of windows of each process")
    parser.add_argument("--logs", type=int, default=8_000, help="logs in a window")
    parser.add_argument("--process", choices=PROCESSES, action="append", help="only this one; may be given again")
    parser.add_argument("--openstack", type=Path, help="directory of the OpenStack fault injection data")
    parser.add_argument("--show", action="store_true", help="print what was reported of nothing")
    given = parser.parse_args()
    if given.openstack:
        recorded(given.openstack, given.pairs, show=given.show)
        return
    for process in given.process or PROCESSES:

        def make(seed: int, process: str = process) -> Pair:
            return simulated(process, seed=seed, logs=given.logs)

        evaluated(process, make, given.pairs, show=given.show)


if __name__ == "__main__":
    main()
