"""Sends over HTTP, and says what an answer means: done, later, or never."""

import asyncio
import ipaddress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx

from tocsin.jobs.ports import RetryLater

TIMEOUT_SECONDS = 10.0
"""For one request with its answer; a receiver that is slower is tried again, and may hear the same twice."""

MAX_ANSWER_BYTES = 10_000
"""So much of an answer is read, for the reason in the log of deliveries."""

MAX_RETRY_AFTER_SECONDS = 3_600.0
"""A receiver that asks for a longer pause is tried again after this."""

MAX_REASON_CHARACTERS = 300

FIRST_PAUSE_SECONDS = 5.0
"""Doubled with each attempt, up to ``LONGEST_PAUSE_SECONDS``."""

LONGEST_PAUSE_SECONDS = 600.0

_LATER = frozenset({408, 425, 429})


class Refused(Exception):
    """The receiver will not take it, however often it is sent; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A request to send. The URL may be a secret."""

    url: str = field(repr=False)
    body: bytes
    headers: dict[str, str] = field(default_factory=dict, repr=False)


def pause_seconds(attempt: int) -> float:
    """How long to wait after so many attempts."""
    return float(min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** min(attempt - 1, 20)))


def check_url(url: str, *, allow_insecure: bool = False) -> None:
    """Let a URL pass that messages may go to.

    Raises:
        ValueError: it is not https; http is only for this machine, or where it is allowed.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError as error:
        raise ValueError("the URL can't be read; write it like https://example.com/hook") from error
    if not host or parts.scheme not in {"http", "https"}:
        raise ValueError("the URL must be like https://example.com/hook")
    if parts.scheme == "http" and not allow_insecure and not _is_loopback(host):
        raise ValueError("the URL must begin with https://; http:// is only for this machine")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class HttpSender:
    """Sends requests; follows no redirect, since a message is for the receiver that was named."""

    def __init__(self, *, allow_insecure: bool = False, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._allow_insecure = allow_insecure
        self._timeout_seconds = timeout_seconds
        self._client = httpx.AsyncClient(follow_redirects=False, timeout=timeout_seconds)

    async def send(self, post: Post, *, attempt: int) -> None:
        """Return once the receiver has taken it.

        Raises:
            RetryLater: it may take it later.
            Refused: it never will, or the URL is not one that messages may go to.
        """
        try:
            check_url(post.url, allow_insecure=self._allow_insecure)
        except ValueError as error:
            raise Refused(str(error)) from error
        try:
            async with asyncio.timeout(self._timeout_seconds):
                await self._exchange(post, attempt)
        except (TimeoutError, httpx.TimeoutException) as error:
            reason = f"the receiver did not answer within {self._timeout_seconds:g} s"
            raise RetryLater(reason, after_seconds=pause_seconds(attempt)) from error
        except httpx.InvalidURL as error:
            raise Refused("the URL can't be read") from error
        except httpx.HTTPError as error:
            # The library's words may hold the URL, which may be a secret.
            reason = f"the receiver can't be reached ({type(error).__name__})"
            raise RetryLater(reason, after_seconds=pause_seconds(attempt)) from error

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _exchange(self, post: Post, attempt: int) -> None:
        headers = {"Content-Type": "application/json", "User-Agent": "tocsin", **post.headers}
        async with self._client.stream("POST", post.url, content=post.body, headers=headers) as answer:
            if answer.is_success:
                return
            reason = f"the receiver answered {answer.status_code}"
            if said := await _beginning(answer):
                reason = f"{reason}: {said}"
            if answer.status_code in _LATER or answer.status_code >= 500:
                wanted = retry_after_seconds(answer.headers.get("Retry-After"), now=datetime.now(UTC))
                raise RetryLater(reason, after_seconds=pause_seconds(attempt) if wanted is None else wanted)
            raise Refused(reason)


async def _beginning(answer: httpx.Response) -> str:
    read = bytearray()
    # What is compressed could be far larger than what was sent.
    async for piece in answer.aiter_raw(MAX_ANSWER_BYTES):
        read += piece
        if len(read) >= MAX_ANSWER_BYTES:
            break
    if "Content-Encoding" in answer.headers:
        return ""
    words = " ".join(bytes(read[:MAX_ANSWER_BYTES]).decode("utf-8", "replace").replace("\0", " ").split())
    return words[:MAX_REASON_CHARACTERS]


def retry_after_seconds(header: str | None, *, now: datetime) -> float | None:
    """The pause that a ``Retry-After`` asks for, in seconds or as a date; None where there is none to read."""
    if header is None:
        return None
    if header.strip().isascii() and header.strip().isdigit():
        return min(float(header), MAX_RETRY_AFTER_SECONDS)
    try:
        until = parsedate_to_datetime(header)
    except ValueError:
        return None
    until = until if until.tzinfo is not None else until.replace(tzinfo=UTC)
    return min(max(0.0, (until - now).total_seconds()), MAX_RETRY_AFTER_SECONDS)
