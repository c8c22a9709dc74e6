"""Declares in OpenAPI which errors an endpoint answers with."""

from collections.abc import Iterable
from itertools import groupby
from operator import attrgetter

import msgspec
from litestar.openapi.datastructures import ResponseSpec

from tocsin.kit.errors import TocsinError

PROBLEM_MEDIA_TYPE = "application/problem+json"


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """What went wrong (RFC 9457). Branch on ``type``; some types have further members."""

    type: str
    title: str
    status: int
    detail: str
    instance: str


def problem_responses(*errors: type[TocsinError]) -> dict[int, ResponseSpec]:
    """The ``responses`` of an endpoint that raises these errors."""
    by_status: Iterable[tuple[int, Iterable[type[TocsinError]]]] = groupby(
        sorted(errors, key=attrgetter("status")), key=attrgetter("status")
    )
    return {
        status: ResponseSpec(
            data_container=Problem,
            generate_examples=False,
            description="; ".join(f"{error.title} (`{error.slug}`)" for error in same_status),
            media_type=PROBLEM_MEDIA_TYPE,
        )
        for status, same_status in by_status
    }
