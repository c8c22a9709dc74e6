"""Notifications: changes of incidents → people.

In: the event sequence of incidents, followed from a stored position; channels and rules that administrators keep. Out:
messages to Slack, Discord, PagerDuty, mailboxes and signed webhooks, by durable jobs. Owns channels with their secrets,
rules, the log of deliveries, and how far the events were followed. ``service`` is the room's face.
"""
