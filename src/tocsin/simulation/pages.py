"""Three pages of the shop's logs, as ``tocsin tail`` shows them, with the lines of stack traces one below the other.

``python -m tocsin.simulation.pages [DIRECTORY]`` writes them, for whoever asks whether the shop's logs look real.
"""

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from tocsin.simulation.contracts import Effect, Fault, Mechanism
from tocsin.simulation.scenarios import load_scenarios
from tocsin.simulation.shop import Shop
from tocsin.simulation.writing import SECOND_NANO

_SEED = 2026
_START_UNIX_NANO = int(datetime(2026, 5, 27, 19, 0, tzinfo=UTC).timestamp()) * SECOND_NANO
_LEVELS = {"I": "INFO", "D": "DEBUG", "W": "WARN", "E": "ERROR", "F": "FATAL", "WARNING": "WARN", "CRITICAL": "FATAL"}
_DEPLOY = Fault(
    name="catalog-5-22-0",
    kind="deploy",
    onset_seconds=24,
    effects=[Effect(mechanism=Mechanism.CONFIG, service="catalog", parameters={"version": "5.22.0"})],
    is_harmless=True,
)
_OUTAGE = "expired-certificate"


def pages() -> Iterator[tuple[str, str]]:
    """Each page's name and text: an ordinary minute, a deploy, an outage."""
    yield "page-1.txt", _page([], 0, 60, 0.08)
    yield "page-2.txt", _page([_DEPLOY], 20, 60, 0.06)
    [outage] = [scenario for scenario in load_scenarios() if scenario.name == _OUTAGE]
    begin = int(outage.faults[0].onset_seconds) - 4
    yield "page-3.txt", _page(list(outage.faults), begin, 20, 0.3)


def _page(faults: list[Fault], after_seconds: int, seconds: int, traffic: float) -> str:
    shop = Shop(_SEED, _START_UNIX_NANO, faults, traffic)
    shop.advance(_START_UNIX_NANO + after_seconds * SECOND_NANO)
    chunk = shop.advance(_START_UNIX_NANO + (after_seconds + seconds) * SECOND_NANO)
    return "".join(map(_shown, chunk.ndjson.splitlines()))


def _shown(line: bytes) -> str:
    record = json.loads(line)
    level = str(record["level"]).upper()
    return f"{record['timestamp']} {_LEVELS.get(level, level):5} {record['service']} {record['message']}\n"


def main() -> None:
    """Write the pages into a directory; into ``docs/simulation`` if none is named."""
    directory = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/simulation")
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in pages():
        (directory / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
