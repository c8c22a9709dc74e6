"""Short runs of the shop, and what can be counted in them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any

from tocsin.simulation.contracts import Fault, GroundTruth
from tocsin.simulation.shop import Shop
from tocsin.simulation.walking import FAILED, Span
from tocsin.simulation.writing import SECOND_NANO

#: A Wednesday evening, 19:00 UTC.
START = 1_779_908_400 * SECOND_NANO
SEED = 4


@dataclass(frozen=True)
class Run:
    """What a shop did in a while."""

    ndjson: bytes
    spans: list[Span]
    truth: Sequence[GroundTruth]
    shop: Shop = field(repr=False)

    @cached_property
    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.ndjson.splitlines()]

    def of(self, service: str, after_seconds: float = 0) -> list[Span]:
        begin = START + int(after_seconds * SECOND_NANO)
        return [span for span in self.spans if span.service == service and span.begin >= begin]

    def failures(self, service: str, after_seconds: float = 0) -> int:
        return sum(span.status >= FAILED - 1 for span in self.of(service, after_seconds))

    def mean_ms(self, service: str, after_seconds: float = 0) -> float:
        spans = self.of(service, after_seconds)
        return sum(span.end - span.begin for span in spans) / 1e6 / max(1, len(spans))


def run(faults: Sequence[Fault] = (), seconds: int = 120, *, seed: int = SEED, traffic: float = 1.0) -> Run:
    spans: list[Span] = []
    shop = Shop(seed, START, faults, traffic, observer=spans.append)
    chunk = shop.advance(START + seconds * SECOND_NANO)
    assert chunk.logs == chunk.ndjson.count(b"\n")
    return Run(chunk.ndjson, spans, shop.truth(), shop)


@lru_cache(maxsize=4)
def calm(seconds: int) -> Run:
    """A run without any fault."""
    return run((), seconds)


def sooner(faults: Sequence[Fault], onset_seconds: float) -> list[Fault]:
    """The same faults, the first of which begins at a second."""
    by = min(fault.onset_seconds for fault in faults) - onset_seconds
    return [replace(fault, onset_seconds=fault.onset_seconds - by) for fault in faults]


def is_error(record: dict[str, Any]) -> bool:
    return str(record["level"]).lower() in ("error", "e", "fatal", "f", "crit", "critical")
