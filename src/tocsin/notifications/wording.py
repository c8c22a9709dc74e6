"""What a notice says, in words that every channel shares."""

from tocsin.notifications.contracts import OVER, Notice


def subject(notice: Notice) -> str:
    """One line: what happened to which incident, and how bad it is."""
    incident = notice.newest.incident
    if notice.is_test:
        return "Tocsin test: this channel works"
    return f"[{incident.severity}] Incident {incident.number} {notice.newest.change}: {one_line(incident.title)}"


def lines(notice: Notice) -> list[str]:
    """What is known of the incident, a line each."""
    if notice.is_test:
        return ["Someone asked Tocsin to test this channel. Nothing is wrong."]
    incident = notice.newest.incident
    found = [f"Status: {incident.status}", f"Began: {incident.started_at.isoformat(timespec='seconds')}"]
    if incident.affected_services:
        found.append(f"Services: {one_line(', '.join(incident.affected_services))}")
    if incident.causes:
        cause = incident.causes[0]
        reasons = "; ".join(cause.reasons)
        found.append(one_line(f"Likely cause: {cause.service}" + (f" ({reasons})" if reasons else "")))
    if len(notice.events) > 1:
        found.append(f"Changes: {', '.join(event.change for event in notice.events)}")
    return found


def is_over(notice: Notice) -> bool:
    """Whether nobody needs to look any more."""
    return notice.newest.change in OVER


def one_line(text: str) -> str:
    """A text without line breaks and control characters."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())
