"""The HTTP client behind the commands: where the server is, who we are, and errors in words."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

import httpx

from tocsin.cli.text import harmless
from tocsin.kit.errors import TocsinError, Unauthenticated
from tocsin.kit.settings import Settings

REQUEST_TIMEOUT_SECONDS = 60.0

#: Until then a request that the server has no room for is sent again.
RETRY_DEADLINE_SECONDS = 120.0

MAX_PAUSE_SECONDS = 10.0

WHAT_LETS_COMMANDS_IN = (
    "set TOCSIN_TOKEN, or TOCSIN_DATA_DIR to the server's data directory; "
    "or, if the signing key was changed, restart the server"
)

_NO_CONTENT = 204
_UNAUTHENTICATED = 401
_RETRIED_STATUSES = frozenset({429, 503})


class CommandFailed(TocsinError):
    """A command can't do what it was asked to; the message says what to do."""

    slug = "command-failed"
    title = "Command failed"


class TocsinClient:
    """Talks to one server. Use it as a context manager."""

    def __init__(
        self,
        settings: Settings,
        *,
        shows_token: bool = True,
        transport: httpx.BaseTransport | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Prepare to talk.

        Args:
            settings: say where the server is, and who we are.
            shows_token: who has an API key to send with needs no access token.
            transport: stands in for the network.
            pause: stands in for waiting.
        """
        self._settings = settings
        self._shows_token = shows_token
        self._pause = pause
        self.url = server_url(settings)
        self._http = httpx.Client(base_url=self.url, timeout=REQUEST_TIMEOUT_SECONDS, transport=transport)

    def __enter__(self) -> Self:
        if self._shows_token:
            self._http.headers["Authorization"] = f"Bearer {access_token(self._settings)}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._http.close()

    def get(self, path: str, **parameters: Any) -> Any:
        """The answer's JSON; parameters that are None are left out."""
        given = {name: value for name, value in parameters.items() if value is not None}
        return self._json(self._sent("GET", path, params=given))

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """The answer's JSON; None where there is nothing to say."""
        return self._json(self._sent("POST", path, json=body))

    def patch(self, path: str, body: dict[str, Any]) -> Any:
        """The answer's JSON; None where there is nothing to say."""
        return self._json(self._sent("PATCH", path, json=body))

    def delete(self, path: str) -> None:
        """Return when it is deleted."""
        self._sent("DELETE", path)

    def state(self, path: str) -> tuple[int, Any]:
        """The status code and JSON of a path where an error status is an answer too."""
        response = self._request("GET", path)
        return response.status_code, self._json(response)

    def download(self, path: str, take: Callable[[bytes], object], **parameters: Any) -> int:
        """Hand the answer's body on as it comes; returns how many bytes it had.

        Raises:
            CommandFailed: the server refused, or the body broke off before its end.
        """
        given = {name: value for name, value in parameters.items() if value is not None}
        size_bytes = 0
        with self._translated_errors(), self._http.stream("GET", path, params=given) as response:
            if not response.is_success:
                response.read()
            _checked(response)
            for chunk in response.iter_bytes():
                take(chunk)
                size_bytes += len(chunk)
        return size_bytes

    def post_bytes(self, path: str, body: bytes, headers: dict[str, str]) -> Any:
        """The answer's JSON; waits and sends again while the server has no room."""
        deadline = time.monotonic() + RETRY_DEADLINE_SECONDS
        while True:
            response = self._request("POST", path, content=body, headers=headers)
            asked_seconds = float(response.headers.get("Retry-After", "1"))
            # A daily quota asks for hours: nobody waits so long for a command.
            hopeless = asked_seconds > RETRY_DEADLINE_SECONDS or time.monotonic() > deadline
            if response.status_code not in _RETRIED_STATUSES or hopeless:
                return self._json(_checked(response))
            self._pause(min(asked_seconds, MAX_PAUSE_SECONDS))

    def _sent(self, method: str, path: str, **request: Any) -> httpx.Response:
        response = self._request(method, path, **request)
        if response.status_code == _UNAUTHENTICATED:
            # A long import outlives its token.
            self._http.headers["Authorization"] = f"Bearer {access_token(self._settings)}"
            response = self._request(method, path, **request)
        return _checked(response)

    def _request(self, method: str, path: str, **request: Any) -> httpx.Response:
        with self._translated_errors():
            return self._http.request(method, path, **request)

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        try:
            yield
        except httpx.ConnectError as error:
            raise CommandFailed(
                f"no Tocsin answers at {self.url}: start one with `tocsin serve`, or set TOCSIN_URL"
            ) from error
        except httpx.RemoteProtocolError as error:
            raise CommandFailed(f"the answer of {self.url} broke off; its own log says why") from error
        except httpx.HTTPError as error:
            raise CommandFailed(f"{self.url} did not answer: {error or type(error).__name__}") from error

    def _json(self, response: httpx.Response) -> Any:
        if response.status_code == _NO_CONTENT:
            return None
        try:
            return response.json()
        except ValueError as error:
            raise CommandFailed(f"what answers at {self.url} is not Tocsin; set TOCSIN_URL") from error


def server_url(settings: Settings, *, of_this_machine: bool = False) -> str:
    """Where the commands find the server: as set, or on this machine."""
    if settings.client.url and not of_this_machine:
        return settings.client.url.rstrip("/")
    return settings.local_url


def access_token(settings: Settings) -> str:
    """The token of the settings; without one, a token signed with the key in the data directory.

    Raises:
        CommandFailed: this machine has no such key.
    """
    if settings.client.token:
        return settings.client.token.reveal()
    return asyncio.run(_signed_token(settings))


async def _signed_token(settings: Settings) -> str:
    # Only needed on the server's own machine, and not quick to import.
    from tocsin.accounts.signing_keys import SIGNING_KEY_FILE
    from tocsin.cli.local_accounts import local_accounts

    data_dir = settings.server.data_dir
    if settings.accounts.signing_key is None and not (data_dir / SIGNING_KEY_FILE).is_file():
        raise CommandFailed(
            f"there is no signing key in {data_dir}: start the server first, "
            "or set TOCSIN_DATA_DIR to its data directory, or TOCSIN_TOKEN to an access token"
        )
    async with local_accounts(settings) as accounts:
        return (await accounts.local_operator_token(settings.client.organization)).token


def _checked(response: httpx.Response) -> httpx.Response:
    """The response, unless it is a problem."""
    if response.is_success:
        return response
    try:
        problem = response.json()
        detail = problem_detail(problem)
    except (ValueError, KeyError, TypeError) as error:
        raise CommandFailed(f"the server answered {response.status_code}") from error
    if response.status_code == Unauthenticated.status:
        raise CommandFailed(f"{detail}; {WHAT_LETS_COMMANDS_IN}")
    raise CommandFailed(detail)


def problem_detail(problem: dict[str, Any]) -> str:
    """What a problem says to people, with the suggestion where it has one."""
    detail, suggestion = harmless(str(problem["detail"])), problem.get("suggestion")
    return f"{detail}; did you mean {harmless(str(suggestion))}?" if suggestion else detail
