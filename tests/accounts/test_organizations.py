import asyncio
from dataclasses import replace
from uuid import uuid4

import pytest

from tests.accounts.conftest import Installation
from tests.accounts.people import add_person, principal, refused
from tocsin.accounts import organizations as organizations_module
from tocsin.accounts.contracts import LOCAL_OPERATOR_ID, Organization, Principal, Role
from tocsin.accounts.fresh_reads import FRESH_SECONDS
from tocsin.kit.errors import Conflict, Forbidden, NotFound


@pytest.fixture
async def ada(installation: Installation) -> Principal:
    await add_person(installation, "ada", Role.VIEWER)
    return await principal(installation, "ada")


async def test_who_makes_an_organization_administers_it(installation: Installation, ada: Principal) -> None:
    installation.clock.move(seconds=1)
    organizations = installation.accounts.organizations
    made = await organizations.create(ada, name="Ada's Shop!")
    assert made.slug.startswith("ada-s-shop-")
    assert await organizations.get(made.id) == made
    assert [(each.id, role) for each, role in await organizations.of(ada)] == [
        (ada.organization_id, Role.VIEWER),
        (made.id, Role.ADMIN),
    ]
    issued = await installation.accounts.keys.create(made.id, name="n", default_service="s")
    ours = await installation.accounts.keys.authenticate(installation.first_start.api_key)
    theirs = await installation.accounts.keys.authenticate(issued.secret)
    assert 0 < theirs.content_hash_seed < 2**63
    assert theirs.content_hash_seed != ours.content_hash_seed


async def test_names_may_be_the_same_and_slugs_are_not(installation: Installation, ada: Principal) -> None:
    made = [await installation.accounts.organizations.create(ada, name=name) for name in ("shop", "shop", "日本")]
    assert len({each.slug for each in made}) == 3


async def test_one_person_makes_only_so_many_organizations(
    installation: Installation, ada: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(organizations_module, "MAX_ORGANIZATIONS", 3)
    processes = [installation.accounts, installation.another_process()] * 2
    outcomes = await asyncio.gather(
        *(each.organizations.create(ada, name="shop") for each in processes), return_exceptions=True
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict"] * 2 + ["Organization"] * 2
    await refused(installation.accounts.organizations.create(ada, name="shop"), Conflict)


async def test_the_local_operator_makes_no_organization(installation: Installation, ada: Principal) -> None:
    operator = replace(ada, user_id=LOCAL_OPERATOR_ID)
    await refused(installation.accounts.organizations.create(operator, name="shop"), Forbidden)


async def test_an_organization_that_is_not_there_is_not_found(installation: Installation) -> None:
    await refused(installation.accounts.organizations.get(uuid4()), NotFound)
    await refused(installation.accounts.organizations.change(uuid4(), lambda now: now), NotFound)


async def test_a_quota_is_known_everywhere_within_five_seconds(installation: Installation) -> None:
    first, elsewhere = installation.first_start, installation.another_process()
    assert (await elsewhere.keys.authenticate(first.api_key)).daily_quota_bytes is None

    def changed(now: Organization) -> Organization:
        return replace(now, name="shop", daily_quota_bytes=10**12, slug="not taken")

    after = await installation.accounts.organizations.change(first.organization_id, changed)
    assert (after.name, after.daily_quota_bytes, after.slug) == ("shop", 10**12, "default")
    assert await installation.accounts.organizations.get(first.organization_id) == after
    installation.clock.move(seconds=FRESH_SECONDS)
    assert (await elsewhere.keys.authenticate(first.api_key)).daily_quota_bytes == 10**12
