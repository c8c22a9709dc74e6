"""A shop that logs its traces: web calls cart and then pay; cart calls stock, and stock calls depot."""

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import polars as pl

from tests.topology.test_trace_profile import MS, SCHEMA
from tocsin.topology.trace_profile import TraceProfile, profile_of


@dataclass
class Trace:
    """One request, as it goes on."""

    name: str
    random: random.Random
    at: float = 0.0
    lines: list[tuple[str, str, str, str, int]] = field(default_factory=list)

    def log(self, service: str, event: str, *, span: str | None = None) -> None:
        self.at += self.random.uniform(1.0, 3.0)
        self.lines.append((self.name, span or service, service, event, int(self.at * MS)))


class Abort(Exception):
    """A service gave up, and so do all that wait for it."""


Fault = Callable[[Trace, str, str], bool]
"""Called before each event of a service; True: the event isn't logged."""


def no_fault(trace: Trace, service: str, event: str) -> bool:
    return False


def request(name: str, chance: random.Random, fault: Fault) -> list[tuple[str, str, str, str, int]]:
    trace = Trace(name, chance)

    def log(service: str, event: str) -> None:
        if not fault(trace, service, event):
            trace.log(service, event)

    def guarded(service: str, work: Callable[[], None]) -> None:
        try:
            work()
        except Abort:
            trace.log(service, "request failed", span=f"{service}-failed")
            raise

    def depot() -> None:
        log("depot", "shelf read")
        log("depot", "shelf counted")

    def stock() -> None:
        log("stock", "asked")
        guarded("depot", depot)
        log("stock", "answered")

    def cart() -> None:
        log("cart", "opened")
        guarded("stock", stock)
        log("cart", "rare voucher" if chance.random() < 0.1 else "priced")

    def web() -> None:
        log("web", "request")
        guarded("cart", cart)
        log("web", "paying")
        guarded("pay", lambda: log("pay", "paid"))
        log("web", "done")

    with suppress(Abort):
        guarded("web", web)
    return trace.lines


def traces(seed: int, fault: Fault = no_fault, *, requests: int = 40, healthy: int = 15) -> TraceProfile:
    """The profile of some requests, of which the first are healthy."""
    chance = random.Random(seed)
    lines = [
        line
        for number in range(requests)
        for line in request(f"{seed}-{number}", chance, no_fault if number < healthy else fault)
    ]
    return profile_of(pl.DataFrame(lines, schema=SCHEMA, orient="row"))
