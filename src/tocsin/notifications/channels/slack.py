"""Slack: an incoming webhook, whose URL is the secret."""

import msgspec

from tocsin.notifications.contracts import Channel, Notice
from tocsin.notifications.sending import Post
from tocsin.notifications.wording import lines, subject

MAX_CHARACTERS = 3_000
"""Of a message; Slack cuts longer ones."""


def slack_post(channel: Channel, notice: Notice) -> Post:
    """The message for Slack. A webhook can't change a message that was sent: each change is one of its own."""
    text = f"*{_escaped(subject(notice))}*\n" + "\n".join(map(_escaped, lines(notice)))
    return Post(url=channel.secret, body=msgspec.json.encode({"text": text[:MAX_CHARACTERS]}))


def _escaped(text: str) -> str:
    """As Slack asks for it; without this a log could mention everybody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
