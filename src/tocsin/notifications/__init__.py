"""Notifications: changes of incidents → people; alerts from outside → signals.

In: the event sequence of incidents, followed from a stored position; channels and rules that administrators keep; what
other programs notice (``incoming``). Out: messages to Slack, Discord, PagerDuty, mailboxes and signed webhooks, by
durable jobs; signals and deploys, to incidents. Owns channels with their sealed secrets, rules, the log of deliveries,
and how far the events were followed. ``service`` is the room's face.
"""
