import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from tocsin.evaluation.nezha import evaluate_nezha
from tocsin.kit.errors import InvalidRequest

DAY = "2024-02-03"
MS = timedelta(milliseconds=1)
#: Service, call site, milliseconds since the line before.
REQUEST = [
    ("ts-web-service", "w.Web#1", 0),
    ("ts-cart-service", "c.Cart#7", 4),
    ("ts-stock-service", "s.Stock#3", 3),
    ("ts-stock-service", "s.Stock#9", 2),
    ("ts-cart-service", "c.Cart#12", 3),
    ("ts-web-service", "w.Web#5", 4),
]


def write_minute(directory: Path, minute: str, slower: Mapping[str, int] | None = None) -> None:
    """Thirty requests; some services need some milliseconds more for each of their lines."""
    directory.mkdir(parents=True, exist_ok=True)
    rows = []
    start = datetime.fromisoformat(f"{DAY}T{minute.replace('_', ':')}:00").replace(tzinfo=UTC)
    for number in range(30):
        at = start + number * 1000 * MS
        for service, site, milliseconds in REQUEST:
            at += (milliseconds + number % 3 + (slower or {}).get(service, 0)) * MS
            trace, span = f"{minute}{number:04}", f"{service}{number}"
            text = f"{at:%H:%M:%S}.000 INFO  {site} TraceID: {trace} SpanID: {span} [did][something {number}]\n"
            log = json.dumps({"log": text, "stream": "stdout", "time": f"{at:%Y-%m-%dT%H:%M:%S.%f}789Z"})
            rows.append(("node", f"{service}-5dc8d4f9fd-46x9{number % 9}", trace, span, log))
    columns = ["Node", "PodName", "TraceID", "SpanID", "Log"]
    pl.DataFrame(rows, schema=columns, orient="row").write_csv(directory / f"{minute}_log.csv")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "nezha"
    for minute in ("07_00", "07_10"):
        write_minute(folder / "construct_data" / DAY / "log", minute)
    logs = folder / "rca_data" / DAY / "log"
    write_minute(logs, "08_30", {"ts-cart-service": 250})
    write_minute(logs, "08_31")
    write_minute(logs, "08_00", {"ts-stock-service": 250})
    faults = [
        {"date": DAY, "minutes": ["08_30", "08_31"], "faulty_service": "ts-cart-service", "type": "network_delay"},
        {"date": DAY, "minutes": ["08_00"], "faulty_service": "ts-stock-service", "type": "cpu_contention"},
    ]
    (folder / "faults_dev.json").write_text(json.dumps(faults))
    return tmp_path


def test_the_slow_services_are_found(data: Path) -> None:
    figures = evaluate_nezha(data)
    assert (figures.service_top1, figures.service_top3) == (1.0, 1.0)
    assert [(case.name, case.kind, case.rank) for case in figures.cases] == [
        (f"{DAY} 08:30", "network_delay", 1),
        (f"{DAY} 08:00", "cpu_contention", 1),
    ]
    assert evaluate_nezha(data / "nezha").service_top1 == 1.0


def test_a_wrong_answer_lowers_the_figures_and_changes_nothing_else(data: Path) -> None:
    found = evaluate_nezha(data)
    file = data / "nezha" / "faults_dev.json"
    file.write_text(file.read_text().replace("ts-cart-service", "ts-other-service"))
    figures = evaluate_nezha(data)
    assert (figures.service_top1, figures.service_top3) == (0.5, 0.5)
    assert figures.cases[0].rank is None
    assert [case.causes for case in figures.cases] == [case.causes for case in found.cases]


def test_lines_that_two_files_have_are_one(data: Path) -> None:
    logs = data / "nezha" / "rca_data" / DAY / "log"
    expected = evaluate_nezha(data)
    both = pl.concat([pl.read_csv(logs / f"{minute}_log.csv", infer_schema=False) for minute in ("08_31", "08_30")])
    both.write_csv(logs / "08_31_log.csv")
    assert evaluate_nezha(data).cases == expected.cases


def test_what_is_missing_is_said(data: Path, tmp_path: Path) -> None:
    (data / "nezha" / "rca_data" / DAY / "log" / "08_31_log.csv").unlink()
    with pytest.raises(InvalidRequest, match="08_31_log"):
        evaluate_nezha(data)
    (data / "nezha" / "faults_dev.json").write_text("[{}]")
    with pytest.raises(InvalidRequest, match="no list of faults"):
        evaluate_nezha(data)
    (data / "nezha" / "faults_dev.json").unlink()
    with pytest.raises(InvalidRequest, match="construct_data"):
        evaluate_nezha(data)
