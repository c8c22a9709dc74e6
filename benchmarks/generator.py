"""Seeded JSON logs of about 395 bytes: twelve services, sixty templates each with its own variables, traces."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

NEEDLE = "zebrafish"
"""A word that stands in exactly one log of a run."""

_SERVICES = (
    "api-gateway", "auth", "catalog", "cart", "checkout", "payment",
    "inventory", "shipping", "notification", "recommendation", "search", "scheduler",
)  # fmt: skip
_WORDS = (
    "order", "payment", "cart", "session", "token", "customer", "invoice", "shipment", "stock", "price", "cache",
    "queue", "batch", "worker", "request", "response", "upstream", "connection", "pool", "retry", "timeout",
    "validated", "created", "updated", "deleted", "rejected", "accepted", "expired", "refreshed", "published",
    "consumed", "scheduled", "completed", "started", "failed", "after", "before", "while", "because", "for", "with",
)  # fmt: skip
_VARIABLES = ("order {number}", "took {millis} ms", "user_{user}", "from {address}", "attempt {digit}", "id={hex}")
_LEVELS = ("DEBUG",) * 2 + ("INFO",) * 14 + ("WARN",) * 3 + ("ERROR",)
_TEMPLATES_A_SERVICE = 60
_LOGS_A_TRACE = 5


@dataclass(frozen=True, slots=True)
class Body:
    """One request's body, and what a query can later look for in it."""

    json: bytes
    logs: int


@dataclass(slots=True)
class Facts:
    """What is known of the generated logs, for queries with a known answer."""

    first_unix_nano: int = 0
    last_unix_nano: int = 0
    a_trace_id: str = ""
    log_bytes: int = 0


def bodies(logs: int, *, a_request: int, seed: int, end_unix_nano: int, facts: Facts) -> Iterator[Body]:
    """Yield request bodies; the last log's timestamp is just before ``end_unix_nano``."""
    rng = random.Random(seed)
    templates = {service: [_template(rng) for _ in range(_TEMPLATES_A_SERVICE)] for service in _SERVICES}
    step = 7_200_000_000_000 // logs
    now = end_unix_nano - step * logs
    facts.first_unix_nano = now
    trace_id = ""
    records: list[dict[str, object]] = []
    for number in range(logs):
        now += rng.randrange(step * 2) // 2 + step // 2
        if number % _LOGS_A_TRACE == 0:
            trace_id = f"{rng.getrandbits(128):032x}"
        service = rng.choice(_SERVICES)
        template = templates[service][min(int(rng.expovariate(0.1)), _TEMPLATES_A_SERVICE - 1)]
        record = _record(rng, min(now, end_unix_nano - 1), service, template, trace_id)
        if number == logs // 3:
            record["message"] = f"{record['message']} {NEEDLE}"
            facts.a_trace_id = trace_id
        records.append(record)
        if len(records) == a_request or number == logs - 1:
            body = msgspec.json.encode({"logs": records})
            facts.log_bytes += len(body)
            yield Body(body, len(records))
            records = []
    facts.last_unix_nano = min(now, end_unix_nano - 1)


def _template(rng: random.Random) -> tuple[str, str]:
    words = [rng.choice(_WORDS) for _ in range(rng.randint(8, 12))]
    for variable in rng.sample(_VARIABLES, rng.randint(2, 4)):
        words.insert(rng.randrange(len(words)), variable)
    return rng.choice(_LEVELS), " ".join(words)


def _record(
    rng: random.Random, unix_nano: int, service: str, template: tuple[str, str], trace_id: str
) -> dict[str, object]:
    level, text = template
    seconds, nanoseconds = divmod(unix_nano, 1_000_000_000)
    return {
        "timestamp": f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}Z",
        "level": level,
        "service": service,
        "message": text.format(
            number=rng.randint(10_000, 99_999),
            millis=round(rng.expovariate(0.02), 1),
            user=rng.randint(1, 20_000),
            address=f"10.{rng.randint(0, 3)}.{rng.randint(0, 255)}.{rng.randint(0, 255)}",
            digit=rng.randint(1, 5),
            hex=f"{rng.getrandbits(48):012x}",
        ),
        "trace_id": trace_id,
        "span_id": f"{rng.getrandbits(64):016x}",
        "metadata": {
            "host": f"ip-10-0-{rng.randint(0, 3)}-{rng.randint(0, 7)}",
            "region": rng.choice(("eu-west-1", "us-east-1", "ap-south-1")),
            "status": rng.choice((200, 200, 200, 200, 404, 500)),
            "user_id": f"u_{rng.randint(1, 20_000)}",
            "duration_ms": round(rng.expovariate(0.02), 2),
        },
    }
