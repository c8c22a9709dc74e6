"""Sends a notice by whatever kind of channel it is for, and says which settings each kind takes."""

from tocsin.kit.clock import Clock
from tocsin.kit.errors import InvalidRequest
from tocsin.notifications.channels.discord import discord_post
from tocsin.notifications.channels.email import check_addresses, send_email
from tocsin.notifications.channels.pagerduty import pagerduty_post
from tocsin.notifications.channels.slack import slack_post
from tocsin.notifications.channels.webhook import webhook_post
from tocsin.notifications.contracts import Channel, ChannelKind, Notice
from tocsin.notifications.sending import HttpSender, Post, Refused, check_url

MIN_SIGNING_SECRET_CHARACTERS = 16

_SETTINGS = {
    ChannelKind.SLACK: (set(), set()),
    ChannelKind.DISCORD: (set(), set()),
    ChannelKind.PAGERDUTY: (set(), {"url"}),
    ChannelKind.EMAIL: ({"host", "from", "to"}, {"port", "security", "username"}),
    ChannelKind.WEBHOOK: ({"url"}, set()),
}
"""What each kind must have, and what it may have."""


async def send(sender: HttpSender, channel: Channel, notice: Notice, *, attempt: int, clock: Clock) -> None:
    """Return once the channel has taken the notice.

    Raises:
        RetryLater: it may take it later.
        Refused: it never will.
    """
    if channel.secret_is_lost:
        raise Refused("the secret of the channel can't be read any more; set it again")
    if channel.kind is ChannelKind.EMAIL:
        await send_email(channel, notice, attempt=attempt)
    else:
        await sender.send(_post(channel, notice, clock), attempt=attempt)


def _post(channel: Channel, notice: Notice, clock: Clock) -> Post:
    match channel.kind:
        case ChannelKind.SLACK:
            return slack_post(channel, notice)
        case ChannelKind.DISCORD:
            return discord_post(channel, notice)
        case ChannelKind.PAGERDUTY:
            return pagerduty_post(channel, notice)
        case _:
            return webhook_post(channel, notice, now_seconds=clock.now_unix_nano() // 1_000_000_000)


def check_channel(kind: ChannelKind, settings: dict[str, str], secret: str, *, allow_insecure: bool = False) -> None:
    """Let a channel pass that can be sent to.

    Raises:
        InvalidRequest: something is missing, unknown or not right; the message says what.
    """
    needed, optional = _SETTINGS[kind]
    if missing := needed - set(settings):
        raise InvalidRequest(f"a channel of kind {kind} needs the settings {', '.join(sorted(missing))}")
    if unknown := set(settings) - needed - optional:
        raise InvalidRequest(f"a channel of kind {kind} has no settings {', '.join(sorted(unknown))}")
    if any(not text.isprintable() for text in [*settings.values(), secret]):
        raise InvalidRequest("settings and secrets of a channel have no line breaks and control characters")
    if not secret and kind is not ChannelKind.EMAIL:
        raise InvalidRequest(f"a channel of kind {kind} needs a secret")
    if kind is ChannelKind.WEBHOOK and len(secret) < MIN_SIGNING_SECRET_CHARACTERS:
        raise InvalidRequest(f"the secret of a webhook has at least {MIN_SIGNING_SECRET_CHARACTERS} characters")
    if kind is ChannelKind.EMAIL:
        _check_email(settings)
    url = secret if kind in {ChannelKind.SLACK, ChannelKind.DISCORD} else settings.get("url")
    if url is not None:
        try:
            check_url(url, allow_insecure=allow_insecure)
        except ValueError as error:
            raise InvalidRequest(str(error)) from error


def _check_email(settings: dict[str, str]) -> None:
    port = settings.get("port", "587")
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65_536):
        raise InvalidRequest(f"the port of a mail server is a number from 1 to 65535, not {port!r}")
    if settings.get("security", "starttls") not in {"starttls", "tls", "none"}:
        raise InvalidRequest("the security of a mail server is starttls, tls or none")
    try:
        check_addresses(settings["from"], settings["to"])
    except ValueError as error:
        raise InvalidRequest(str(error)) from error
    if settings.get("security") == "none" and "username" in settings:
        raise InvalidRequest("a password is not sent over a connection without security; use starttls or tls")
