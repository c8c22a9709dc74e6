"""The webhook of Prometheus Alertmanager, version 4 of its payload.

Source: Prometheus' documentation, "Alerting: configuration", ``<webhook_config>``.
"""

import msgspec

from tocsin.notifications.incoming.alerts import Alert, Sender
from tocsin.notifications.incoming.labelled import LabelledAlert, alert_of, split_payload

_DECODER = msgspec.json.Decoder(LabelledAlert)


def _read(raw: msgspec.Raw) -> Alert:
    body = _DECODER.decode(raw)
    return alert_of(body, url=body.generator_url)


ALERTMANAGER = Sender(name="alertmanager", split=split_payload, read=_read)
