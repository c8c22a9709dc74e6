"""Bodies as Alertmanager and Grafana send them, after their documentation."""

from copy import deepcopy
from typing import Any

FIRING: dict[str, Any] = {
    "status": "firing",
    "labels": {
        "alertname": "HighErrorRate",
        "instance": "10.2.0.17:8080",
        "job": "node",
        "service": "checkout",
        "severity": "critical",
    },
    "annotations": {
        "description": "5xx of checkout is above 5 % for 2 minutes",
        "summary": "checkout answers 12 % of requests with 5xx",
    },
    "startsAt": "2026-11-24T11:58:30.739266876+01:00",
    "endsAt": "0001-01-01T00:00:00Z",
    "generatorURL": "http://prometheus.example:9090/graph?g0.expr=rate%28errors%5B1m%5D%29&g0.tab=1",
    "fingerprint": "1a30ba71cca2921f",
}
RESOLVED: dict[str, Any] = {
    "status": "resolved",
    "labels": {"alertname": "InstanceDown", "instance": "10.2.0.18:9100", "job": "payment"},
    "annotations": {"description": "nothing answers at 10.2.0.18:9100"},
    "startsAt": "2026-11-24T10:40:00Z",
    "endsAt": "2026-11-24T10:59:15.5Z",
    "generatorURL": "http://prometheus.example:9090/graph?g0.expr=up+%3D%3D+0&g0.tab=1",
    "fingerprint": "c6eadffa33fcdf37",
}

_ALERTMANAGER: dict[str, Any] = {
    "receiver": "tocsin",
    "status": "firing",
    "alerts": [FIRING, RESOLVED],
    "groupLabels": {"cluster": "eu-1"},
    "commonLabels": {"cluster": "eu-1"},
    "commonAnnotations": {},
    "externalURL": "http://alertmanager.example:9093",
    "version": "4",
    "groupKey": '{}/{cluster="eu-1"}:{cluster="eu-1"}',
    "truncatedAlerts": 0,
}

_GRAFANA: dict[str, Any] = {
    "receiver": "tocsin",
    "status": "firing",
    "orgId": 1,
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "Slow checkout", "grafana_folder": "shop", "app": "cart", "severity": "warning"},
            "annotations": {"summary": "p95 of cart is 2.4 s", "runbook_url": "https://runbooks.example/slow"},
            "startsAt": "2026-11-24T10:51:03.157076+00:00",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "https://grafana.example/alerting/grafana/d1rdpdv7k/view?orgId=1",
            "fingerprint": "bc97ff14869b13e3",
            "silenceURL": "https://grafana.example/alerting/silence/new?alertmanager=grafana",
            "dashboardURL": "https://grafana.example/d/shop?orgId=1",
            "panelURL": "https://grafana.example/d/shop?orgId=1&viewPanel=4",
            "values": {"B": 2.4, "C": 1},
            "valueString": "[ var='B' labels={app=cart} value=2.4 ]",
            "imageURL": "",
        },
        {
            "status": "resolved",
            "labels": {"alertname": "DatasourceNoData", "datasource_uid": "000000001", "rulename": "Slow checkout"},
            "annotations": {},
            "startsAt": "2026-11-24T10:30:00Z",
            "endsAt": "2026-11-24T10:45:00Z",
            "generatorURL": "",
            "fingerprint": "0b61f3a7b5c6a1a2",
            "silenceURL": "",
            "dashboardURL": "",
            "panelURL": "",
            "values": None,
            "valueString": "",
        },
    ],
    "groupLabels": {"grafana_folder": "shop"},
    "commonLabels": {},
    "commonAnnotations": {},
    "externalURL": "https://grafana.example/",
    "version": "1",
    "groupKey": '{}:{grafana_folder="shop"}',
    "truncatedAlerts": 0,
    "title": "[FIRING:1, RESOLVED:1] shop ",
    "state": "alerting",
    "message": "**Firing**\n\nValue: B=2.4, C=1\n",
}


def alertmanager(*alerts: Any) -> dict[str, Any]:
    """A notification of Alertmanager, with these alerts in place of its own."""
    body = deepcopy(_ALERTMANAGER)
    if alerts:
        body["alerts"] = list(alerts)
    return body


def grafana() -> dict[str, Any]:
    """A notification of Grafana's alerting."""
    return deepcopy(_GRAFANA)
