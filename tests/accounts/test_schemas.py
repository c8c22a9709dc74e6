from typing import Any

import msgspec
import pytest

from tocsin.accounts.administration_schemas import CreateKeyRequest
from tocsin.accounts.schemas import ChangePasswordRequest, LoginRequest, RefreshRequest, ResetPasswordRequest


@pytest.mark.parametrize(
    "confidential",
    [
        LoginRequest(email="someone", password="hunter2"),
        ChangePasswordRequest(old_password="hunter2", new_password="hunter2"),
        RefreshRequest(refresh_token="hunter2"),
        ResetPasswordRequest(token="hunter2", new_password="hunter2"),
    ],
)
def test_secrets_are_not_shown_when_a_body_is_printed(confidential: msgspec.Struct) -> None:
    assert "hunter2" not in f"{confidential!r} {confidential}"


def _key(**fields: str) -> Any:
    return msgspec.convert({"name": "a key", "default_service": "shop"} | fields, CreateKeyRequest)


@pytest.mark.parametrize("name", ["shop", "Käse laden", " padded ", "x" * 200])
def test_a_name_is_taken_when_it_can_be_shown(name: str) -> None:
    assert _key(name=name, default_service=name).default_service == name


@pytest.mark.parametrize("name", ["", "   ", "a\0b", "a\nb", "shop\n", "\x7f", "x" * 201])
@pytest.mark.parametrize("field", ["name", "default_service"])
def test_a_name_is_refused_when_it_is_blank_or_steers(field: str, name: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        _key(**{field: name})


def test_an_address_is_refused_when_no_database_could_hold_it() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"email": "admin\0@localhost", "password": "x"}, LoginRequest)
