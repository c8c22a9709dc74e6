"""Pages of real output, made by a running server: `python -m benchmarks.pages --data DIR` writes docs/pages/.

DIR holds logs of an OpenStack (`openstack_faults/dev/<Subsystem>/Test_N/logs/round_1/<subsystem>/*.log`); faults for
the comparisons are those of the simulated shop. A page shows what Tocsin made of the logs, templates and figures; no
log is copied.
"""

import argparse
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.bench import get, log_in, start_tocsin

PAGES = Path(__file__).parents[1] / "docs" / "pages"
MAX_TEMPLATE_CHARACTERS = 160
SHOWN_PATTERNS = 40
SHOWN_CHANGES = 5
MIN_FILE_BYTES = 1_000

SCENARIOS = ("connection-pool-exhaustion", "third-party-outage", "missing-column", "slow-database")
SIMULATED_DAY = datetime(2026, 11, 2, 10, tzinfo=UTC)

#: Before the first log of the data, and after the last one.
ALL_FROM, ALL_TO = "2018-01-01", "2019-01-01"

QUESTIONS = (
    "why did creating an instance fail?",
    "no valid host was found",
    "volume could not be attached",
    "authentication failed, token not valid",
    "lost connection to the message queue",
    "disk or image could not be downloaded",
    "network port binding failed",
    "database errors",
    "requests that took long",
    "instance was destroyed and how long it took",
)


def main() -> None:
    """Import, ask, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds openstack_faults/")
    parser.add_argument("--test", default="Nova/Test_109", help="which fault injection is compared")
    parser.add_argument(
        "--files", type=int, default=400, help="so many log files of other tests are imported beside it"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tocsin-pages-") as directory:
        server = start_tocsin(Path(directory), {}, log_file=Path(directory) / "server.log")
        try:
            server.wait_until_ready()
            asked = Asked(server.port)
            _import_all(Path(directory), server.port, _files(options.data / "openstack_faults" / "dev", options.files))
            faults = [
                _simulated(Path(directory), server.port, name, day=SIMULATED_DAY + timedelta(days=number))
                for number, name in enumerate(SCENARIOS)
            ]
            asked.wait_for_vectors()
            PAGES.mkdir(exist_ok=True)
            _write("patterns.md", patterns_page(asked))
            _write("comparison.md", comparison_page(asked, faults))
            _write("searches.md", searches_page(asked))
        finally:
            server.stop()


class Asked:
    """A server, and what it answers."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._token = log_in(port)

    def get(self, path: str, **parameters: Any) -> Any:
        """The answer to a GET."""
        status, answer = get(self._port, f"{path}?{urllib.parse.urlencode(parameters)}", token=self._token)
        if status != 200:
            raise RuntimeError(f"{path} answered {status}: {answer!r:.300}")
        return json.loads(answer)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """The answer to a POST."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=120)
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        connection.request("POST", path, json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        if answer.status not in (200, 201):
            raise RuntimeError(f"{path} answered {answer.status}: {text!r:.300}")
        return json.loads(text)

    def wait_for_vectors(self) -> None:
        """Until search by meaning knows every pattern."""
        for _ in range(240):
            answer = self.post("/v1/logs/search", {"query": "anything", "from": ALL_FROM, "to": ALL_TO})
            if not answer["is_degraded"]:
                return
            time.sleep(2)
        raise RuntimeError(f"search by meaning is not ready: {answer['degraded_reason']}")


def patterns_page(asked: Asked) -> str:
    """The most frequent patterns of everything."""
    answer = asked.get("/v1/patterns", **{"from": ALL_FROM, "to": ALL_TO}, limit=SHOWN_PATTERNS)
    rows = [
        (f"{each['count']:,}", f"{each['share']:.1%}", ", ".join(each["levels"]), _code(each["template"]))
        for each in answer["patterns"]
    ]
    return "\n".join(
        [
            "# Patterns of an OpenStack",
            "",
            f"The {len(rows)} most frequent of {answer['pattern_total']:,} patterns of {answer['total']:,} raw lines,",
            "as `GET /v1/patterns` answers. One configuration for all sources: nothing in it knows OpenStack.",
            "Made by `python -m benchmarks.pages`.",
            "",
            *_table(("logs", "share", "levels", "template"), rows),
        ]
    )


def comparison_page(asked: Asked, faults: list[dict[str, Any]]) -> str:
    """What changed when a fault began, of some."""
    lines = [
        "# Comparisons around injected faults",
        "",
        "A simulated shop of twelve services runs for an hour, then something goes wrong. What `POST /v1/logs/compare`",
        "says changed in the time of the fault against as long just before it, the most telling first, with the query",
        "that shows it. It knows nothing of the faults. Made by `python -m benchmarks.pages`.",
    ]
    for fault in faults:
        answer = asked.post(
            "/v1/logs/compare",
            {"from": fault["onset"], "to": fault["end"], "baseline": "before", "limit": SHOWN_CHANGES},
        )
        rows = [
            (
                each["kind"],
                each["sentence"].replace("|", "\\|"),
                _code(each["evidence"]["query"]),
                f"{len(each['also'])}",
            )
            for each in answer["changes"]
        ]
        lines += [
            "",
            f"## {fault['kind']}, in the service {fault['cause_service']}",
            "",
            f"{answer['before']['logs']:,} logs before, {answer['after']['logs']:,} after; {_tested(answer)} asked.",
            "",
            *_table(("kind", "what changed", "shown by", "other signs of it"), rows),
        ]
    return "\n".join(lines)


def _tested(answer: dict[str, Any]) -> str:
    return ", ".join(f"{number:,} {kind.replace('_', ' ')}s" for kind, number in answer["tested"].items() if number)


def searches_page(asked: Asked) -> str:
    """What questions in plain words find."""
    lines = [
        "# Ten searches by meaning",
        "",
        "Questions in a person's words over the raw logs of an OpenStack, and the patterns of the logs that",
        "`POST /v1/logs/search` answers, by relevance. Made by `python -m benchmarks.pages`.",
    ]
    for question in QUESTIONS:
        body = {"query": question, "from": ALL_FROM, "to": ALL_TO, "k": 5}
        started = time.perf_counter()
        answer = asked.post("/v1/logs/search", body)
        took_ms = (time.perf_counter() - started) * 1000
        rows = [
            (
                f"{each['relevance']:.2f}",
                each["log"]["level"],
                each["log"]["service"],
                _code(each["pattern"]["template"] if each["pattern"] else ""),
            )
            for each in answer["results"]
        ]
        lines += ["", f"## {question}", "", *_table(("relevance", "level", "service", "template"), rows)]
        lines += ["", f"{took_ms:.0f} ms."]
    return "\n".join(lines)


def _files(faults: Path, most: int) -> list[tuple[Path, str]]:
    """Log files of the data that services wrote, and the service of each."""
    found = [
        (
            path,
            f"{path.parent.name}-{path.stem}.{path.parents[4].name}-{path.parents[3].name}".lower().replace("_", "-"),
        )
        for path in sorted(faults.glob("*/Test_*/logs/round_1/*/*.log"))
        if "foreground_wl" not in path.parts and path.stat().st_size > MIN_FILE_BYTES
    ]
    return found[:most]


def _simulated(directory: Path, port: int, scenario: str, *, day: datetime) -> dict[str, Any]:
    """Let the shop run into a scenario; the truth about its fault."""
    truth = directory / f"{scenario}.json"
    until = day + timedelta(minutes=100)
    options = [
        "--from",
        day.isoformat(),
        "--to",
        until.isoformat(),
        "--scenario",
        f"{scenario}@1h",
        "--truth",
        str(truth),
    ]
    _run(directory, port, "simulate", *options)
    [fault] = json.loads(truth.read_text())["faults"]
    return dict(fault)


def _run(directory: Path, port: int, *arguments: str) -> None:
    """Run a command that talks to the server."""
    environment = {**os.environ, "TOCSIN_PORT": str(port), "TOCSIN_DATA_DIR": str(directory)}
    subprocess.run([sys.executable, "-m", "tocsin", *arguments], env=environment, check=True, stdout=subprocess.DEVNULL)


def _import_all(directory: Path, port: int, files: list[tuple[Path, str]]) -> None:
    """Import files under names that say their services, in one command."""
    with tempfile.TemporaryDirectory() as links:
        named = [Path(links) / f"{service}.log" for _, service in files]
        for link, (path, _) in zip(named, files, strict=True):
            link.symlink_to(path)
        _run(directory, port, "import", "--format", "lines", *map(str, named))


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (heads, ("---",) * len(heads), *rows)]


def _code(text: str) -> str:
    line = " ⏎ ".join(text.splitlines())
    shown = line if len(line) <= MAX_TEMPLATE_CHARACTERS else line[: MAX_TEMPLATE_CHARACTERS - 1] + "…"
    return f"`` {shown.replace('|', chr(92) + '|')} ``" if shown else ""


def _write(name: str, text: str) -> None:
    (PAGES / name).write_text(text.rstrip() + "\n", encoding="utf-8")
    print(f"docs/pages/{name}")


if __name__ == "__main__":
    main()
