from typing import Any

import httpx
import pytest
import typer

from tocsin.cli.client import CommandFailed, TocsinClient
from tocsin.cli.people import listed, user_with
from tocsin.cli.service_commands import parsed_labels
from tocsin.kit.settings import read_settings

USERS: dict[str, Any] = {"users": [{"email": "ada@example.com"}, {"email": "grace@example.com"}]}


@pytest.fixture
def client(tmp_path: Any) -> TocsinClient:
    settings = read_settings({"TOCSIN_TOKEN": "pat_x"}, tmp_path)
    return TocsinClient(settings, transport=httpx.MockTransport(lambda _request: httpx.Response(200, json=USERS)))


def test_user_is_found_whatever_the_case_of_the_address(client: TocsinClient) -> None:
    with client:
        assert user_with(client, " Grace@Example.com ")["email"] == "grace@example.com"


def test_error_says_in_one_line_who_there_is_when_nobody_has_the_address(client: TocsinClient) -> None:
    with client, pytest.raises(CommandFailed) as failure:
        user_with(client, "bob@example.com\x1b[2J\n")
    assert failure.value.detail == (
        "nobody here has the address bob@example.com\\e[2J; there are: ada@example.com, grace@example.com"
    )


@pytest.mark.parametrize(
    ("count", "text"), [(0, "none"), (2, "n0, n1"), (23, ", ".join(f"n{n}" for n in range(20)) + " and 3 more")]
)
def test_names_are_listed_up_to_a_line(count: int, text: str) -> None:
    assert listed(f"n{n}" for n in range(count)) == text


def test_labels_are_read_up_to_the_first_equals_sign() -> None:
    assert parsed_labels(["team=payments", "note=a=b", "empty="]) == {"team": "payments", "note": "a=b", "empty": ""}


@pytest.mark.parametrize("text", ["team", "=payments", ""])
def test_label_is_refused_when_it_has_no_key_or_no_equals_sign(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="KEY=VALUE"):
        parsed_labels([text])
