"""What all endpoints of accounts have in common."""

from typing import Any

from litestar import Request
from litestar.datastructures import CacheControlHeader
from litestar.di import Provide
from litestar.types import Dependencies

from tocsin.accounts.guards import provide_accounts, provide_origin, provide_principal
from tocsin.accounts.links import LINK_BASE_STATE, LinkBase
from tocsin.kit.errors import Forbidden, ServiceUnavailable, Unauthenticated

TAGS = ["accounts"]

#: Answers may hold secrets.
NOT_STORED = CacheControlHeader(no_store=True)


async def provide_link_base(request: Request[Any, Any, Any]) -> LinkBase:
    """Dependency: where people reach this server."""
    link_base: LinkBase = request.app.state[LINK_BASE_STATE]
    return link_base


DEPENDENCIES: Dependencies = {
    "accounts": Provide(provide_accounts),
    "principal": Provide(provide_principal),
    "origin": Provide(provide_origin),
    "link_base": Provide(provide_link_base),
}

#: What every endpoint of administration may answer.
COMMON_PROBLEMS = (Unauthenticated, Forbidden, ServiceUnavailable)
