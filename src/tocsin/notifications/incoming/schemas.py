"""What the endpoints for alerts and deploys take and answer."""

from datetime import UTC, datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from tocsin.incidents.contracts import Deploy
from tocsin.kit.text_forms import NO_CONTROL_CHARACTERS, NOT_BLANK
from tocsin.notifications.incoming.service import AlertsOutcome

_LINE_FORM = r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$(?![\s\S])"
_PLAIN_FORM = r"^[^\x00-\x1f\x7f]*$(?![\s\S])"
_Line = Annotated[str, Meta(min_length=1, max_length=200, pattern=_LINE_FORM, extra=NOT_BLANK)]


class RefusedAlert(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that was not taken: its place in the body, from 0, and why."""

    index: int
    reason: str


class AlertsResponse(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the alerts: ``received == accepted + refused``; ``reasons`` tells the first hundred refused."""

    received: int
    accepted: int
    refused: int
    reasons: list[RefusedAlert]

    @classmethod
    def of(cls, outcome: AlertsOutcome) -> "AlertsResponse":
        """The answer that tells this outcome."""
        return cls(
            received=outcome.received,
            accepted=outcome.accepted,
            refused=outcome.refused,
            reasons=[RefusedAlert(index=each.index, reason=each.reason) for each in outcome.refusals],
        )


class DeployRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A version of a service that runs from now on, or from a moment of the past on.

    `by` and `url`, who deployed it and where that can be looked at, are written to Tocsin's own log.
    """

    service: Annotated[_Line, Meta(examples=["checkout"])]
    version: Annotated[_Line, Meta(examples=["v1.8.2"])]
    at: Annotated[datetime, Meta(tz=True)] | None = None
    by: Annotated[_Line, Meta(examples=["ci"])] | None = None
    url: Annotated[str, Meta(max_length=2_000, pattern=_PLAIN_FORM, extra=NO_CONTROL_CHARACTERS)] | None = None


class DeployResponse(msgspec.Struct, frozen=True, kw_only=True):
    """The deploy as it was noted."""

    service: str
    version: str
    at: datetime

    @classmethod
    def of(cls, deploy: Deploy) -> "DeployResponse":
        """The deploy on the wire."""
        at = datetime.fromtimestamp(deploy.at_unix_nano / 1e9, tz=UTC)
        return cls(service=deploy.service, version=deploy.version, at=at)
