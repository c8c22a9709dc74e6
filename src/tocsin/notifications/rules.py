"""Which rules a change concerns. Pure."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from tocsin.incidents.contracts import Change, IncidentChanged, Status
from tocsin.notifications.contracts import OVER, Hours, Rule

_DETAILS = frozenset({Change.UPDATED, Change.COMMENTED, Change.LINKED, Change.UNLINKED, Change.REGROUPED})
"""What whoever works on an incident sees there."""

_NO_NEWS = (_DETAILS - {Change.UPDATED}) | OVER
"""What nobody has to hear who was not told of the incident before. An update they may: severity and services grow."""


def concerns(rule: Rule, event: IncidentChanged, *, was_told: bool) -> bool:
    """Whether the rule's channel hears of a change.

    Who was told of an incident hears how it goes on, whatever the hour and its severity by then, but not every
    detail. What happened before the rule was made is no news.
    """
    if event.at < rule.created_at:
        return False
    if was_told:
        return event.change not in _DETAILS
    if event.change in _NO_NEWS or event.incident.status is Status.RESOLVED:
        return False
    incident = event.incident
    if incident.severity not in rule.severities:
        return False
    if rule.services and rule.services.isdisjoint({incident.service, *incident.affected_services}):
        return False
    return is_within(rule.hours, event.at)


def is_within(hours: Hours, moment: datetime) -> bool:
    """Whether a moment is in the hours, by the clock of their zone."""
    local = moment.astimezone(ZoneInfo(hours.time_zone))
    minute, day = local.hour * 60 + local.minute, local.weekday()
    start, end = hours.start_minute, hours.end_minute
    if start == end:
        return day in hours.days
    if start < end:
        return day in hours.days and start <= minute < end
    if minute >= start:
        return day in hours.days
    return minute < end and (local - timedelta(days=1)).weekday() in hours.days
