"""Whose rows a session sees."""

from enum import Enum
from typing import Final, Literal, TypeAlias
from uuid import UUID

from sqlalchemy import text


class _Everyone(Enum):
    ALL = "*"


ALL_ORGANIZATIONS: Final = _Everyone.ALL
"""The scope of what is not yet, or not at all, one organization's: signing in, looking up a key, cleaning up."""

Scope: TypeAlias = UUID | Literal[_Everyone.ALL]
"""The organization whose rows a session sees, or ``ALL_ORGANIZATIONS``."""

SETTING = "tocsin.organization_id"
"""PostgreSQL's setting with the scope of a transaction; the policies of ``row_security`` compare rows with it."""

SET_SCOPE = text(f"SELECT set_config('{SETTING}', :scope, true)")


def scope_text(scope: Scope) -> str:
    """A scope as ``SET_SCOPE`` takes it."""
    return scope.value if isinstance(scope, _Everyone) else str(scope)
