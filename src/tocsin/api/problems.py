"""Every error as ``application/problem+json`` (RFC 9457), made in one place."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import msgspec
import structlog
from litestar import Request, Response, get
from litestar.enums import MediaType
from litestar.exceptions import HTTPException, SerializationException, ValidationException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.types import ExceptionHandlersMap

from tocsin.api.validation_words import in_words, validation_detail
from tocsin.kit.errors import (
    PROBLEMS_PATH,
    InvalidRequest,
    MalformedBody,
    NotFound,
    PayloadTooLarge,
    TocsinError,
)
from tocsin.kit.problem_responses import PROBLEM_MEDIA_TYPE

log = structlog.get_logger()

AnyRequest = Request[Any, Any, Any]


class MethodNotAllowed(TocsinError):
    """There is something at this path, and it does not answer this method."""

    slug = "method-not-allowed"
    status = 405
    title = "Method not allowed"


def _tree(root: type[TocsinError]) -> Iterator[type[TocsinError]]:
    yield root
    for child in root.__subclasses__():
        yield from _tree(child)


def _class_of(status: int) -> type[TocsinError]:
    """The most general error with this status."""
    return next((error for error in _tree(TocsinError) if error.status == status), TocsinError)


def problem(
    request: AnyRequest, error: TocsinError, *, headers: dict[str, str] | None = None, **members: Any
) -> Response[bytes]:
    """An error as the answer to a request."""
    body = {**error.problem(), "instance": request.scope["path"], **members}
    headers = dict(headers or {})
    retry_after_seconds = getattr(error, "retry_after_seconds", None)
    if retry_after_seconds is not None:
        headers["Retry-After"] = str(retry_after_seconds)
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(msgspec.json.encode(body), status_code=error.status, media_type=PROBLEM_MEDIA_TYPE, headers=headers)


def answer_tocsin_error(request: AnyRequest, error: TocsinError) -> Response[bytes]:
    """An error that Tocsin raised on purpose."""
    if error.status == TocsinError.status:
        return answer_unexpected(request, error)
    return problem(request, error)


def answer_http_exception(request: AnyRequest, exception: HTTPException) -> Response[bytes]:
    """An error of the HTTP layer: no such path, a parameter of the wrong type, a body that is too large."""
    if exception.status_code >= 500:
        # The framework says so too when a client goes away in the middle of its body.
        log.warning("api.request_failed", path=request.scope["path"], detail=exception.detail)
    if isinstance(exception, ValidationException):
        arguments = request.scope["route_handler"].parsed_fn_signature.parameters
        return problem(request, InvalidRequest(validation_detail(exception, arguments)))
    if exception.status_code == PayloadTooLarge.status:
        return problem(request, PayloadTooLarge(_too_large(request) or exception.detail))
    if isinstance(exception.__cause__, SerializationException):
        return problem(request, MalformedBody(exception.detail))
    if exception.status_code == NotFound.status:
        return problem(request, NotFound(f"there is nothing at {request.scope['path']}"))
    if exception.status_code == MethodNotAllowed.status:
        what = f"{request.scope['path']} does not answer {request.scope['method']}"
        return problem(request, MethodNotAllowed(what), headers=exception.headers)
    return problem(request, _class_of(exception.status_code)(exception.detail), headers=exception.headers)


def _too_large(request: AnyRequest) -> str | None:
    handler = request.scope["route_handler"]
    max_bytes = handler.resolve_request_max_body_size() if isinstance(handler, HTTPRouteHandler) else None
    if max_bytes is None:
        return None
    return f"the body of a request to {request.scope['path']} has at most {max_bytes:,} bytes"


def answer_validation_error(request: AnyRequest, error: msgspec.ValidationError) -> Response[bytes]:
    """A body that is JSON, and not the JSON that the endpoint takes."""
    return problem(request, InvalidRequest(in_words(str(error))))


def answer_decode_error(request: AnyRequest, error: msgspec.DecodeError) -> Response[bytes]:
    """A body that is not JSON."""
    return problem(request, MalformedBody(str(error)))


def answer_unexpected(request: AnyRequest, error: Exception) -> Response[bytes]:
    """A defect: the answer carries an id, and the log has the rest under it."""
    error_id = str(uuid4())
    log.error("api.unexpected_error", error_id=error_id, path=request.scope["path"], exc_info=error)
    hidden = TocsinError(f"something went wrong on this side; Tocsin's own log says what, under {error_id}")
    return problem(request, hidden, error_id=error_id)


# Order does not matter: the handler of the most specific class wins.
EXCEPTION_HANDLERS: ExceptionHandlersMap = {
    TocsinError: answer_tocsin_error,
    HTTPException: answer_http_exception,
    msgspec.ValidationError: answer_validation_error,
    msgspec.DecodeError: answer_decode_error,
    Exception: answer_unexpected,
}


@get(f"{PROBLEMS_PATH}/{{slug:str}}", media_type=MediaType.TEXT, sync_to_thread=False, include_in_schema=False)
def describe_problem(slug: FromPath[str]) -> str:
    """What a problem's ``type`` means; the type's URL leads here."""
    for error in _tree(TocsinError):
        if error.slug == slug:
            summary = (error.__doc__ or "").partition("\n")[0]
            return f"{error.title} ({error.status})\n\n{summary}\n"
    raise NotFound(f"there is no problem named {slug}")
