"""The commands for people, services and keys against a running server."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.support.server import PASSWORD, TocsinServer

NEW_PASSWORD = "another horse, another battery"


def answer(server: TocsinServer, *arguments: str, **settings: str) -> Any:
    """What a command prints for programs."""
    done = server.run(*arguments, "--json", settings=settings)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def error(server: TocsinServer, *arguments: str, **settings: str) -> str:
    """The one line that a command fails with."""
    done = server.run(*arguments, settings=settings)
    assert (done.returncode, done.stdout) == (1, "")
    [line] = done.stderr.splitlines()
    return line.removeprefix("Error: ")


def token_of(link: str, kind: str) -> str:
    """What a link carries."""
    page, _, token = link.partition(f"#{kind}=")
    assert page.endswith("/set-password")
    assert token
    return token


def log_in(server: TocsinServer, email: str, password: str) -> Any:
    with server.client() as client:
        return client.post("/v1/auth/login", json={"email": email, "password": password})


def come_in(server: TocsinServer, email: str, role: str) -> str:
    """Invite a person, who accepts; their access token."""
    link = server.run("users", "invite", email, "--role", role).stdout.strip()
    body = {"token": token_of(link, "invitation"), "password": PASSWORD}
    with server.client() as client:
        accepted = client.post("/v1/auth/accept-invitation", json=body).raise_for_status().json()
    return str(accepted["access_token"])


def test_a_person_comes_in_is_promoted_signed_out_and_removed(server: TocsinServer) -> None:
    token = come_in(server, "Ada@Example.com", "developer")
    users = {user["email"]: user["role"] for user in answer(server, "users", "list")}
    assert users["ada@example.com"] == "DEVELOPER"
    assert "ada@example.com  DEVELOPER" in server.run("users", "list").stdout

    assert server.run("users", "role", "ada@example.com", "viewer").stdout == "ada@example.com is VIEWER now\n"
    assert log_in(server, "ada@example.com", PASSWORD).status_code == 200

    assert server.run("users", "sign-out", "ADA@example.com").returncode == 0
    with server.client() as client:
        assert client.get("/v1/auth/me", headers={"Authorization": f"Bearer {token}"}).status_code == 401

    assert server.run("users", "remove", "ada@example.com").returncode == 0
    assert log_in(server, "ada@example.com", PASSWORD).status_code == 401
    assert "ada@example.com" not in server.run("users", "list").stdout


def test_an_invitation_is_listed_and_can_be_withdrawn(server: TocsinServer) -> None:
    assert "nobody is invited" in server.run("users", "invitations").stderr
    invited = answer(server, "users", "invite", "bob@example.com")
    assert invited["invitation"]["role"] == "VIEWER"
    assert "bob@example.com  VIEWER     invited until" in server.run("users", "invitations").stdout
    assert "invited already" in error(server, "users", "invite", "bob@example.com")
    assert "no longer invited" in server.run("users", "remove", "bob@example.com").stdout
    assert answer(server, "users", "invitations") == []
    with server.client() as client:
        body = {"token": token_of(invited["link"]["link"], "invitation"), "password": PASSWORD}
        assert client.post("/v1/auth/accept-invitation", json=body).status_code == 401


@pytest.mark.parametrize("command", [["remove"], ["sign-out"], ["reset-password"], ["role"]])
def test_error_says_who_there_is_when_nobody_has_the_address(server: TocsinServer, command: list[str]) -> None:
    role = ["ADMIN"] if command == ["role"] else []
    line = error(server, "users", *command, "nobody@example.com", *role)
    assert line.startswith("nobody here has the address nobody@example.com; there are: ")
    assert "admin@localhost" in line


def test_the_last_administrator_stays_one(server: TocsinServer) -> None:
    assert "only administrator" in error(server, "users", "role", "admin@localhost", "VIEWER")
    assert "only administrator" in error(server, "users", "remove", "admin@localhost")


def test_a_lost_one_time_password_is_replaced_by_a_link(new_server: TocsinServer) -> None:
    # Left to itself the first start makes one up, which this test does not look at.
    del new_server.environment["TOCSIN_BOOTSTRAP_PASSWORD"]
    with new_server:
        [admin] = answer(new_server, "users", "list")
        assert admin["must_change_password"] is True
        done = new_server.run("users", "reset-password", "admin@localhost")
        body = {"token": token_of(done.stdout.strip(), "reset"), "new_password": NEW_PASSWORD}
        with new_server.client() as client:
            assert client.post("/v1/auth/reset-password", json=body).status_code == 204
            assert client.post("/v1/auth/reset-password", json=body).status_code == 401
        signed_in = log_in(new_server, "admin@localhost", NEW_PASSWORD).raise_for_status().json()
        assert signed_in["password_change_required"] is False


def test_links_lead_to_the_public_address(new_server: TocsinServer) -> None:
    new_server.environment["TOCSIN_PUBLIC_URL"] = "https://tocsin.example.com/"
    with new_server:
        link = new_server.run("users", "reset-password", "admin@localhost").stdout
    assert link.startswith("https://tocsin.example.com/set-password#reset=")


def test_a_key_is_rotated_without_a_refusal_and_says_so(server: TocsinServer) -> None:
    old = answer(server, "keys", "create", "for a rotation", "--expires-in", "90d")
    expires_at = datetime.fromisoformat(old["key"]["expires_at"])
    assert abs(expires_at - datetime.now(UTC) - timedelta(days=90)) < timedelta(minutes=5)
    new = answer(server, "keys", "rotate", old["key"]["id"], "--overlap", "2h")
    with server.client() as client:
        for issued in (old, new):
            headers = {"X-API-Key": issued["secret"]}
            assert client.post("/v1/ingest", json={"message": "x"}, headers=headers).status_code == 200
    lines = server.run("keys", "list").stdout.splitlines()
    [state] = [line for line in lines if old["key"]["id"] in line]
    assert "replaced, works until" in state
    assert max(map(len, lines)) <= 80
    assert "replaced already" in error(server, "keys", "rotate", old["key"]["id"])
    assert answer(server, "keys", "revoke", new["key"]["id"]) == {"id": new["key"]["id"]}
    [state] = [line for line in server.run("keys", "list").stdout.splitlines() if new["key"]["id"] in line]
    assert "revoked" in state


def test_a_new_key_says_that_it_takes_one_service(server: TocsinServer) -> None:
    narrow = server.run("keys", "create", "narrow", "--service", "refunds")
    assert "takes logs of service refunds only; --other-services takes others too" in narrow.stderr
    assert narrow.stdout.startswith("svc_")
    assert server.run("keys", "create", "wide", "--other-services").stderr == ""


def test_a_key_is_made_for_what_is_asked_and_listed_so(server: TocsinServer) -> None:
    alerts = answer(server, "keys", "create", "prometheus", "--other-services", "--scope", "alerts:write")
    assert alerts["key"]["scopes"] == ["alerts:write"]
    with server.client() as client:
        headers = {"Authorization": f"Bearer {alerts['secret']}"}
        assert client.post("/v1/webhooks/generic", json={"title": "t"}, headers=headers).status_code == 200
        assert client.post("/v1/ingest", json={"message": "m"}, headers=headers).status_code == 403
    assert "for alerts:write" in server.run("keys", "list").stdout
    assert "scopes" in error(server, "keys", "create", "x", "--scope", "everything")


@pytest.mark.parametrize("key_id", ["3a63a0f8", "../users"])
@pytest.mark.parametrize("command", ["rotate", "revoke"])
def test_error_says_where_ids_are_when_there_is_no_such_key(server: TocsinServer, command: str, key_id: str) -> None:
    assert error(server, "keys", command, key_id) == "there is no such API key; `tocsin keys list` has the ids"
    assert error(server, "keys", command, str(uuid4())) == "there is no such API key"


def test_exit_code_is_two_when_a_length_of_time_is_none(server: TocsinServer) -> None:
    assert server.run("keys", "create", "x", "--expires-in", "soon").returncode == 2


def test_a_service_is_registered_changed_and_made_inactive(server: TocsinServer) -> None:
    added = answer(
        server, "services", "add", "payment", "--owner", "payments", "--label", "tier=1", "--label", "region=eu"
    )
    assert (added["owner"], added["labels"], added["active"]) == ("payments", {"tier": "1", "region": "eu"}, True)
    assert "payment" in error(server, "services", "add", "payment")

    repository = "https://git.example.com/payment"
    changed = answer(
        server,
        "services",
        "set",
        "payment",
        "--label",
        "tier=2",
        "--remove-label",
        "region",
        "--repository",
        repository,
    )
    assert (changed["owner"], changed["labels"]) == ("payments", {"tier": "2"})
    assert answer(server, "services", "set", "payment", "--owner", "")["owner"] is None

    assert server.run("services", "deactivate", "payment").stdout.startswith("payment is inactive")
    shown = server.run("services", "list").stdout
    assert "payment  inactive" in " ".join(shown.split(" ")).replace("   ", " ")
    assert f"  tier=2  {repository}" in shown.splitlines()
    assert answer(server, "services", "activate", "payment")["active"] is True


def test_error_says_which_services_there_are(server: TocsinServer) -> None:
    assert "there are: " in error(server, "services", "deactivate", "nothing")
    assert server.run("services", "set", "default").returncode == 2


def test_commands_take_a_personal_access_token_within_its_scopes(server: TocsinServer) -> None:
    wanted = {
        "name": "for a test",
        "scopes": ["services:read", "logs:read"],
        "expires_at": (datetime.now(UTC) + timedelta(days=1)).isoformat(),
    }
    with server.reader() as reader:
        secret = reader.post("/v1/auth/tokens", json=wanted).raise_for_status().json()["secret"]
    assert isinstance(answer(server, "services", "list", TOCSIN_TOKEN=secret), list)
    assert server.run("search", "x", settings={"TOCSIN_TOKEN": secret}).returncode == 0
    assert "scope users:read" in error(server, "users", "list", TOCSIN_TOKEN=secret)
    assert "not valid" in error(server, "users", "list", TOCSIN_TOKEN=f"{secret[:-1]}!")


def test_the_signing_key_is_changed_under_senders_and_sessions(new_server: TocsinServer) -> None:
    with new_server:
        session = log_in(new_server, "admin@localhost", PASSWORD).json()
        assert "TOCSIN_SIGNING_KEY" in error(new_server, "signing-key", "rotate", TOCSIN_SIGNING_KEY="k" * 40)
        rotated = answer(new_server, "signing-key", "rotate")
        assert (rotated["signing_keys"], rotated["hashed_with_older_keys"]) == (2, 1)
        assert "if the signing key was changed, restart the server" in error(new_server, "users", "list")
        new_server.restart()
        with new_server.sender() as sender:
            assert sender.post("/v1/ingest", json={"message": "x"}).status_code == 200
        with new_server.client() as client:
            body = {"refresh_token": session["refresh_token"]}
            assert client.post("/v1/auth/refresh", json=body).status_code == 200
        assert "refresh tokens of before" in error(new_server, "signing-key", "drop-old")
        dropped = answer(new_server, "signing-key", "drop-old", "--force")
        assert (dropped["signing_keys"], dropped["ended"]) == (1, 0)
        new_server.restart()
        with new_server.sender() as sender:
            assert sender.post("/v1/ingest", json={"message": "x"}).status_code == 200
        with new_server.client() as client:
            headers = {"Authorization": f"Bearer {session['access_token']}"}
            assert client.get("/v1/auth/me", headers=headers).status_code == 401
        assert new_server.run("users", "list").returncode == 0
