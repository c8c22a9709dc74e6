"""Puts the table of who may call what into the API's description: security, and the refusals that follow from it."""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

import msgspec
from litestar.openapi.spec import OpenAPI, OpenAPIMediaType, OpenAPIResponse, Operation, PathItem, Reference

from tocsin.accounts.access import Caller, Rule, Traffic
from tocsin.accounts.contracts import Role
from tocsin.accounts.guards import ACCESS_TOKEN_SECURITY, API_KEY_SECURITY
from tocsin.api.access_rules import RULES, Endpoint
from tocsin.kit.errors import (
    Forbidden,
    PayloadTooLarge,
    RequestTimeout,
    ServiceUnavailable,
    TocsinError,
    TooManyRequests,
    Unauthenticated,
)
from tocsin.kit.problem_responses import PROBLEM_MEDIA_TYPE

_METHODS = ("get", "post", "put", "patch", "delete")

#: What may be wrong with a body before anybody looks into it.
_BODY_REFUSALS = (RequestTimeout, PayloadTooLarge)

_SECURITY = {Caller.ANYONE: None, Caller.SENDER: API_KEY_SECURITY, Caller.PERSON: ACCESS_TOKEN_SECURITY}


class DescribedOpenAPI(OpenAPI):
    """A description with the access table in it, once somebody reads it: making it takes longer than a start should."""

    # No fields of a description, which are what is made into JSON.
    _schema = None
    _encoded = None

    @classmethod
    def of(cls, description: OpenAPI) -> "DescribedOpenAPI":
        """The frame of a description, whose paths are yet to come."""
        return cls(**{member.name: getattr(description, member.name) for member in fields(description)})

    def to_schema(self) -> dict[str, Any]:
        """The description as JSON, made once."""
        if self._schema is None:
            describe_access(self, RULES)
            self._schema = super().to_schema()
        return self._schema

    def encoded(self) -> bytes:
        """The description's text, made once: anybody may ask for it as often as they like."""
        if self._encoded is None:
            self._encoded = msgspec.json.encode(self.to_schema())
        return self._encoded


def describe_access(description: OpenAPI, rules: Mapping[Endpoint, Rule]) -> None:
    """Say of every described operation which security it takes, and how a call may be refused before it is answered."""
    for path, method, operation in _operations(description):
        rule = rules.get((method.upper(), path))
        if rule is None:
            continue
        operation.security = _SECURITY[rule.caller]
        responses = operation.responses = dict(operation.responses or {})
        for error in (*_refusals(rule), *(_BODY_REFUSALS if operation.request_body else ())):
            responses.setdefault(str(error.status), _response(error))
        if rule.caller is not Caller.ANYONE:
            operation.description = f"{operation.description or ''}\n\n{_in_words(rule)}".strip()


def _operations(description: OpenAPI) -> Iterator[tuple[str, str, Operation]]:
    for path, item in (description.paths or {}).items():
        assert isinstance(item, PathItem)
        for method in _METHODS:
            operation = getattr(item, method)
            if operation is not None:
                yield path, method, operation


def _refusals(rule: Rule) -> Iterator[type[TocsinError]]:
    if rule.caller is not Caller.ANYONE:
        yield Unauthenticated
        yield ServiceUnavailable
    if rule.caller is not Caller.ANYONE:
        yield Forbidden
    if rule.traffic is not Traffic.OPERATIONS:
        yield TooManyRequests


def _response(error: type[TocsinError]) -> OpenAPIResponse:
    media = OpenAPIMediaType(schema=Reference(ref="#/components/schemas/Problem"))
    return OpenAPIResponse(description=f"{error.title} (`{error.slug}`)", content={PROBLEM_MEDIA_TYPE: media})


def _in_words(rule: Rule) -> str:
    if rule.caller is Caller.SENDER:
        return f"With an API key that has the scope `{rule.key_scope}`, in `X-API-Key` or as a bearer token."
    roles = ", ".join(role for role in Role if role in rule.roles)
    if rule.needs_session:
        return f"For the roles {roles}; not with a personal access token."
    if rule.scope is None:
        return f"For the roles {roles}."
    return f"For the roles {roles}; a personal access token needs the scope `{rule.scope}`."
