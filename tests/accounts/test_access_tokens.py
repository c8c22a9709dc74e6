import base64
import json
from dataclasses import replace
from uuid import UUID

import jwt
import pytest

from tests.accounts.clock import START_UNIX_NANO, HeldClock
from tests.accounts.conftest import SIGNING_KEY, SIGNING_KEYS
from tocsin.accounts.access_tokens import ACCESS_TOKEN_SECONDS, AccessTokens
from tocsin.accounts.contracts import Principal, Role
from tocsin.accounts.signing_keys import SigningKeys
from tocsin.kit.errors import Unauthenticated

PRINCIPAL = Principal(UUID(int=1), UUID(int=2), Role.DEVELOPER, "someone@example.com", password_change_required=True)


@pytest.fixture
def tokens(clock: HeldClock) -> AccessTokens:
    return AccessTokens(SIGNING_KEYS, clock)


def unsigned(token: str) -> str:
    header = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT"}).encode()).decode().rstrip("=")
    return ".".join([header, token.split(".")[1], ""])


def test_read_returns_the_principal_when_the_token_was_minted_for_them(tokens: AccessTokens) -> None:
    minted = tokens.mint(PRINCIPAL)
    assert minted.expires_in_seconds == ACCESS_TOKEN_SECONDS == 900
    assert minted.password_change_required
    read = tokens.read(minted.token)
    assert read == replace(PRINCIPAL, issued_unix_nano=START_UNIX_NANO, expires_unix_nano=read.expires_unix_nano)
    assert read.expires_unix_nano == (START_UNIX_NANO // 10**9 + 900) * 10**9


def test_read_refuses_when_the_token_has_expired(tokens: AccessTokens, clock: HeldClock) -> None:
    token = tokens.mint(PRINCIPAL).token
    clock.move(seconds=ACCESS_TOKEN_SECONDS - 1)
    tokens.read(token)
    clock.move(seconds=1)
    with pytest.raises(Unauthenticated, match="expired"):
        tokens.read(token)


def test_read_refuses_when_another_key_signed(tokens: AccessTokens, clock: HeldClock) -> None:
    foreign = AccessTokens(SigningKeys.of(bytes(64)), clock).mint(PRINCIPAL).token
    with pytest.raises(Unauthenticated):
        tokens.read(foreign)


def test_read_refuses_when_the_signing_key_itself_signed(tokens: AccessTokens) -> None:
    claims = jwt.decode(tokens.mint(PRINCIPAL).token, options={"verify_signature": False})
    with pytest.raises(Unauthenticated):
        tokens.read(jwt.encode(claims, SIGNING_KEY, algorithm="HS256"))


def test_read_refuses_when_nobody_signed(tokens: AccessTokens) -> None:
    with pytest.raises(Unauthenticated):
        tokens.read(unsigned(tokens.mint(PRINCIPAL).token))


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "é.é.é", "." * 10_000])
def test_read_refuses_when_the_text_is_no_token(tokens: AccessTokens, text: str) -> None:
    with pytest.raises(Unauthenticated):
        tokens.read(text)
