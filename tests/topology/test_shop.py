"""The calls of the simulated shop, from its logs alone: many services say little, and some nothing."""

import json

import pyarrow as pa
import pytest

from tests.support.logs import NOON_UNIX_NANO, log_batch
from tocsin.kit.moments import nanoseconds_of_text
from tocsin.simulation.shop import Shop
from tocsin.simulation.shop_map import SHOP
from tocsin.simulation.topology import Use
from tocsin.simulation.walking import Span
from tocsin.topology.calls import calls_of
from tocsin.topology.learning import shown_by
from tocsin.topology.reading import span_logs

SECOND = 10**9

REAL = {
    (service.name, step.service)
    for service in SHOP.services
    for operation in service.operations
    for step in operation.steps
    if not isinstance(step, Use)
}


@pytest.mark.parametrize("seed", [41, 42])
def test_two_minutes_of_logs_show_the_calls_of_the_shop(seed: int) -> None:
    spans: list[Span] = []
    shop = Shop(seed, NOON_UNIX_NANO, observer=spans.append)
    lines = shop.advance(NOON_UNIX_NANO + 120 * SECOND).ndjson.splitlines()
    logs = span_logs(pa.Table.from_batches([log_batch([_log(line) for line in lines]).rows]))
    traces, service = set(logs["trace_id"]), {span.span: span.service for span in spans}
    happened = {(service[each.parent], each.service) for each in spans if each.parent and each.trace in traces}
    found = shown_by(calls_of(logs)).calls.keys()
    assert len(found & REAL) / len(found) >= 0.9
    assert len(found & happened) / len(happened) >= 0.9


def _log(line: bytes) -> dict[str, object]:
    record = json.loads(line)
    timestamp = nanoseconds_of_text(record["timestamp"])
    severity = 17 if record["level"].upper() in ("ERROR", "FATAL") else 9
    return {**{key: record[key] for key in ("service", "message", "metadata")}} | {
        "timestamp": timestamp,
        "severity_number": severity,
        "trace_id": record.get("trace_id", ""),
        "span_id": record.get("span_id", ""),
    }
