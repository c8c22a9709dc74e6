"""Alerts and deploys from outside → signals of incidents.

In: the webhooks of Alertmanager, Grafana and anything else, with an API key. Out: ``Signal`` and ``Deploy``, to
incidents. ``alerts`` has what all senders share, and there is a file for each sender; ``service`` is the face.
"""
