"""How fast the simulated shop writes: ``python -m benchmarks.simulation [--hours 2] [--traffic 1] [--faults]``.

Prints processor time, so that what else the machine does hardly counts; several runs, the best and all of them.
"""

import argparse
import json
import time
from dataclasses import replace

from tocsin.simulation.contracts import Fault
from tocsin.simulation.scenarios import load_scenarios
from tocsin.simulation.shop import Shop

_SECOND_NANO = 1_000_000_000
#: A Wednesday, 12:00 UTC.
_START_UNIX_NANO = 1_779_883_200 * _SECOND_NANO
_CHUNK_SECONDS = 60
_HOUR_SECONDS = 3600


def _faults() -> list[Fault]:
    """Every shipped fault, one after the other, an hour long each at most."""
    found = []
    for number, scenario in enumerate(load_scenarios()):
        for fault in scenario.faults:
            name = f"{scenario.name}/{fault.name}"
            found.append(replace(fault, name=name, onset_seconds=60.0 + 300 * number, duration_seconds=240.0))
    return found


def _run(hours: float, traffic: float, faults: list[Fault]) -> dict[str, float]:
    shop = Shop(1, _START_UNIX_NANO, faults, traffic)
    logs = size = 0
    begin = time.process_time()
    for until in range(_CHUNK_SECONDS, int(hours * _HOUR_SECONDS) + 1, _CHUNK_SECONDS):
        chunk = shop.advance(_START_UNIX_NANO + until * _SECOND_NANO)
        logs += chunk.logs
        size += len(chunk.ndjson)
    seconds = time.process_time() - begin
    return {
        "logs": logs,
        "logs_per_cpu_second": round(logs / seconds),
        "megabytes_per_cpu_second": round(size / 1e6 / seconds, 1),
        "bytes_per_log": round(size / logs),
        "logs_per_shop_second": round(logs / hours / _HOUR_SECONDS, 1),
        "shop_hours_per_cpu_minute": round(hours / seconds * 60, 1),
    }


def main() -> None:
    """Run it, and print a table and JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--traffic", type=float, default=1.0)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--faults", action="store_true", help="with every shipped fault, one after the other")
    options = parser.parse_args()
    faults = _faults() if options.faults else []
    runs = [_run(options.hours, options.traffic, faults) for _ in range(options.runs)]
    best = max(runs, key=lambda run: run["logs_per_cpu_second"])
    for name, value in best.items():
        print(f"{name:26} {value:>12,}")
    print(json.dumps({"best": best, "runs": [run["logs_per_cpu_second"] for run in runs]}))


if __name__ == "__main__":
    main()
