"""Two organizations with everything in them, and everybody who might call."""

from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID, uuid4

from tests.api.conftest import API_KEY, PASSWORD
from tocsin.accounts.access_tokens import AccessTokens
from tocsin.accounts.contracts import Origin, Principal, Role, Scope
from tocsin.accounts.signing_keys import load_signing_keys
from tocsin.kit.clock import SystemClock, utc_now
from tocsin.wiring import Components

DESK = Origin("192.0.2.7")
STRANGE_PASSWORD = "a password of twelve"


@dataclass(frozen=True)
class Callers:
    """The people of the first organization, and the administrator of another."""

    components: Components
    people: dict[Role, Principal]
    foreign_admin: Principal

    def token(self, principal: Principal) -> str:
        """An access token of a session of its own: no call can end another's."""
        keys = load_signing_keys(self.components.settings.server.data_dir)
        return AccessTokens(keys, SystemClock()).mint(replace(principal, session_id=uuid4())).token

    def of(self, role: Role) -> dict[str, str]:
        """The header of a member of the first organization."""
        return bearer(self.token(self.people[role]))

    def foreign(self) -> dict[str, str]:
        """The header of the other organization's administrator."""
        return bearer(self.token(self.foreign_admin))

    def with_one_time_password(self) -> dict[str, str]:
        """The header of an administrator who has yet to change their password."""
        return bearer(self.token(replace(self.people[Role.ADMIN], password_change_required=True)))

    async def with_personal_token(self, *scopes: Scope) -> dict[str, str]:
        """The header of a program of the administrator's."""
        issued = await self.components.accounts.personal_tokens.create(
            self.people[Role.ADMIN],
            name="a program",
            scopes=scopes,
            expires_at=utc_now(SystemClock()) + timedelta(days=1),
        )
        return bearer(issued.secret)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def sender() -> dict[str, str]:
    """The header of a sender of the first organization."""
    return {"X-API-Key": API_KEY}


async def make_callers(components: Components) -> Callers:
    """Everybody, made in the way that people are."""
    accounts = components.accounts
    admin = await _principal(components, (await accounts.login("admin@localhost", PASSWORD, DESK)).access.token)
    people = {Role.ADMIN: admin}
    for role in (Role.DEVELOPER, Role.VIEWER):
        people[role] = await _invited(components, admin, f"{role.lower()}@example.com", role)
    elsewhere = await accounts.organizations.create(admin, name="Elsewhere")
    there = replace(admin, organization_id=elsewhere.id)
    foreign_admin = await _invited(components, there, "foreign@example.com", Role.ADMIN)
    return Callers(components, people, foreign_admin)


async def _invited(components: Components, by: Principal, email: str, role: Role) -> Principal:
    _, link = await components.accounts.invitations.invite(by, email=email, role=role)
    sign_in = await components.accounts.invitations.accept(link.token, STRANGE_PASSWORD, DESK)
    return await _principal(components, sign_in.access.token)


async def _principal(components: Components, token: str) -> Principal:
    return await components.accounts.principal_of(token)


def some_id() -> UUID:
    """An id that nothing has."""
    return uuid4()
