from collections.abc import Iterator

import httpx
import pytest

from tests.support.metronome import scenario
from tests.support.server import free_port
from tocsin.cli.client import CommandFailed
from tocsin.cli.demo.faults import FaultDesk
from tocsin.cli.demo.faults_api import MAX_BODY_BYTES, faults_api

NOW = 1_795_500_000_000_000_000


@pytest.fixture
def desk() -> FaultDesk:
    return FaultDesk([scenario("slow"), scenario("dead")], scheduled=[], every_seconds=0, seed=1)


@pytest.fixture
def url(desk: FaultDesk) -> Iterator[str]:
    with faults_api(desk, port=free_port()) as address:
        yield address


def test_scenarios_are_listed_with_what_goes_on(desk: FaultDesk, url: str) -> None:
    desk.ask("dead")
    desk.take(NOW)
    listed = httpx.get(url).raise_for_status().json()
    assert [each["name"] for each in listed["scenarios"]] == ["slow", "dead"]
    assert listed["going_on"] == [{"scenario": "dead", "start": "2026-11-24T06:00:00Z", "end": "2026-11-24T06:20:00Z"}]


def test_scenario_begins_when_it_is_posted_and_is_refused_while_it_goes_on(desk: FaultDesk, url: str) -> None:
    assert httpx.post(url, json={"scenario": "slow"}).status_code == 202
    assert [each.scenario.name for each in desk.take(NOW)] == ["slow"]
    again = httpx.post(url, json={"scenario": "slow"})
    assert (again.status_code, again.json()) == (409, {"detail": "slow is going on already"})


@pytest.mark.parametrize(
    ("status", "content", "headers"),
    [
        (415, b'{"scenario": "slow"}', {"Content-Type": "text/plain"}),
        (415, b'{"scenario": "slow"}', {}),
        (421, b'{"scenario": "slow"}', {"Content-Type": "application/json", "Host": "shop.example:3001"}),
        (404, b'{"scenario": "sow"}', {"Content-Type": "application/json"}),
        (400, b"[]", {"Content-Type": "application/json"}),
        (400, b'{"scenario": 1}', {"Content-Type": "application/json"}),
        (400, b"{", {"Content-Type": "application/json"}),
        (400, b" " * (MAX_BODY_BYTES + 1), {"Content-Type": "application/json"}),
    ],
)
def test_request_is_refused_and_nothing_begins(
    desk: FaultDesk, url: str, status: int, content: bytes, headers: dict[str, str]
) -> None:
    answer = httpx.post(url, content=content, headers=headers)
    assert (answer.status_code, list(answer.json())) == (status, ["detail"])
    assert desk.take(NOW) == []


def test_other_paths_and_methods_are_refused(url: str) -> None:
    assert httpx.get(f"{url}/slow").status_code == 404
    assert httpx.options(url).status_code == 501


def test_taken_port_is_said(url: str, desk: FaultDesk) -> None:
    with pytest.raises(CommandFailed, match="not free"), faults_api(desk, port=int(httpx.URL(url).port or 0)):
        pass
