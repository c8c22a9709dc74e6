import msgspec
import pytest

from tocsin.accounts.schemas import AccessTokenResponse, ChangePasswordRequest, LoginRequest


@pytest.mark.parametrize(
    "confidential",
    [
        LoginRequest(email="someone", password="hunter2"),
        ChangePasswordRequest(old_password="hunter2", new_password="hunter2"),
        AccessTokenResponse(access_token="hunter2", expires_in_seconds=1, password_change_required=False),
    ],
)
def test_secrets_are_not_shown_when_a_body_is_printed(confidential: msgspec.Struct) -> None:
    assert "hunter2" not in f"{confidential!r} {confidential}"
