"""PagerDuty: events API v2, with the routing key as the secret.

Source: PagerDuty's documentation of the events API v2.
"""

import msgspec

from tocsin.incidents.contracts import Change, Severity
from tocsin.notifications.contracts import Channel, Notice
from tocsin.notifications.sending import Post
from tocsin.notifications.wording import is_over, lines, subject

ENQUEUE_URL = "https://events.pagerduty.com/v2/enqueue"
"""Where events go unless the channel's settings name another URL, as customers in Europe have."""

MAX_SUMMARY_CHARACTERS = 1_024

_SEVERITIES = {
    Severity.LOW: "info",
    Severity.MEDIUM: "warning",
    Severity.HIGH: "error",
    Severity.CRITICAL: "critical",
}


def pagerduty_post(channel: Channel, notice: Notice) -> Post:
    """The event: every change of one incident has one ``dedup_key``, so it updates one alert."""
    incident = notice.newest.incident
    event = {
        "routing_key": channel.secret,
        "event_action": _action(notice),
        "dedup_key": f"tocsin-test-{notice.id}" if notice.is_test else f"tocsin-{incident.id}",
        "payload": {
            "summary": subject(notice)[:MAX_SUMMARY_CHARACTERS],
            "source": incident.service or "tocsin",
            "severity": "info" if notice.is_test else _SEVERITIES[incident.severity],
            "timestamp": notice.newest.at.isoformat(),
            "custom_details": {"lines": lines(notice)},
        },
    }
    return Post(url=channel.settings.get("url", ENQUEUE_URL), body=msgspec.json.encode(event))


def _action(notice: Notice) -> str:
    # A test should wake nobody for longer than it takes to end it.
    if notice.is_test or is_over(notice):
        return "resolve"
    if notice.newest.change in {Change.ACKNOWLEDGED, Change.INVESTIGATING}:
        return "acknowledge"
    return "trigger"
