"""A webhook of anybody's: JSON with a signature, the secret of which both sides know.

``Tocsin-Signature: t=<seconds>,v1=<hex>`` where v1 is HMAC-SHA256 over ``<seconds>.<body>``. A receiver computes it
itself, compares in constant time, and refuses what is older than some minutes. ``Tocsin-Delivery`` is the same when a
message is sent again.
"""

import hashlib
import hmac

import msgspec

from tocsin.notifications.contracts import Channel, Notice
from tocsin.notifications.sending import Post
from tocsin.notifications.wording import lines, subject


def webhook_post(channel: Channel, notice: Notice, *, now_seconds: int) -> Post:
    """The message for a webhook, signed at this moment."""
    content = {
        "id": notice.id,
        "test": notice.is_test,
        "subject": subject(notice),
        "lines": lines(notice),
        "changes": [{"sequence": each.sequence, "change": each.change, "at": each.at} for each in notice.events],
        "incident": None if notice.is_test else notice.newest.incident,
    }
    body = msgspec.json.encode(content)
    headers = {
        "Tocsin-Delivery": str(notice.id),
        "Tocsin-Signature": f"t={now_seconds},v1={signature(channel.secret, now_seconds, body)}",
    }
    return Post(url=channel.settings["url"], body=body, headers=headers)


def signature(secret: str, seconds: int, body: bytes) -> str:
    """What shows that the sender of a body knew the secret at that time."""
    return hmac.new(secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
