from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from tests.health.conftest import MINUTE, ORGANIZATION, OTHER_ORGANIZATION, House
from tests.health.things import NOW
from tests.topology.conftest import write_traces
from tocsin.accounts.services import ServiceDraft
from tocsin.health.contracts import HealthStatus, ServiceHealth
from tocsin.incidents.contracts import IncidentDraft, Severity, Status
from tocsin.kit.errors import NotFound

PERSON = UUID(int=5)


async def health(house: House) -> dict[str, ServiceHealth]:
    return {each.name: each for each in await house.health.services(ORGANIZATION)}


async def test_registered_and_logging_services_are_listed_by_name(house: House) -> None:
    registered = await house.services.create(ORGANIZATION, "web", ServiceDraft(owner="shop"))
    await house.write("cart", ago=3)
    await house.write("old", ago=26 * 60)
    await house.write("theirs", ago=3, organization_id=OTHER_ORGANIZATION)
    found = await health(house)
    assert list(found) == ["cart", "web"]
    assert found["web"].service == registered
    assert found["web"].status is HealthStatus.UNKNOWN
    assert found["cart"].service is None
    assert found["cart"].status is HealthStatus.HEALTHY
    assert (await house.health.service(ORGANIZATION, registered.id)).name == "web"
    with pytest.raises(NotFound):
        await house.health.service(ORGANIZATION, uuid4())
    with pytest.raises(NotFound):
        await house.health.service(OTHER_ORGANIZATION, registered.id)


async def test_rates_and_the_sparkline_are_counted_from_the_logs(house: House) -> None:
    for ago, logs in ((0, 1), (1, 2), (13.5, 3), (14.5, 40), (58.5, 5), (59.5, 7), (90, 60), (23 * 60, 100)):
        await house.write("cart", ago=ago, logs=logs)
    await house.write("cart", ago=1, severity_number=17)
    await house.write("cart", ago=90, severity_number=21, logs=4)
    found = (await health(house))["cart"]
    assert (found.activity.now.logs, found.activity.now.errors) == (7, 1)
    assert (found.activity.usual.logs, found.activity.usual.errors) == (216, 4)
    assert len(found.activity.minutes) == 60
    assert [each.logs for each in found.activity.minutes][-2:] == [3, 1]
    assert sum(each.logs for each in found.activity.minutes) == 52
    assert found.logs_per_minute == 7 / 15
    assert found.at == NOW


async def test_incidents_show_in_the_status_and_the_uptime(house: House) -> None:
    await house.write("cart", ago=300)
    for ago in range(0, 300, 30):
        await house.write("cart" if ago == 0 else "web", ago=ago + 1)
    draft = IncidentDraft(
        title="cart is gone", severity=Severity.HIGH, service="cart", started_at=NOW - timedelta(hours=1)
    )
    before = await house.incidents.open(ORGANIZATION, draft, by=PERSON)
    found = (await health(house))["cart"]
    assert found.status is HealthStatus.DEGRADED
    assert found.reasons == ["incident 1 is OPEN: cart is gone"]
    assert found.last_incident == before
    assert found.uptime.day == pytest.approx(1 - 1 / 5.5)
    await house.incidents.set_status(ORGANIZATION, before.id, Status.RESOLVED, version=before.version, by=PERSON)
    house.clock.unix_nano += 30 * MINUTE
    found = (await health(house))["cart"]
    assert found.status is HealthStatus.HEALTHY
    assert found.last_incident is not None
    assert found.last_incident.status is Status.RESOLVED
    assert found.uptime.day == pytest.approx(1 - 1 / 6)


async def test_what_was_counted_is_remembered_and_adds_up(house: House) -> None:
    """Whoever has counted all along knows the same as one who counts now."""
    for number in range(8):
        await house.write("cart", ago=0.5, logs=number + 1, severity_number=17 if number % 3 == 0 else 9)
        if number % 2:
            await house.write("web", ago=40)
        await health(house)
        house.clock.unix_nano += 37 * MINUTE
        remembered = await health(house)
        fresh = {each.name: each for each in await house.anew().services(ORGANIZATION)}
        assert remembered == fresh
    house.clock.unix_nano += 20 * 60 * MINUTE
    assert await health(house) == {each.name: each for each in await house.anew().services(ORGANIZATION)}
    house.clock.unix_nano += 40 * 24 * 60 * MINUTE
    assert await health(house) == {}


async def test_a_clock_that_is_set_back_counts_anew(house: House) -> None:
    await house.write("cart", ago=3)
    house.clock.unix_nano += 300 * MINUTE
    await health(house)
    house.clock.unix_nano -= 300 * MINUTE
    assert (await health(house))["cart"].activity.now.logs == 1


async def test_dependencies_come_from_traces_with_the_share_that_failed(house: House) -> None:
    await write_traces(house.store, ("web", "cart"), at=house.clock.unix_nano - MINUTE // 2, severity_number=17)
    await write_traces(house.store, ("web", "auth"), at=house.clock.unix_nano - MINUTE // 3)
    house.clock.unix_nano += 15 * 10**9
    await house.topology.look(ORGANIZATION)
    house.clock.unix_nano += 1
    found = await health(house)
    assert {each.service: round(each.calls) for each in found["web"].callees} == {"cart": 1, "auth": 1}
    failed = {each.service: each.failed_share for each in found["web"].callees}
    assert failed == pytest.approx({"cart": 1.0, "auth": 0.0})
    assert [each.service for each in found["cart"].callers] == ["web"]
    assert not found["cart"].callees


async def test_an_answer_serves_for_some_seconds_but_what_people_change_shows(house: House) -> None:
    house.health = house.anew(fresh_seconds=3_600.0)
    await house.write("cart", ago=3)
    assert list(await health(house)) == ["cart"]
    await house.write("auth", ago=3)
    assert list(await health(house)) == ["cart"]
    await house.services.create(ORGANIZATION, "cart", ServiceDraft(owner="shop"))
    assert list(await health(house)) == ["auth", "cart"]
