"""From an alert to a signal."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.notifications.incoming.payloads import FIRING
from tocsin.incidents.contracts import Signal
from tocsin.kit.moments import unix_nano
from tocsin.logmodel.levels import Level
from tocsin.notifications.incoming.alertmanager import ALERTMANAGER
from tocsin.notifications.incoming.alerts import (
    MAX_LABEL_CHARACTERS,
    MAX_LABELS,
    MAX_SERVICE_CHARACTERS,
    MAX_TITLE_CHARACTERS,
    MAX_URL_CHARACTERS,
    BadAlert,
    Sender,
    read_alert,
    signal_of,
    split_body,
)
from tocsin.notifications.incoming.generic import GENERIC
from tocsin.notifications.incoming.grafana import GRAFANA

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
OURS = UUID(int=1)


def signal(alert: dict[str, Any], sender: Sender = ALERTMANAGER, organization_id: UUID = OURS) -> Signal:
    read = read_alert(sender, msgspec.Raw(msgspec.json.encode(alert)))
    return signal_of(organization_id, sender.name, read, now_unix_nano=unix_nano(NOW))


def labelled(**labels: str) -> dict[str, Any]:
    return {**FIRING, "labels": {"alertname": "A", **labels}, "annotations": {}}


@pytest.mark.parametrize(
    ("labels", "service"),
    [
        ({"app": "e", "job": "d", "service_name": "c", "service.name": "b", "service": "a"}, "a"),
        ({"app": "e", "job": "d", "service_name": "c", "service.name": "b"}, "b"),
        ({"app": "e", "job": "d", "service_name": "c", "service": " "}, "c"),
        ({"app": "e", "job": "d"}, "d"),
        ({"app": "e\n"}, "e"),
        ({"instance": "x"}, None),
    ],
)
def test_the_service_is_what_the_first_usual_label_says(labels: dict[str, str], service: str | None) -> None:
    assert signal(labelled(**labels)).service == service


@pytest.mark.parametrize(
    ("labels", "level"),
    [
        ({"severity": "critical"}, Level.FATAL),
        ({"severity": " Page "}, Level.FATAL),
        ({"severity": "error", "level": "info"}, Level.ERROR),
        ({"level": "HIGH"}, Level.ERROR),
        ({"priority": "P3"}, Level.WARN),
        ({"severity": "info"}, Level.INFO),
        ({"severity": "purple"}, Level.WARN),
        ({}, Level.WARN),
    ],
)
def test_how_bad_it_is_is_what_a_usual_label_says(labels: dict[str, str], level: Level) -> None:
    found = signal(labelled(**labels))
    assert found.level is level
    worse = signal(labelled(severity="fatal"))
    assert (found.score < worse.score) == (level is not Level.FATAL)


def test_what_is_no_trouble_or_over_opens_no_incident() -> None:
    assert signal(labelled(severity="warning")).opens
    assert signal(labelled()).opens
    assert not signal(labelled(alertname="Watchdog", severity="none")).opens
    assert not signal(labelled(severity="info")).opens
    assert not signal({**labelled(severity="critical"), "status": "resolved"}).opens


@pytest.mark.parametrize(
    ("annotations", "title"),
    [
        ({"message": "m", "description": "d", "summary": "s"}, "s"),
        ({"message": "m", "description": "d\nsecond line", "summary": ""}, "d second line"),
        ({"message": "m"}, "m"),
        ({"runbook_url": "r"}, "A"),
    ],
)
def test_the_title_is_what_says_most(annotations: dict[str, str], title: str) -> None:
    assert signal({**labelled(), "annotations": annotations}).title == title


def test_an_alert_that_says_nothing_is_bad() -> None:
    with pytest.raises(BadAlert, match="it has no title"):
        signal({**FIRING, "labels": {"job": "x"}, "annotations": {"summary": "\x00\n"}})
    with pytest.raises(BadAlert, match="neither a fingerprint nor labels"):
        signal({"status": "firing", "annotations": {"summary": "s"}})
    with pytest.raises(BadAlert, match="service has more than"):
        signal(labelled(service="x" * (MAX_SERVICE_CHARACTERS + 1)))


def test_the_id_is_one_for_each_organization_sender_and_fingerprint() -> None:
    grafana = {**FIRING, "generatorURL": "https://grafana.example/x"}
    changed = {**FIRING, "status": "resolved", "annotations": {"summary": "another"}}
    assert signal(changed).id == signal(FIRING).id
    others = [
        signal(FIRING, organization_id=UUID(int=2)).id,
        signal(grafana, GRAFANA).id,
        signal({**FIRING, "fingerprint": "1a30ba71cca2921e"}).id,
        signal({"title": "t", "fingerprint": FIRING["fingerprint"]}, GENERIC).id,
    ]
    assert len({signal(FIRING).id, *others}) == 5


def test_without_a_fingerprint_labels_tell_alerts_apart_in_whatever_order() -> None:
    one = {**labelled(a="1", b="2"), "fingerprint": ""}
    same = {**one, "labels": dict(reversed(one["labels"].items())), "startsAt": "2026-11-24T11:00:00Z"}
    other = {**labelled(a="1", b="3"), "fingerprint": ""}
    # The same letters, cut elsewhere.
    tricky = {**labelled(a="1b", **{"2": ""}), "fingerprint": ""}
    assert signal(one).id == signal(same).id
    assert len({signal(each).id for each in (one, other, tricky)}) == 3


def test_a_generic_alert_is_known_by_title_and_service() -> None:
    one, same = {"title": "t", "service": "s"}, {"title": "t", "service": "s", "severity": "LOW"}
    assert signal(one, GENERIC).id == signal(same, GENERIC).id
    ids = {signal(each, GENERIC).id for each in (one, {"title": "ts"}, {"title": "t"}, {"title": "u", "service": "s"})}
    assert len(ids) == 4


@pytest.mark.parametrize(
    ("members", "onset", "last"),
    [
        ({}, NOW, NOW),
        ({"startsAt": "2026-11-24T11:00:00+00:00"}, NOW - timedelta(hours=1), NOW),
        ({"startsAt": "2026-11-24T12:00:01Z"}, NOW, NOW),
        ({"startsAt": "0001-01-01T00:00:00+02:00"}, NOW, NOW),
        ({"startsAt": "9999-12-31T23:59:59Z"}, NOW, NOW),
        ({"startsAt": "2026-11-24T11:00:00Z", "endsAt": "2026-11-24T11:30:00Z"}, NOW - timedelta(hours=1), NOW),
        (
            {"status": "resolved", "startsAt": "2026-11-24T11:00:00Z", "endsAt": "2026-11-24T11:30:00Z"},
            NOW - timedelta(hours=1),
            NOW - timedelta(minutes=30),
        ),
        (
            {"status": "resolved", "startsAt": "2026-11-24T11:00:00Z", "endsAt": "2026-11-24T10:30:00Z"},
            NOW - timedelta(hours=1),
            NOW - timedelta(hours=1),
        ),
        ({"status": "resolved", "startsAt": "2026-11-24T12:00:00Z", "endsAt": "0001-01-01T00:00:00Z"}, NOW, NOW),
    ],
)
def test_it_began_and_ended_when_that_can_be(members: dict[str, str], onset: datetime, last: datetime) -> None:
    bare = {name: value for name, value in labelled().items() if name not in {"startsAt", "endsAt"}}
    found = signal({**bare, **members})
    assert (found.onset_unix_nano, found.last_unix_nano) == (unix_nano(onset), unix_nano(last))
    assert found.is_over == (members.get("status") == "resolved")


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//prometheus/graph",
        "/graph",
        "http://",
        "http://[::1",
        "https://e.example/\n",
        f"https://e.example/{'x' * MAX_URL_CHARACTERS}",
        "",
    ],
)
def test_nobody_is_led_to_what_is_no_page(url: str) -> None:
    assert signal({**FIRING, "generatorURL": url}).url is None
    assert signal({"title": "t", "url": url}, GENERIC).url is None


def test_what_is_kept_of_an_alert_has_bounds() -> None:
    labels = {f"{number:03}": "x" * (MAX_LABEL_CHARACTERS + 1) for number in range(MAX_LABELS + 1)}
    found = signal({**FIRING, "labels": labels, "annotations": {"summary": "y" * (MAX_TITLE_CHARACTERS + 1)}})
    assert len(found.labels) == MAX_LABELS
    assert {len(text) for text in found.labels.values()} == {MAX_LABEL_CHARACTERS}
    assert len(found.title) == MAX_TITLE_CHARACTERS
    # What is left out still tells alerts apart.
    bare = {**FIRING, "fingerprint": None, "labels": labels}
    assert signal(bare).id != signal({**bare, "labels": {**labels, "064": "other"}}).id


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
_NAMES = ["status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint", "title", "severity"]
_VALUES = st.sampled_from(["firing", "resolved", "0001-01-01T00:00:00Z", "2026-11-24T11:00:00Z"]) | _JSON
_ALERTS = st.dictionaries(st.sampled_from(_NAMES), _VALUES | st.dictionaries(st.text(max_size=5), st.text(max_size=5)))


@given(sender=st.sampled_from([ALERTMANAGER, GRAFANA, GENERIC]), alert=_ALERTS | _JSON)
def test_whatever_an_alert_is_it_becomes_a_signal_or_is_bad(sender: Sender, alert: Any) -> None:
    body = {"alerts": [alert]} if sender is not GENERIC else [alert]
    [raw] = split_body(sender, msgspec.json.encode(body))
    try:
        found = signal_of(OURS, sender.name, read_alert(sender, raw), now_unix_nano=unix_nano(NOW))
    except BadAlert:
        return
    assert 0 < found.onset_unix_nano <= found.last_unix_nano <= unix_nano(NOW)
    assert found.title.isprintable()
    assert all(text.isprintable() for pair in found.labels.items() for text in pair)
