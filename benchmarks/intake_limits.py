"""What keys, rate limits, usage and quotas cost the intake: ``python -m benchmarks.intake_limits``.

Measures the CPU of what each request to the intake goes through before and after its logs are stored, in a tight loop,
and relates it to the CPU of storing requests of 1,000, 100 and 1 logs in the embedded log store, HTTP not included: a
server's share is smaller. CPU is the whole process's, so ClickHouse's own threads count too. Prints a table and writes
``benchmarks/results/intake_limits.json``.
"""

import argparse
import asyncio
import json
import os
import platform
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from benchmarks.bench import API_KEY
from benchmarks.generator import Body, Facts, bodies
from tocsin.accounts.contracts import KeyIdentity
from tocsin.ingest.contracts import IngestOutcome
from tocsin.ingest.protocols import tocsin_json
from tocsin.ingest.quota import DailyQuota
from tocsin.ingest.usage import FLUSH_SECONDS, UsageMeter
from tocsin.ingest.usage_repository import UsageRepository
from tocsin.kit.clock import SystemClock
from tocsin.kit.rates import Rate
from tocsin.kit.settings import read_settings
from tocsin.kit.telemetry import configure_logging
from tocsin.wiring import Components, build

MUST_PERCENT = 3.0
"""Of the intake's CPU, at 1,000 logs a request: what keys and limits may cost."""

ROUNDS = 5
FLUSHES = 50

#: Logs a request, how many logs are sent so, and by how many senders at once: small requests come from many.
SIZES = {1_000: (300_000, 4), 100: (100_000, 16), 1: (20_000, 64)}

_BODY_BYTES = 395_000
_NO_LIMIT = Rate(1_000_000_000, 1)
_NO_QUOTA_BYTES = 2**50
_OUTCOME = IngestOutcome(received=1_000, stored=1_000, duplicates_skipped=0, rejected=Counter())

Step = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Checks:
    """What a request goes through, one step each."""

    components: Components
    meter: UsageMeter
    quota: DailyQuota
    key: KeyIdentity

    async def authenticate(self) -> None:
        """Recognise the key, which is in memory but for once in five seconds."""
        await self.components.accounts.keys.authenticate(API_KEY)

    async def limit(self) -> None:
        """Take one request of the key's rate."""
        await self.components.limiter.take(f"ingest:{self.key.key_id}", _NO_LIMIT)

    async def check_quota(self) -> None:
        """Compare the organization's bytes of today with its quota."""
        await self.quota.check(self.key)

    async def count(self) -> None:
        """Count what was stored."""
        self.meter.add(self.key, _OUTCOME, _BODY_BYTES)

    async def all_of_them(self) -> None:
        """The four, as a request goes through them."""
        key = await self.components.accounts.keys.authenticate(API_KEY)
        await self.components.limiter.take(f"ingest:{key.key_id}", _NO_LIMIT)
        await self.quota.check(key)
        self.meter.add(key, _OUTCOME, _BODY_BYTES)


async def microseconds(step: Step, times: int) -> float:
    """CPU of one step: the median of a few rounds, without the loop around it."""

    async def nothing() -> None: ...

    rounds = []
    for _ in range(ROUNDS):
        costs = []
        for each in (nothing, step):
            started = time.process_time()
            for _ in range(times):
                await each()
            costs.append(time.process_time() - started)
        rounds.append((costs[1] - costs[0]) / times * 1e6)
    return statistics.median(rounds)


async def intake_microseconds(components: Components, key: KeyIdentity, prepared: list[Body], senders: int) -> float:
    """CPU of one request of logs until all are acknowledged, with what the store does behind them meanwhile."""
    waiting: Iterator[Body] = iter(prepared)

    async def send() -> None:
        for body in waiting:
            decode = partial(tocsin_json.decode, body.json, "application/json")
            await components.ingest.ingest(decode, key, size_bytes=len(body.json))

    started = time.process_time()
    await asyncio.gather(*(send() for _ in range(senders)))
    return (time.process_time() - started) / len(prepared) * 1e6


async def measure(directory: Path, times: int) -> dict[str, Any]:
    """Everything, over parts of their own in a directory."""
    settings = read_settings({"TOCSIN_BOOTSTRAP_API_KEY": API_KEY, "TOCSIN_DATA_DIR": str(directory)}, directory)
    clock = SystemClock()
    async with build(settings) as components:
        meter = UsageMeter(UsageRepository(components.database), clock=clock)
        key = await components.accounts.keys.authenticate(API_KEY)
        checks = Checks(components, meter, DailyQuota(meter, clock=clock, ceiling_bytes=_NO_QUOTA_BYTES), key)
        steps: dict[str, Step] = {
            "authenticate the key": checks.authenticate,
            "rate limit": checks.limit,
            "quota": checks.check_quota,
            "usage": checks.count,
            "all four": checks.all_of_them,
        }
        costs = {name: round(await microseconds(step, times), 2) for name, step in steps.items()}
        flush = await _flush_microseconds(meter, key)
        await meter.close()
        intake = {}
        for seed, (a_request, (logs, senders)) in enumerate(SIZES.items()):
            prepared = list(bodies(logs, a_request=a_request, seed=seed, end_unix_nano=time.time_ns(), facts=Facts()))
            warm_up = len(prepared) // 10
            await intake_microseconds(components, key, prepared[:warm_up], senders)
            intake[a_request] = round(await intake_microseconds(components, key, prepared[warm_up:], senders), 1)
    shares = {a_request: round(costs["all four"] / cost * 100, 3) for a_request, cost in intake.items()}
    return {
        "checks_cpu_microseconds": costs,
        "flush_cpu_microseconds": round(flush),
        "flush_percent_of_a_core": round(flush / FLUSH_SECONDS / 1e4, 3),
        "intake_cpu_microseconds_a_request": intake,
        "checks_percent_of_intake": shares,
    }


async def _flush_microseconds(meter: UsageMeter, key: KeyIdentity) -> float:
    """CPU of writing the usage of one organization, which is done every ``FLUSH_SECONDS``."""
    total = 0.0
    for number in range(FLUSHES):
        meter.add(KeyIdentity(UUID(int=number), key.organization_id, "default", True, 1), _OUTCOME, _BODY_BYTES)
        started = time.process_time()
        await meter.flush()
        total += time.process_time() - started
    return total / FLUSHES * 1e6


def print_table(results: dict[str, Any]) -> None:
    """What was measured."""
    print(f"\n{'a request’s checks':34}{'CPU (µs)':>12}")
    for name, cost in results["checks_cpu_microseconds"].items():
        print(f"{name:34}{cost:>12}")
    flush, percent = results["flush_cpu_microseconds"], results["flush_percent_of_a_core"]
    print(f"{f'usage written (every {FLUSH_SECONDS:g} s)':34}{flush:>12}   {percent} % of a core")
    print(f"\n{'logs a request':34}{'CPU (µs)':>12}{'checks (%)':>12}{'must':>8}")
    for a_request, cost in results["intake_cpu_microseconds_a_request"].items():
        must = f"≤ {MUST_PERCENT:g}" if a_request == max(SIZES) else ""
        print(f"{a_request:<34,}{cost:>12,}{results['checks_percent_of_intake'][a_request]:>12}{must:>8}")


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=50_000, help="how often each step runs a round (default 50,000)")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "intake_limits.json")
    options = parser.parse_args()
    configure_logging(level="warning", form="console")
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as directory:
        results = asyncio.run(measure(Path(directory), options.times))
    machine = {"cores": os.cpu_count(), "platform": platform.platform(), "python": platform.python_version()}
    measured_at = datetime.now(UTC).isoformat(timespec="seconds")
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps({"measured_at": measured_at, "machine": machine, **results}, indent=2) + "\n")
    print_table(results)


if __name__ == "__main__":
    main()
