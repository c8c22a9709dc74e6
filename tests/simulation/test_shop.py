import hashlib
import os
import subprocess
import sys
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.simulation.runs import SEED, START, calm, run
from tocsin.ingest.normalise import Stamp, check, join
from tocsin.ingest.protocols.tocsin_json import decode
from tocsin.simulation.checking import InvalidFault
from tocsin.simulation.contracts import Effect, Fault, Mechanism
from tocsin.simulation.shop import Shop
from tocsin.simulation.shop_map import SHOP
from tocsin.simulation.writing import SECOND_NANO

SLOW = Fault(
    name="slow",
    kind="slow-database",
    onset_seconds=5,
    effects=[Effect(mechanism=Mechanism.LATENCY, service="inventory", part="db", parameters={"factor": 200})],
)


@settings(max_examples=12, deadline=None)
@given(cuts=st.lists(st.integers(0, 40_000), max_size=6), seed=st.integers(0, 2**31), has_fault=st.booleans())
def test_same_seed_same_bytes_however_it_is_cut(cuts: list[int], seed: int, has_fault: bool) -> None:
    faults = [SLOW] if has_fault else []
    end = START + 40 * SECOND_NANO
    whole = Shop(seed, START, faults).advance(end)
    shop = Shop(seed, START, faults)
    chunks = [shop.advance(START + cut * 1_000_000) for cut in sorted(cuts)] + [shop.advance(end)]
    assert b"".join(chunk.ndjson for chunk in chunks) == whole.ndjson
    assert sum(chunk.logs for chunk in chunks) == whole.logs


def test_same_seed_same_bytes_in_every_process() -> None:
    program = (
        "import hashlib; from tests.simulation.runs import run; from tests.simulation.test_shop import SLOW;"
        "print(hashlib.sha256(run([SLOW], 30).ndjson).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert digests == {hashlib.sha256(run([SLOW], 30).ndjson).hexdigest() + "\n"}


def test_other_seed_other_bytes() -> None:
    assert run(seconds=10, seed=1).ndjson != run(seconds=10, seed=2).ndjson


def test_advance_cuts_to_whole_seconds_and_never_goes_back() -> None:
    shop = Shop(SEED, START)
    chunk = shop.advance(START + 10 * SECOND_NANO + 999)
    assert chunk.until_unix_nano == START + 10 * SECOND_NANO
    again = shop.advance(START)
    assert (again.ndjson, again.logs, again.until_unix_nano) == (b"", 0, chunk.until_unix_nano)


def test_logs_are_in_order_and_before_the_chunk_ends() -> None:
    shop = Shop(SEED, START)
    last = ""
    for second in range(5, 60, 5):
        until = START + second * SECOND_NANO
        chunk = shop.advance(until)
        stamps = [line[14:44].decode() for line in chunk.ndjson.splitlines()]
        assert stamps == sorted(stamps)
        assert last < stamps[0]
        last = stamps[-1]
    assert last.startswith("2026-05-27T19:00:54.")


def test_intake_refuses_no_record() -> None:
    chunk = Shop(SEED, START, [SLOW]).advance(START + 120 * SECOND_NANO)
    decoded = decode(chunk.ndjson, "application/x-ndjson")
    stamp = Stamp(
        received_unix_nano=START + 121 * SECOND_NANO,
        default_timestamps_unix_nano=[START],
        default_service="none",
        allows_other_services=True,
        content_hash_seed=1,
    )
    checked = check(decoded.records, 0, stamp)
    assert decoded.rejects == []
    assert checked.refusals == []
    normalised = join([checked], stamp)
    assert normalised.batch.rows.num_rows == chunk.logs
    assert set(normalised.batch.rows["service"].to_pylist()) == {service.name for service in SHOP.services}
    assert len(set(normalised.batch.rows["severity_number"].to_pylist())) >= 4


def test_twice_the_customers_twice_the_requests() -> None:
    once, twice = calm(300), run(seconds=300, traffic=2.0)
    ratio = len(twice.of("api-gateway")) / len(once.of("api-gateway"))
    assert 1.6 < ratio < 2.4


def test_an_evening_at_traffic_one_is_worth_watching() -> None:
    assert 40 <= calm(300).ndjson.count(b"\n") / 300 <= 80


def test_nothing_fails_while_nothing_is_wrong() -> None:
    failed = Counter(span.service for span in calm(300).spans if span.status >= 499)
    assert failed == {}


@pytest.mark.parametrize("service", [service.name for service in SHOP.services])
def test_every_service_writes_without_being_asked(service: str) -> None:
    assert any(record["service"] == service and "trace_id" not in record for record in calm(300).records)


def test_records_say_where_they_come_from() -> None:
    hosts: dict[str, set[str]] = {}
    for record in calm(300).records:
        assert record["metadata"]["deployment.environment"] == "production"
        assert record["metadata"]["service.version"].count(".") == 2
        hosts.setdefault(record["service"], set()).add(record["metadata"]["host.name"])
    assert {name: len(found) for name, found in hosts.items()} == {one.name: one.hosts for one in SHOP.services}


def test_injected_fault_begins_after_the_second_that_comes_next() -> None:
    shop = Shop(SEED, START)
    shop.advance(START + 30 * SECOND_NANO)
    shop.inject(SLOW)
    assert shop.truth() == []
    shop.advance(START + 35 * SECOND_NANO)
    assert shop.truth() == []
    shop.advance(START + 36 * SECOND_NANO)
    [truth] = shop.truth()
    assert truth.onset_unix_nano == START + 35 * SECOND_NANO
    assert truth.end_unix_nano is None


def test_inject_refuses_what_there_is_not_and_a_name_that_is_taken() -> None:
    shop = Shop(SEED, START, [SLOW])
    with pytest.raises(InvalidFault, match="there is a fault 'slow' already"):
        shop.inject(SLOW)
    effect = Effect(mechanism=Mechanism.ERROR, service="paymnt")
    with pytest.raises(InvalidFault, match=r"there is no 'paymnt'; there are api-gateway"):
        shop.inject(Fault(name="x", kind="x", onset_seconds=0, effects=[effect]))


def test_sessions_bring_their_user_along_every_service() -> None:
    by_trace: dict[str, set[str]] = {}
    for record in calm(300).records:
        user = record["metadata"].get("user.id")
        if user:
            by_trace.setdefault(record["trace_id"], set()).add(user)
    assert by_trace
    assert all(len(users) == 1 for users in by_trace.values())


def test_requests_come_at_any_time_of_a_second() -> None:
    begins = sorted(span.begin % SECOND_NANO for span in calm(300).of("api-gateway"))
    assert max(after - before for before, after in pairwise(begins)) < SECOND_NANO / 50
