import asyncio
from uuid import uuid4

import polars as pl
import pytest

from tests.support.logs import NOON_UNIX_NANO, log_batch
from tests.topology.conftest import (
    MS,
    ORGANIZATION,
    OTHER_ORGANIZATION,
    SECOND,
    Processes,
    SteppedClock,
    write_traces,
)
from tocsin.kit.errors import StoreUnavailable
from tocsin.logstore.ports import LogStore, Receipt, TimeRange
from tocsin.topology import service as service_module
from tocsin.topology.learning import HALF_LIFE_SECONDS
from tocsin.topology.service import TopologyService, complete

CHAIN = ("web", "cart", "stock")
CALLS = {("web", "cart"), ("cart", "stock")}


async def calls(service: TopologyService) -> dict[tuple[str, str], int]:
    graph = await service.call_graph(ORGANIZATION)
    return {pair: round(count) for pair, count in graph.calls.items()}


async def test_a_look_learns_the_calls_of_traces_that_are_over(
    processes: Processes, empty_log_store: LogStore, clock: SteppedClock
) -> None:
    topology = processes()
    await write_traces(empty_log_store, CHAIN, CHAIN)
    clock.pass_seconds(5)
    assert await topology.look(ORGANIZATION)
    assert await calls(topology) == {}, "more may come of these traces"
    clock.pass_seconds(10)
    assert await topology.look(ORGANIZATION)
    assert await calls(topology) == dict.fromkeys(CALLS, 2)
    clock.pass_seconds(10)
    assert await topology.look(ORGANIZATION)
    assert await calls(topology) == dict.fromkeys(CALLS, 2), "no trace counts twice"


async def test_traces_and_logs_of_nothing_else_are_learned(
    processes: Processes, empty_log_store: LogStore, clock: SteppedClock
) -> None:
    topology = processes()
    await write_traces(empty_log_store, CHAIN, organization_id=OTHER_ORGANIZATION)
    await write_traces(empty_log_store, CHAIN, at=NOON_UNIX_NANO - 3_600 * SECOND)
    rows: list[dict[str, object]] = [{"service": "web"}, {"service": "cart", "timestamp": NOON_UNIX_NANO + 1}]
    await empty_log_store.write(ORGANIZATION, log_batch(rows), Receipt(received=2))
    clock.pass_seconds(15)
    assert await topology.look(ORGANIZATION)
    assert await calls(topology) == {}


async def test_failed_calls_are_those_with_an_error_of_the_callee(
    processes: Processes, empty_log_store: LogStore, clock: SteppedClock
) -> None:
    topology = processes()
    await write_traces(empty_log_store, CHAIN, severity_number=17)
    await write_traces(empty_log_store, CHAIN, at=NOON_UNIX_NANO + SECOND)
    clock.pass_seconds(15)
    await topology.look(ORGANIZATION)
    graph = await topology.call_graph(ORGANIZATION)
    assert graph.failed_share("cart", "stock") == pytest.approx(0.5, abs=0.05)
    assert graph.failed_share("web", "cart") == 0.0


async def test_what_was_learned_is_known_after_a_start_and_forgotten_with_time(
    processes: Processes, empty_log_store: LogStore, clock: SteppedClock
) -> None:
    await write_traces(empty_log_store, CHAIN, CHAIN)
    clock.pass_seconds(15)
    await processes().look(ORGANIZATION)
    assert await calls(processes()) == dict.fromkeys(CALLS, 2)
    clock.pass_seconds(HALF_LIFE_SECONDS)
    assert await calls(processes()) == dict.fromkeys(CALLS, 1)
    # After eight half-lives two calls are less than a hundredth of one: the rows go with the next look.
    clock.pass_seconds(7 * HALF_LIFE_SECONDS)
    assert await processes().look(ORGANIZATION)
    clock.unix_nano = NOON_UNIX_NANO
    assert await calls(processes()) == {}


async def test_of_several_processes_one_looks_and_all_know(
    processes: Processes, empty_log_store: LogStore, clock: SteppedClock
) -> None:
    first, second = processes(), processes(look_seconds=0.0)
    await write_traces(empty_log_store, CHAIN)
    clock.pass_seconds(15)
    looked = await asyncio.gather(first.look(ORGANIZATION), second.look(ORGANIZATION))
    assert sorted(looked) == [False, True]
    assert await calls(second) == dict.fromkeys(CALLS, 1)


async def test_a_busy_organization_is_read_in_part(
    processes: Processes, empty_log_store: LogStore, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_module, "MOST_ROWS", 60)
    topology = processes()
    await write_traces(empty_log_store, *[CHAIN] * 20)
    clock.pass_seconds(25)
    await topology.look(ORGANIZATION)
    found = await calls(topology)
    assert found.keys() == CALLS
    assert all(0 < count < 10 for count in found.values()), "traces at the edges may not be all there"


async def test_organizations_that_are_woken_are_looked_at(
    processes: Processes, empty_log_store: LogStore, clock: SteppedClock
) -> None:
    topology = processes(look_seconds=0.01, tick_seconds=0.01)
    await write_traces(empty_log_store, CHAIN)
    clock.pass_seconds(15)
    await topology.start()
    topology.wake(ORGANIZATION)
    topology.wake(uuid4())
    async with asyncio.timeout(10):
        while not await calls(topology):  # noqa: ASYNC110  # what it waits for is in another task's hands
            await asyncio.sleep(0.01)


async def test_a_look_that_fails_is_tried_again(
    processes: Processes, empty_log_store: LogStore, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    topology = processes(look_seconds=0.01, tick_seconds=0.01)
    asked = asyncio.Event()

    async def fail(*_: object, **__: object) -> None:
        asked.set()
        raise StoreUnavailable("away")

    with monkeypatch.context() as broken:
        broken.setattr(empty_log_store, "sample", fail)
        await topology.start()
        topology.wake(ORGANIZATION)
        clock.pass_seconds(1)
        async with asyncio.timeout(10):
            await asked.wait()
    clock.pass_seconds(30)
    await write_traces(empty_log_store, CHAIN, at=clock.unix_nano)
    clock.pass_seconds(30)
    topology.wake(ORGANIZATION)
    async with asyncio.timeout(10):
        while not await calls(topology):  # noqa: ASYNC110  # what it waits for is in another task's hands
            await asyncio.sleep(0.01)


def test_traces_that_were_cut_are_left_out() -> None:
    moments = {"early": (1, 50), "whole": (30, 60), "late": (40, 99), "before": (25, 35)}
    logs = pl.DataFrame(
        [(name, at * SECOND) for name, pair in moments.items() for at in pair],
        schema=["trace_id", "timestamp"],
        orient="row",
    )
    kept = complete(logs, TimeRange(0, 100 * SECOND), TimeRange(40 * SECOND, 90 * SECOND))
    assert set(kept["trace_id"]) == {"whole"}
    assert complete(logs, TimeRange(0, MS), TimeRange(0, MS)).is_empty()
