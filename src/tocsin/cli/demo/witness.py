"""Finds a request that met trouble, as a person would: by searching."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tocsin.cli.client import CommandFailed, TocsinClient
from tocsin.cli.demo.faults import Injection
from tocsin.cli.simulating import shown

LOOK_EVERY_SECONDS = 6.0
LOOKS = 60

_ERRORS_LOOKED_AT = 100
_TRACES_LOOKED_AT = 10
_ENOUGH_SERVICES = 2
_ENOUGH_ALARMS = 2
"""One alarming line is what a healthy shop has as well."""

_ALARMING = frozenset({"WARN", "ERROR", "FATAL"})

Found = Callable[[Injection, str, Sequence[str]], None]


@dataclass(frozen=True, slots=True)
class Trace:
    """What a search for a trace shows."""

    trace_id: str
    #: In the order in which they first said something.
    services: Sequence[str]
    alarms: int


def watch(client: TocsinClient, injected: Injection, found: Found, stop: threading.Event) -> None:
    """From a thread of its own, look for such a request for a while, and hand on its trace and services."""
    if not injected.is_harmless:
        threading.Thread(target=_look, args=(client, injected, found, stop), daemon=True).start()


def _look(client: TocsinClient, injected: Injection, found: Found, stop: threading.Event) -> None:
    for _ in range(LOOKS):
        if stop.wait(LOOK_EVERY_SECONDS):
            return
        try:
            trace = worst_trace(client, injected)
        except CommandFailed:
            # Nobody asked for this: what keeps a search from working shows elsewhere.
            continue
        if trace is not None:
            found(injected, trace.trace_id, trace.services)
            return


def worst_trace(client: TocsinClient, injected: Injection) -> Trace | None:
    """Of the newest traces with an error since then, the one with most alarming lines that the trouble is a part of."""
    since = shown(injected.start_unix_nano)
    errors = _logs(client, "level:>=ERROR", since, _ERRORS_LOOKED_AT)
    trace_ids = list(dict.fromkeys(log["trace_id"] for log in errors if log.get("trace_id")))
    traces = (
        trace_of(trace_id, _logs(client, f"trace_id:{trace_id}", since, 1_000), part=injected.service)
        for trace_id in trace_ids[:_TRACES_LOOKED_AT]
    )
    return max((trace for trace in traces if trace is not None), key=lambda trace: trace.alarms, default=None)


def trace_of(trace_id: str, logs: Sequence[dict[str, Any]], *, part: str) -> Trace | None:
    """What the logs of a trace, newest first, show; None where little is wrong, or the service has no part in it."""
    services = list(dict.fromkeys(log["service"] for log in reversed(logs)))
    alarms = sum(log["level"] in _ALARMING for log in logs)
    # A service that can't be reached says nothing; who calls it names it.
    has_part = part in services or any(part in log["message"] for log in logs)
    if not has_part or alarms < _ENOUGH_ALARMS or len(services) < _ENOUGH_SERVICES:
        return None
    return Trace(trace_id, services, alarms)


def _logs(client: TocsinClient, query: str, since: str, limit: int) -> list[dict[str, Any]]:
    answer = client.get("/v1/logs", **{"q": query, "from": since, "limit": limit})
    logs: list[dict[str, Any]] = answer["logs"]
    return logs
