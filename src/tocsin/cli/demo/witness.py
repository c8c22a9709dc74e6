"""Finds a request that met trouble, as a person would: by searching."""

import threading
from collections.abc import Callable, Sequence

from tocsin.cli.client import CommandFailed, TocsinClient
from tocsin.cli.demo.faults import Injection
from tocsin.cli.simulating import shown

FIRST_LOOK_SECONDS = 8.0
LOOKS = 12

_LOGS_LOOKED_AT = 100
_TRACES_LOOKED_AT = 8
_ENOUGH_SERVICES = 3

Found = Callable[[Injection, str, Sequence[str]], None]


def watch(client: TocsinClient, injected: Injection, found: Found, stop: threading.Event) -> None:
    """From a thread of its own, look for such a request for a while, and hand on its trace and services."""
    threading.Thread(target=_look, args=(client, injected, found, stop), daemon=True).start()


def _look(client: TocsinClient, injected: Injection, found: Found, stop: threading.Event) -> None:
    for _ in range(LOOKS):
        if stop.wait(FIRST_LOOK_SECONDS):
            return
        try:
            trace_id, services = widest_trace(client, injected)
        except CommandFailed:
            # Nobody asked for this: what keeps a search from working shows elsewhere.
            continue
        if len(services) >= _ENOUGH_SERVICES:
            found(injected, trace_id, services)
            return


def widest_trace(client: TocsinClient, injected: Injection) -> tuple[str, list[str]]:
    """Of the newest traces with an alarming log where the trouble began, the one through most services; or none."""
    since = shown(injected.start_unix_nano)
    query = f"level:>=WARN service:{injected.service}"
    logs = client.get("/v1/logs", **{"q": query, "from": since, "limit": _LOGS_LOOKED_AT})["logs"]
    traces = list(dict.fromkeys(log["trace_id"] for log in logs if log.get("trace_id")))
    widest: tuple[str, list[str]] = ("", [])
    for trace_id in traces[:_TRACES_LOOKED_AT]:
        of_trace = client.get("/v1/logs", **{"q": f"trace_id:{trace_id}", "from": since, "limit": 1_000})["logs"]
        services = list(dict.fromkeys(log["service"] for log in reversed(of_trace)))
        widest = max(widest, (trace_id, services), key=lambda each: len(each[1]))
    return widest
