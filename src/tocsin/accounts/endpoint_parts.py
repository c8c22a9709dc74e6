"""What all endpoints of accounts have in common."""

from litestar.datastructures import CacheControlHeader
from litestar.di import Provide
from litestar.types import Dependencies

from tocsin.accounts.guards import provide_accounts, provide_origin, provide_principal
from tocsin.kit.errors import Forbidden, ServiceUnavailable, Unauthenticated

TAGS = ["accounts"]

#: Answers may hold secrets.
NOT_STORED = CacheControlHeader(no_store=True)

DEPENDENCIES: Dependencies = {
    "accounts": Provide(provide_accounts),
    "principal": Provide(provide_principal),
    "origin": Provide(provide_origin),
}

#: What every endpoint of administration may answer.
COMMON_PROBLEMS = (Unauthenticated, Forbidden, ServiceUnavailable)
