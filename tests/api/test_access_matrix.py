"""Every endpoint × every kind of caller: who passes the guard, and who does not.

What is expected stands here once more, by hand: a row of the application's table that is loosened by mistake disagrees.
"""

import re
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute, WebSocketRoute

from tests.api.callers import Callers, make_callers, sender
from tests.api.conftest import API_KEY
from tocsin.accounts.access import Caller, Rule, Traffic, anyone
from tocsin.accounts.contracts import Role, Scope
from tocsin.api.access_rules import RULES, WEBSOCKET, Endpoint
from tocsin.api.application import create_app
from tocsin.wiring import Components

ANYONE, SENDER, VIEWER, DEVELOPER, ADMIN = "anyone", "sender", "viewer", "developer", "admin"

#: Who may call what. Of people, the least role.
EXPECTED = {
    ANYONE: """
        GET / /healthz /readyz /metrics /openapi.json /problems/{slug} /set-password /set-password/{name}
            /docs /docs/scalar /docs/swagger /docs/openapi.json /docs/assets/{name} /docs/{path}
        POST /v1/auth/login /v1/auth/refresh /v1/auth/reset-password /v1/auth/accept-invitation
    """,
    SENDER: """
        POST /v1/ingest /v1/webhooks/alertmanager /v1/webhooks/grafana /v1/webhooks/generic /v1/events/deploys
    """,
    VIEWER: """
        GET /v1/auth/me /v1/auth/sessions /v1/auth/tokens /v1/organization /v1/organizations /v1/users /v1/services
            /v1/services/{service_id} /v1/status /v1/ingest/ledger /v1/ingest/usage /v1/dead-letters
            /v1/saved-searches /v1/saved-searches/{search_id}
            /v1/logs /v1/logs/aggregate /v1/logs/count /v1/logs/export /v1/logs/facets /v1/logs/fields
            /v1/logs/fields/values /v1/logs/histogram /v1/logs/shapes /v1/logs/{log_id} /v1/logs/{log_id}/context
            /v1/patterns /v1/patterns/{pattern_id} /v1/patterns/edits
            /v1/incidents /v1/incidents/statistics /v1/incidents/{incident_id} /v1/incidents/{incident_id}/timeline
            /v1/incidents/{incident_id}/logs /v1/incidents/{incident_id}/signals
            /v1/incidents/{incident_id}/corrections
        POST /v1/auth/password /v1/auth/logout /v1/auth/logout-everywhere /v1/auth/switch /v1/auth/ticket
            /v1/auth/tokens /v1/logs/translate /v1/logs/search /v1/logs/compare
        DELETE /v1/auth/sessions/{session_id} /v1/auth/tokens/{token_id}
        WS /live/logs /live/incidents
    """,
    DEVELOPER: """
        GET /v1/notifications/channels /v1/notifications/channels/{channel_id} /v1/notifications/rules
            /v1/notifications/rules/{rule_id} /v1/notifications/deliveries
        POST /v1/saved-searches /v1/services /v1/patterns/merge /v1/patterns/{pattern_id}/split
            /v1/incidents /v1/incidents/{incident_id}/comments /v1/incidents/{incident_id}/logs
            /v1/incidents/{incident_id}/split /v1/incidents/{incident_id}/merge /v1/incidents/{incident_id}/move
        PUT /v1/saved-searches/{search_id}
        PATCH /v1/services/{service_id} /v1/patterns/{pattern_id} /v1/incidents/{incident_id}
            /v1/incidents/{incident_id}/status
        DELETE /v1/saved-searches/{search_id} /v1/patterns/edits/{edit_id}
            /v1/incidents/{incident_id}/logs/{log_id} /v1/incidents/corrections/{correction_id}
    """,
    ADMIN: """
        GET /v1/keys /v1/invitations
        POST /v1/keys /v1/keys/{key_id}/rotate /v1/invitations /v1/organizations /v1/users/{user_id}/logout
            /v1/users/{user_id}/password-reset /v1/notifications/channels
            /v1/notifications/channels/{channel_id}/test /v1/notifications/rules
        PUT /v1/notifications/channels/{channel_id} /v1/notifications/rules/{rule_id}
        PATCH /v1/organization /v1/users/{user_id}
        DELETE /v1/keys/{key_id} /v1/invitations/{invitation_id} /v1/users/{user_id} /v1/services/{service_id}
            /v1/notifications/channels/{channel_id} /v1/notifications/rules/{rule_id}
    """,
}

#: What a personal access token may never do.
SESSIONS_ONLY = {
    ("POST", "/v1/auth/password"),
    ("POST", "/v1/auth/logout"),
    ("POST", "/v1/auth/logout-everywhere"),
    ("POST", "/v1/auth/switch"),
    ("GET", "/v1/auth/sessions"),
    ("DELETE", "/v1/auth/sessions/{session_id}"),
    ("GET", "/v1/auth/tokens"),
    ("POST", "/v1/auth/tokens"),
    ("DELETE", "/v1/auth/tokens/{token_id}"),
    ("POST", "/v1/organizations"),
    ("POST", "/v1/users/{user_id}/password-reset"),
    ("POST", "/v1/invitations"),
    ("PATCH", "/v1/users/{user_id}"),
}
WITH_ANY_TOKEN = {("GET", "/v1/auth/me")}

#: What one may do before one's one-time password is changed: look, change it, and leave.
LOOKING = {("POST", "/v1/auth/password"), ("POST", "/v1/auth/logout"), ("POST", "/v1/auth/logout-everywhere")} | {
    ("POST", path) for path in ("/v1/auth/ticket", "/v1/logs/translate", "/v1/logs/search", "/v1/logs/compare")
}
NOT_LOOKING = {
    ("GET", path)
    for path in (
        "/v1/keys",
        "/v1/invitations",
        "/v1/auth/sessions",
        "/v1/auth/tokens",
        "/v1/notifications/channels",
        "/v1/notifications/channels/{channel_id}",
        "/v1/notifications/rules",
        "/v1/notifications/rules/{rule_id}",
        "/v1/notifications/deliveries",
    )
}

_LEAST_ROLES = {VIEWER: set(Role), DEVELOPER: {Role.ADMIN, Role.DEVELOPER}, ADMIN: {Role.ADMIN}}


def expected() -> dict[Endpoint, str]:
    table: dict[Endpoint, str] = {}
    for who, text in EXPECTED.items():
        method = ""
        for word in text.split():
            if word.isupper() and not word.startswith("/"):
                method = word
            else:
                table[method, word] = who
    return table


def endpoints(application: Litestar) -> set[Endpoint]:
    """Every endpoint that the application answers, described or not."""
    found: set[Endpoint] = set()
    for route in application.routes:
        if isinstance(route, HTTPRoute):
            found |= {(method, route.path_format) for method in route.methods if method != "OPTIONS"}
        elif isinstance(route, WebSocketRoute):
            found.add((WEBSOCKET, route.path_format))
        else:
            pytest.fail(f"{route.path} is of a kind that nothing here walks")
    return found


@pytest.fixture
async def callers(components: Components) -> Callers:
    return await make_callers(components)


@pytest.fixture
def rules() -> dict[Endpoint, Rule]:
    """The table, for a test to change."""
    return dict(RULES)


@pytest.fixture
async def calling(components: Components, rules: dict[Endpoint, Rule]) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=create_app(components, rules=rules), raise_app_exceptions=False)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


class Matrix:
    """Calls one endpoint as everybody, and collects what is not as expected."""

    def __init__(self, client: httpx.AsyncClient, callers: Callers) -> None:
        self._client = client
        self._callers = callers
        self._personal: dict[Scope | None, dict[str, str]] = {}

    async def violations(self, endpoint: Endpoint) -> list[str]:
        """What is not as the table of this test says."""
        who, found = expected()[endpoint], []
        for name, headers, passes in await self._cases(endpoint, who):
            status = await self._status(endpoint, headers)
            if passes != (status not in {401, 403}):
                found.append(f"{endpoint} as {name}: {status}, expected to {'pass' if passes else 'be refused'}")
            if status >= 500:
                found.append(f"{endpoint} as {name}: {status}")
        return found

    async def _cases(self, endpoint: Endpoint, who: str) -> list[tuple[str, dict[str, str], bool]]:
        if who == ANYONE:
            return []
        nobody = [
            ("nobody", {}, False),
            ("a stranger", {"Authorization": "Bearer x.y.z"}, False),
            ("a stranger with a key", {"X-API-Key": "svc_abcdefgh_" + "x" * 43}, False),
        ]
        if who == SENDER:
            people = [(role.value, self._callers.of(role), False) for role in Role]
            return [*nobody, *people, ("a sender", sender(), True)]
        cases = [*nobody, ("a sender", sender(), False)]
        cases += [(role.value, self._callers.of(role), role in _LEAST_ROLES[who]) for role in Role]
        looks = endpoint in LOOKING or (endpoint[0] == "GET" and endpoint not in NOT_LOOKING)
        cases.append(("a one-time password", self._callers.with_one_time_password(), looks))
        cases += await self._programs(endpoint)
        return cases

    async def _programs(self, endpoint: Endpoint) -> list[tuple[str, dict[str, str], bool]]:
        """Personal access tokens of the administrator: one with the scope of the endpoint's rule, one without."""
        scope = RULES[endpoint].scope
        other = Scope.SEARCHES_WRITE if scope is not Scope.SEARCHES_WRITE else Scope.LOGS_READ
        with_any = endpoint in WITH_ANY_TOKEN
        cases = [("a program with another scope", await self._program(other), with_any)]
        if endpoint in SESSIONS_ONLY:
            cases.append(("a program with every scope", await self._program(None), False))
        elif not with_any:
            cases.append(("a program with the scope", await self._program(scope), True))
        return cases

    async def _program(self, scope: Scope | None) -> dict[str, str]:
        if scope not in self._personal:
            scopes = list(Scope) if scope is None else [scope]
            self._personal[scope] = await self._callers.with_personal_token(*scopes)
        return self._personal[scope]

    async def _status(self, endpoint: Endpoint, headers: dict[str, str]) -> int:
        method, template = endpoint
        path = re.sub(r"\{\w+\}", str(uuid4()), template)
        # No body: where one is wanted, whoever passes the guard is told so, and nothing happens.
        answer = await self._client.request(method, path, headers=headers)
        return answer.status_code


@pytest.fixture
def matrix(calling: httpx.AsyncClient, callers: Callers) -> Matrix:
    return Matrix(calling, callers)


HTTP_ENDPOINTS = sorted(endpoint for endpoint in expected() if endpoint[0] != WEBSOCKET)


def test_every_endpoint_has_a_rule_and_every_rule_an_endpoint(components: Components) -> None:
    assert endpoints(create_app(components)) == set(RULES) == set(expected())


async def test_everybody_passes_where_they_may_and_nowhere_else(matrix: Matrix) -> None:
    found = [violation for endpoint in HTTP_ENDPOINTS for violation in await matrix.violations(endpoint)]
    assert found == []


async def test_an_endpoint_without_a_rule_answers_nobody(
    calling: httpx.AsyncClient, callers: Callers, rules: dict[Endpoint, Rule]
) -> None:
    del rules["GET", "/v1/logs/count"]
    for headers in ({}, sender(), callers.of(Role.ADMIN)):
        assert (await calling.get("/v1/logs/count", headers=headers)).status_code == 403
    assert (await calling.get("/v1/logs", headers=callers.of(Role.VIEWER))).status_code == 200


async def test_the_matrix_notices_when_a_guard_is_removed(matrix: Matrix, rules: dict[Endpoint, Rule]) -> None:
    unnoticed = []
    for endpoint in HTTP_ENDPOINTS:
        rule = rules[endpoint]
        if rule.caller is not Caller.PERSON:
            continue
        rules[endpoint] = anyone(Traffic.OPERATIONS)
        if not await matrix.violations(endpoint):
            unnoticed.append(endpoint)
        rules[endpoint] = rule
    # Their handlers ask by themselves for all that their rules do: any token, and a session's.
    assert unnoticed == [("GET", "/v1/auth/me"), ("POST", "/v1/auth/logout")]


async def test_a_sender_is_asked_for_its_key_even_when_the_guard_is_removed(
    matrix: Matrix, rules: dict[Endpoint, Rule]
) -> None:
    for path in ("/v1/ingest", "/v1/webhooks/alertmanager", "/v1/events/deploys"):
        rules["POST", path] = anyone(Traffic.OPERATIONS)
        assert await matrix.violations(("POST", path)) == []


def _bodies() -> dict[Endpoint, Any]:
    """Bodies with which the owner of a thing would change it."""
    return {
        ("PUT", "/v1/saved-searches/{search_id}"): {"name": "taken over", "query": ""},
        ("PATCH", "/v1/services/{service_id}"): {"active": False},
        ("PATCH", "/v1/patterns/{pattern_id}"): {"name": "taken over"},
        ("POST", "/v1/patterns/{pattern_id}/split"): {"shapes": ["0" * 16]},
        ("PATCH", "/v1/incidents/{incident_id}"): {"version": 1, "title": "taken over"},
        ("PATCH", "/v1/incidents/{incident_id}/status"): {"version": 1, "status": "RESOLVED"},
        ("POST", "/v1/incidents/{incident_id}/comments"): {"text": "hello"},
        ("POST", "/v1/incidents/{incident_id}/logs"): {"log_ids": ["00000000-0000-8000-8000-000000000000"]},
        ("POST", "/v1/incidents/{incident_id}/split"): {"signal_ids": [str(uuid4())]},
        ("POST", "/v1/incidents/{incident_id}/merge"): {"incident_ids": [str(uuid4())]},
        ("POST", "/v1/incidents/{incident_id}/move"): {"signal_ids": [str(uuid4())], "to": str(uuid4())},
        ("PATCH", "/v1/users/{user_id}"): {"role": "VIEWER"},
        ("PUT", "/v1/notifications/channels/{channel_id}"): {
            "name": "taken over",
            "kind": "slack",
            "secret": "https://e.example/x",
        },
        ("PUT", "/v1/notifications/rules/{rule_id}"): {"name": "taken over", "channel_id": str(uuid4())},
        ("POST", "/v1/keys/{key_id}/rotate"): {},
    }


async def test_what_another_organization_has_is_not_found(calling: httpx.AsyncClient, callers: Callers) -> None:
    ids = await _things(calling, callers)
    with_ids = [endpoint for endpoint in HTTP_ENDPOINTS if "_id}" in endpoint[1]]
    assert {name for _, path in with_ids for name in re.findall(r"\{(\w+)\}", path)} == set(ids)
    statuses = {}
    for method, template in with_ids:
        path = re.sub(r"\{(\w+)\}", lambda match: ids[match[1]], template)
        answer = await calling.request(method, path, headers=callers.foreign(), json=_bodies().get((method, template)))
        statuses[method, template] = answer.status_code
    assert statuses == dict.fromkeys(with_ids, 404)
    own = await calling.get(f"/v1/saved-searches/{ids['search_id']}", headers=callers.of(Role.VIEWER))
    assert own.json()["name"] == "marked ours"
    assert (await calling.get("/v1/status", headers=callers.of(Role.DEVELOPER))).status_code == 200


async def test_nothing_of_another_organization_is_listed(calling: httpx.AsyncClient, callers: Callers) -> None:
    ids = await _things(calling, callers)
    ours_id = str(callers.people[Role.ADMIN].organization_id)
    marks = [*ids.values(), "marked", API_KEY[4:12], "developer@example.com", ours_id]
    readable = [path for method, path in HTTP_ENDPOINTS if method == "GET" and "{" not in path]
    for path in readable:
        parameters = {"field": "service"} if path.endswith(("values", "facets")) else {}
        ours = await calling.get(path, headers=callers.of(Role.ADMIN), params=parameters)
        theirs = await calling.get(path, headers=callers.foreign(), params=parameters)
        assert ours.status_code == theirs.status_code
        if expected()["GET", path] != ANYONE:
            assert [mark for mark in marks if mark in theirs.text] == [], path


async def _things(calling: httpx.AsyncClient, callers: Callers) -> dict[str, str]:
    """One of everything that has an id, in the first organization."""
    ours = callers.of(Role.ADMIN)

    async def made(path: str, body: Any, headers: dict[str, str] = ours) -> Any:
        answer = await calling.post(path, headers=headers, json=body)
        return answer.raise_for_status().json()

    await made("/v1/ingest", {"message": "marked", "service": "marked-service"}, sender())
    [log] = (await calling.get("/v1/logs", headers=ours)).json()["logs"]
    [pattern] = (await calling.get("/v1/patterns", headers=ours)).json()["patterns"]
    named = await calling.patch(f"/v1/patterns/{pattern['id']}", headers=ours, json={"name": "marked pattern"})
    named.raise_for_status()
    [edit] = (await calling.get("/v1/patterns/edits", headers=ours)).json()["edits"]
    accounts, admin = callers.components.accounts, callers.people[Role.ADMIN]
    [session, *_] = await accounts.sessions.all_of(admin)
    await callers.with_personal_token(Scope.LOGS_READ)
    [token, *_] = await accounts.personal_tokens.all_of(admin)
    invited = await made("/v1/invitations", {"email": "marked@example.com", "role": "VIEWER"})
    channel = await made(
        "/v1/notifications/channels", {"name": "marked channel", "kind": "slack", "secret": "https://e.example/x"}
    )
    rule = await made("/v1/notifications/rules", {"name": "marked rule", "channel_id": channel["id"]})
    kept, other = [(await made("/v1/incidents", {"title": "marked incident"}))["id"] for _ in range(2)]
    corrected = await made(f"/v1/incidents/{kept}/merge", {"incident_ids": [other]})
    return {
        "correction_id": corrected["correction"]["id"],
        "channel_id": channel["id"],
        "rule_id": rule["id"],
        "log_id": log["id"],
        "pattern_id": pattern["id"],
        "edit_id": edit["id"],
        "incident_id": kept,
        "search_id": (await made("/v1/saved-searches", {"name": "marked ours", "query": "marked"}))["id"],
        "service_id": (await made("/v1/services", {"name": "marked-too"}))["id"],
        "key_id": (await made("/v1/keys", {"name": "marked key", "default_service": "marked-third"}))["key"]["id"],
        "invitation_id": invited["invitation"]["id"],
        "user_id": str(callers.people[Role.DEVELOPER].user_id),
        "session_id": str(session.id),
        "token_id": str(token.id),
    }
