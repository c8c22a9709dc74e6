"""Every error that Tocsin raises on purpose, as one tree.

    TocsinError                      500 internal-error
    ├── InvalidRequest               400 invalid-request
    │   ├── MalformedBody            400 malformed-body
    │   ├── InvalidQuery             400 invalid-query        (start, end, expected, suggestion)
    │   └── InvalidTimeRange         400 invalid-time-range
    ├── Unauthenticated              401 unauthenticated
    ├── Forbidden                    403 forbidden
    ├── NotFound                     404 not-found
    ├── RequestTimeout               408 request-timeout
    ├── Conflict                     409 conflict
    ├── PayloadTooLarge              413 payload-too-large
    ├── UnsupportedMediaType         415 unsupported-media-type
    ├── QueryTooExpensive            422 query-too-expensive  (limit, maximum, advice)
    ├── TooManyRequests              429 too-many-requests    (retry_after_seconds)
    │   └── QuotaExceeded            429 quota-exceeded       (retry_after_seconds)
    ├── HeadTooLarge                 431 head-too-large
    ├── ServiceUnavailable           503 service-unavailable  (retry_after_seconds)
    │   └── StoreUnavailable         503 store-unavailable    (retry_after_seconds)
    ├── QueryTimedOut                504 query-timed-out      (limit, maximum, advice)
    └── StartupError                 500 startup-error        (never served: the process exits with it)
        ├── InvalidSettings          500 invalid-settings
        └── DataDirectoryInUse       500 data-directory-in-use

A class fixes ``slug``, ``status`` and ``title``; the message is the problem's ``detail``. ``api`` turns each into
``application/problem+json`` in one place.
"""

from typing import Any, ClassVar

PROBLEMS_PATH = "/problems"
"""A problem's ``type`` is this and its slug; ``api`` answers there what it means."""


class TocsinError(Exception):
    """Something went wrong that Tocsin knows how to say."""

    slug: ClassVar[str] = "internal-error"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail

    def members(self) -> dict[str, Any]:
        """The problem's extension members, beside type, title, status and detail."""
        return {}

    def problem(self) -> dict[str, Any]:
        """The error as a problem's members, without the ``instance``."""
        return {
            "type": f"{PROBLEMS_PATH}/{self.slug}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            **self.members(),
        }


class InvalidRequest(TocsinError):
    """The request can't be understood as it stands; sending it again won't help."""

    slug = "invalid-request"
    status = 400
    title = "Invalid request"


class MalformedBody(InvalidRequest):
    """The request's body is not what its headers say it is."""

    slug = "malformed-body"
    title = "Malformed body"


class InvalidQuery(InvalidRequest):
    """The query text does not parse; ``start`` and ``end`` are character offsets into it."""

    slug = "invalid-query"
    title = "Invalid query"

    def __init__(
        self,
        detail: str,
        *,
        start: int,
        end: int,
        expected: tuple[str, ...] = (),
        suggestion: str | None = None,
    ) -> None:
        super().__init__(detail)
        self.start = start
        self.end = end
        self.expected = expected
        self.suggestion = suggestion

    def members(self) -> dict[str, Any]:
        """Where in the query the error is, and what would be right there."""
        return {
            "start": self.start,
            "end": self.end,
            "expected": list(self.expected),
            "suggestion": self.suggestion,
        }


class InvalidTimeRange(InvalidRequest):
    """A time bound does not parse, or the range is empty."""

    slug = "invalid-time-range"
    title = "Invalid time range"


class Unauthenticated(TocsinError):
    """The caller did not say who they are, or what they showed is not valid."""

    slug = "unauthenticated"
    status = 401
    title = "Not authenticated"


class Forbidden(TocsinError):
    """The caller is known and may not do this."""

    slug = "forbidden"
    status = 403
    title = "Forbidden"


class NotFound(TocsinError):
    """There is no such thing, or not in the caller's organization."""

    slug = "not-found"
    status = 404
    title = "Not found"


class RequestTimeout(TocsinError):
    """The client did not send its request in time, or sent it too slowly."""

    slug = "request-timeout"
    status = 408
    title = "Request timeout"


class Conflict(TocsinError):
    """The thing has changed since the caller last saw it, or it exists already."""

    slug = "conflict"
    status = 409
    title = "Conflict"


class PayloadTooLarge(TocsinError):
    """The body, as sent or as decompressed, is over its limit."""

    slug = "payload-too-large"
    status = 413
    title = "Payload too large"


class UnsupportedMediaType(TocsinError):
    """The content type or encoding is not one that the endpoint reads."""

    slug = "unsupported-media-type"
    status = 415
    title = "Unsupported media type"


class _OverLimit(TocsinError):
    """A query met one of its limits."""

    def __init__(
        self, detail: str, *, limit: str | None = None, maximum: float | None = None, advice: tuple[str, ...] = ()
    ) -> None:
        super().__init__(detail)
        self.limit = limit
        self.maximum = maximum
        self.advice = advice

    def members(self) -> dict[str, Any]:
        """Which limit it was, how much it allows, and what would make the query cheaper."""
        return {"limit": self.limit, "maximum": self.maximum, "advice": list(self.advice)}


class QueryTooExpensive(_OverLimit):
    """The query would cost more memory than one query may use; ``advice`` says how to narrow it."""

    slug = "query-too-expensive"
    status = 422
    title = "Query too expensive"


class _RetryLater(TocsinError):
    """An error that a later try may not meet; the answer carries ``Retry-After``."""

    def __init__(self, detail: str, *, retry_after_seconds: int = 1) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds

    def members(self) -> dict[str, Any]:
        """When to try again, in seconds."""
        return {"retry_after_seconds": self.retry_after_seconds}


class TooManyRequests(_RetryLater):
    """The caller, or all callers together, ask for more than there is room for."""

    slug = "too-many-requests"
    status = 429
    title = "Too many requests"


class QuotaExceeded(TooManyRequests):
    """The organization has sent all that it may send in a day; the next one begins at midnight UTC."""

    slug = "quota-exceeded"
    title = "Daily quota exceeded"


class HeadTooLarge(TocsinError):
    """The request's line and headers are over their limit."""

    slug = "head-too-large"
    status = 431
    title = "Request head too large"


class ServiceUnavailable(_RetryLater):
    """A part that the request needs is not there right now."""

    slug = "service-unavailable"
    status = 503
    title = "Service unavailable"


class StoreUnavailable(ServiceUnavailable):
    """The log store can't be reached, or can't take more right now."""

    slug = "store-unavailable"
    title = "Log store unavailable"


class QueryTimedOut(_OverLimit):
    """The query ran longer than a query may; ``advice`` says how to narrow it."""

    slug = "query-timed-out"
    status = 504
    title = "Query timed out"


class StartupError(TocsinError):
    """The process can't start; its message is all that the operator sees."""

    slug = "startup-error"
    title = "Tocsin can't start"


class InvalidSettings(StartupError):
    """A setting has a value that it can't have."""

    slug = "invalid-settings"
    title = "Invalid settings"


class DataDirectoryInUse(StartupError):
    """Another process owns the data directory."""

    slug = "data-directory-in-use"
    title = "Data directory in use"
