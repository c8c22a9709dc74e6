"""Discord: a webhook, whose URL is the secret."""

import msgspec

from tocsin.notifications.contracts import Channel, Notice
from tocsin.notifications.sending import Post
from tocsin.notifications.wording import lines, subject

MAX_CHARACTERS = 2_000
"""Of a message; Discord refuses longer ones."""


def discord_post(channel: Channel, notice: Notice) -> Post:
    """The message for Discord; nothing in it mentions anybody."""
    content = "\n".join([subject(notice), *lines(notice)])
    message = {"content": content[:MAX_CHARACTERS], "allowed_mentions": {"parse": []}}
    return Post(url=channel.secret, body=msgspec.json.encode(message))
