from datetime import UTC, datetime
from typing import Any

import pytest

from tocsin.cli.accounts_output import key_state, print_invitations, print_keys, print_services, print_users

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
PAST, FUTURE = "2026-11-24T11:59:00.123456Z", "2026-11-24T12:01:00Z"

#: What nobody should be able to do to a terminal: clear it, or end a line.
STEERING = "\x1b[2Jname\nnext"


def key(**given: Any) -> dict[str, Any]:
    return {
        "id": "5c1f0c1e-2c5e-4b39-9c28-1f35c8a8a0b1",
        "name": "ci",
        "prefix": "abcd1234",
        "default_service": "checkout",
        "allows_other_services": True,
        "scopes": ["logs:write"],
        "last_used_at": PAST,
        "expires_at": None,
        "revoked_at": None,
        "replaced_by": None,
        **given,
    }


@pytest.mark.parametrize(
    ("given", "state", "until"),
    [
        ({}, "active", ""),
        ({"expires_at": FUTURE}, "active", " until 2026-11-24 12:01"),
        ({"expires_at": PAST}, "expired", " 2026-11-24 11:59"),
        ({"expires_at": FUTURE, "replaced_by": "x"}, "replaced", ", works until 2026-11-24 12:01"),
        ({"expires_at": PAST, "replaced_by": "x"}, "replaced", " 2026-11-24 11:59"),
        ({"expires_at": FUTURE, "replaced_by": "x", "revoked_at": PAST}, "revoked", " 2026-11-24 11:59"),
    ],
)
def test_key_says_whether_it_works_and_until_when(given: dict[str, Any], state: str, until: str) -> None:
    assert key_state(key(**given), now=NOW) == (state, until)


def test_keys_are_whole_at_eighty_columns(capsys: pytest.CaptureFixture[str]) -> None:
    print_keys([key(expires_at=FUTURE, replaced_by="x"), key(last_used_at=None)], now=NOW)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "5c1f0c1e-2c5e-4b39-9c28-1f35c8a8a0b1  replaced, works until 2026-11-24 12:01"
    assert lines[1] == "  ci  svc_abcd1234_…, service checkout and others, used 2026-11-24 11:59"
    assert lines[3].endswith("never used")
    assert max(map(len, lines)) <= 80


def test_a_key_for_more_than_logs_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    print_keys([key(scopes=["alerts:write", "deploys:write"])], now=NOW)
    assert "service checkout and others, used" in (shown := capsys.readouterr().out)
    assert "\n  for alerts:write deploys:write\n" in shown


def test_nothing_that_people_wrote_steers_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_keys([key(id=STEERING, name=STEERING, prefix=STEERING, default_service=STEERING)], now=NOW)
    member = {"email": STEERING, "role": STEERING, "must_change_password": False, "last_seen_at": "\x1b[2J"}
    print_users([member])
    print_invitations([{"email": STEERING, "role": STEERING, "expires_at": "\x1b[2J"}])
    service = {"name": STEERING, "active": True, "owner": STEERING, "labels": {"k": STEERING}}
    print_services([{**service, "repository_url": f"https://{STEERING}"}])
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert len(shown.splitlines()) == 6
    assert shown.count("\\e[2Jname\\nnext") == 12


def test_users_are_aligned_and_say_who_has_a_one_time_password(capsys: pytest.CaptureFixture[str]) -> None:
    print_users(
        [
            {"email": "a@x", "role": "ADMIN", "must_change_password": True, "last_seen_at": None},
            {"email": "grace@example.com", "role": "VIEWER", "must_change_password": False, "last_seen_at": PAST},
        ]
    )
    assert capsys.readouterr().out.splitlines() == [
        "a@x                ADMIN      not seen lately, has a one-time password",
        "grace@example.com  VIEWER     seen 2026-11-24 11:59",
    ]


def test_services_say_more_where_more_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    bare = {"name": "shop", "active": True, "owner": None, "labels": {}, "repository_url": None}
    print_services(
        [
            bare,
            {
                "name": "payment",
                "active": False,
                "owner": "payments",
                "labels": {"tier": "1", "region": "eu"},
                "repository_url": "https://git.example.com/payment",
            },
        ]
    )
    assert capsys.readouterr().out.splitlines() == [
        "shop     active",
        "payment  inactive  payments",
        "  region=eu  tier=1  https://git.example.com/payment",
    ]
