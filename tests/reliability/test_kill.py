"""``kill -9`` of the server under load: what was acknowledged is there, once, within a second of the restart."""

import os
import random
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest

from tests.reliability.reading import all_logs, all_time
from tests.reliability.senders import Senders
from tests.support.server import TocsinServer

ROUNDS = int(os.environ.get("TOCSIN_TEST_KILL_ROUNDS", "4"))
"""More of them make a longer test of the same kind."""

_LOAD_SECONDS = (0.2, 1.2)
_STARTING_SECONDS = (0.1, 2.5)


@pytest.mark.slow
def test_acknowledged_logs_are_there_once_when_the_server_is_killed_under_load(tmp_path: Path) -> None:
    chance = random.Random(0x70C51)
    with TocsinServer(tmp_path) as server, server.reader() as reader:
        reader.headers["Connection"] = "close"  # each round meets another process
        senders = Senders(server)
        for round_number in range(ROUNDS):
            with senders.sending():
                time.sleep(chance.uniform(*_LOAD_SECONDS))
                server.kill()
            if round_number % 3 == 2:  # once more, while it brings in what the first left behind
                server.launch()
                time.sleep(chance.uniform(*_STARTING_SECONDS))
                server.kill()
            server.start()
            _assert_stored_exactly_once(reader, senders)
        assert senders.acknowledged.total() > 300 * ROUNDS
        assert senders.retried >= ROUNDS


def _assert_stored_exactly_once(reader: httpx.Client, senders: Senders) -> None:
    """Asked at once, without patience: a second may pass by the promise, but a restarted store needs none."""
    acknowledged, in_flight = senders.acknowledged, senders.in_flight
    counted = _counted(reader)
    logs = all_logs(reader)
    ledger = reader.get("/v1/ingest/ledger").raise_for_status().json()

    found = Counter(log["message"] for log in logs)
    allowed = sum(in_flight, acknowledged)
    assert not acknowledged - found, "acknowledged, and lost"
    assert not found - allowed, "doubled, or never sent"
    for batch in in_flight:
        assert found & batch in (Counter(), batch), "a request is stored whole or not at all"
    assert len({log["id"] for log in logs}) == len({log["ingest_sequence"] for log in logs}) == len(logs) == counted
    assert ledger["stored"] == counted
    assert ledger["received"] == ledger["stored"] + ledger["duplicates"]
    assert ledger["dead_letters"] == 0


def _counted(reader: httpx.Client) -> int:
    count: int = reader.get("/v1/logs/count", params=all_time()).raise_for_status().json()["count"]
    return count
