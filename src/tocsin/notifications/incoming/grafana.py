"""The webhook contact point of Grafana's alerting.

Source: Grafana's documentation, "Configure webhook notifications", body.
"""

import msgspec

from tocsin.notifications.incoming.alerts import Alert, Sender
from tocsin.notifications.incoming.labelled import LabelledAlert, alert_of, split_payload


class _GrafanaAlert(LabelledAlert, frozen=True, kw_only=True, rename="camel"):
    """What Grafana says beside what Alertmanager says; empty texts where there is nothing."""

    panel_url: str | None = msgspec.field(default=None, name="panelURL")
    dashboard_url: str | None = msgspec.field(default=None, name="dashboardURL")


_DECODER = msgspec.json.Decoder(_GrafanaAlert)


def _read(raw: msgspec.Raw) -> Alert:
    body = _DECODER.decode(raw)
    # The rule's own page is only for those who may change rules; a panel shows what happened.
    return alert_of(body, url=body.panel_url or body.dashboard_url or body.generator_url)


GRAFANA = Sender(name="grafana", split=split_payload, read=_read)
