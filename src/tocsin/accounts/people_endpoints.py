"""Organizations, their users, and who is invited."""

from dataclasses import replace
from typing import TypeVar
from uuid import UUID

from litestar import Controller, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, SkipValidation
from msgspec import UNSET, UnsetType

from tocsin.accounts.administration_schemas import (
    ChangeOrganizationRequest,
    ChangeUserRequest,
    CreateOrganizationRequest,
    InvitationResponse,
    InvitationsResponse,
    InviteRequest,
    MemberResponse,
    MembershipResponse,
    MembersResponse,
    NewInvitationResponse,
    OrganizationResponse,
    OrganizationsResponse,
    PasswordLinkResponse,
)
from tocsin.accounts.contracts import Organization, PasswordLink, Principal
from tocsin.accounts.endpoint_parts import COMMON_PROBLEMS, DEPENDENCIES, NOT_STORED, TAGS
from tocsin.accounts.guards import ACCESS_TOKEN_SECURITY
from tocsin.accounts.links import LinkBase
from tocsin.accounts.service import AccountsService
from tocsin.kit.errors import Conflict, InvalidRequest, NotFound
from tocsin.kit.problem_responses import problem_responses

Accounts = NamedDependency[AccountsService]
Caller = NamedDependency[Principal]
Links = NamedDependency[SkipValidation[LinkBase]]

_Value = TypeVar("_Value")


class OrganizationsController(Controller):
    """The organizations that the caller is in."""

    tags = TAGS
    cache_control = NOT_STORED
    security = ACCESS_TOKEN_SECURITY
    dependencies = DEPENDENCIES

    @get("/v1/organizations", summary="List my organizations", responses=problem_responses(*COMMON_PROBLEMS))
    async def list_organizations(self, accounts: Accounts, principal: Caller) -> OrganizationsResponse:
        """The organizations that the caller is in, the oldest first, with their role there."""
        theirs = await accounts.organizations.of(principal)
        return OrganizationsResponse(
            organizations=[
                MembershipResponse(organization=OrganizationResponse.of(organization), role=role)
                for organization, role in theirs
            ]
        )

    @post(
        "/v1/organizations",
        summary="Create an organization",
        responses=problem_responses(InvalidRequest, Conflict, *COMMON_PROBLEMS),
    )
    async def create_organization(
        self, data: JSONBody[CreateOrganizationRequest], accounts: Accounts, principal: Caller
    ) -> OrganizationResponse:
        """Make an organization; the caller administers it, and gets there by ``POST /v1/auth/switch``."""
        return OrganizationResponse.of(await accounts.organizations.create(principal, name=data.name))

    @get("/v1/organization", summary="Get this organization", responses=problem_responses(NotFound, *COMMON_PROBLEMS))
    async def get_organization(self, accounts: Accounts, principal: Caller) -> OrganizationResponse:
        """The organization that the caller acts in."""
        return OrganizationResponse.of(await accounts.organizations.get(principal.organization_id))

    @patch(
        "/v1/organization",
        summary="Change this organization",
        responses=problem_responses(InvalidRequest, NotFound, *COMMON_PROBLEMS),
    )
    async def change_organization(
        self, data: JSONBody[ChangeOrganizationRequest], accounts: Accounts, principal: Caller
    ) -> OrganizationResponse:
        """Give the organization another name or daily quota."""

        def changed(now: Organization) -> Organization:
            quota = changed_or(data.daily_quota_bytes, now.daily_quota_bytes)
            return replace(now, name=changed_or(data.name, now.name), daily_quota_bytes=quota)

        return OrganizationResponse.of(await accounts.organizations.change(principal.organization_id, changed))


class UsersController(Controller):
    """The people of the organization."""

    path = "/v1/users"
    tags = TAGS
    cache_control = NOT_STORED
    security = ACCESS_TOKEN_SECURITY
    dependencies = DEPENDENCIES

    @get(summary="List users", responses=problem_responses(*COMMON_PROBLEMS))
    async def list_users(self, accounts: Accounts, principal: Caller) -> MembersResponse:
        """Everybody in the organization, by e-mail address."""
        members = await accounts.users.all_of(principal.organization_id)
        return MembersResponse(users=[MemberResponse.of(member) for member in members])

    @patch(
        "/{user_id:uuid}",
        status_code=204,
        summary="Change a user's role",
        responses=problem_responses(InvalidRequest, NotFound, Conflict, *COMMON_PROBLEMS),
    )
    async def change_user(
        self, user_id: FromPath[UUID], data: JSONBody[ChangeUserRequest], accounts: Accounts, principal: Caller
    ) -> None:
        """Let a person do more or less, everywhere within five seconds."""
        await accounts.users.change_role(principal.organization_id, user_id, data.role)

    @delete(
        "/{user_id:uuid}",
        summary="Remove a user",
        responses=problem_responses(InvalidRequest, NotFound, Conflict, *COMMON_PROBLEMS),
    )
    async def remove_user(self, user_id: FromPath[UUID], accounts: Accounts, principal: Caller) -> None:
        """Take a person out of the organization; their sessions and tokens in it end within five seconds."""
        await accounts.users.remove(principal.organization_id, user_id)

    @post(
        "/{user_id:uuid}/logout",
        status_code=204,
        summary="Sign a user out",
        responses=problem_responses(InvalidRequest, NotFound, *COMMON_PROBLEMS),
    )
    async def sign_out_user(self, user_id: FromPath[UUID], accounts: Accounts, principal: Caller) -> None:
        """End a person's sessions in the organization."""
        await accounts.users.sign_out(principal.organization_id, user_id)

    @post(
        "/{user_id:uuid}/password-reset",
        summary="Make a link to reset a password",
        responses=problem_responses(InvalidRequest, NotFound, *COMMON_PROBLEMS),
    )
    async def reset_user_password(
        self, user_id: FromPath[UUID], accounts: Accounts, principal: Caller, link_base: Links
    ) -> PasswordLinkResponse:
        """A link by which a person chooses a new password, good for a day and one use; pass it on yourself."""
        link = await accounts.users.reset_link(principal, user_id)
        return _link_response(link, link_base.reset(link.token))


class InvitationsController(Controller):
    """Who is invited into the organization."""

    path = "/v1/invitations"
    tags = TAGS
    cache_control = NOT_STORED
    security = ACCESS_TOKEN_SECURITY
    dependencies = DEPENDENCIES

    @get(summary="List invitations", responses=problem_responses(*COMMON_PROBLEMS))
    async def list_invitations(self, accounts: Accounts, principal: Caller) -> InvitationsResponse:
        """The invitations that wait, newest first."""
        waiting = await accounts.invitations.all_of(principal.organization_id)
        return InvitationsResponse(invitations=[InvitationResponse.of(each) for each in waiting])

    @post(summary="Invite a person", responses=problem_responses(InvalidRequest, Conflict, *COMMON_PROBLEMS))
    async def invite(
        self, data: JSONBody[InviteRequest], accounts: Accounts, principal: Caller, link_base: Links
    ) -> NewInvitationResponse:
        """Invite a person; the link is good for a week and one use, and is yours to pass on."""
        invitation, link = await accounts.invitations.invite(principal, email=data.email, role=data.role)
        return NewInvitationResponse(
            invitation=InvitationResponse.of(invitation),
            link=_link_response(link, link_base.invitation(link.token)),
        )

    @delete(
        "/{invitation_id:uuid}",
        summary="Withdraw an invitation",
        responses=problem_responses(InvalidRequest, NotFound, *COMMON_PROBLEMS),
    )
    async def withdraw_invitation(self, invitation_id: FromPath[UUID], accounts: Accounts, principal: Caller) -> None:
        """End an invitation that waits."""
        await accounts.invitations.withdraw(principal.organization_id, invitation_id)


def changed_or(value: _Value | UnsetType, now: _Value) -> _Value:
    """What a request says, or what is so now where it says nothing."""
    return now if value is UNSET or isinstance(value, UnsetType) else value


def _link_response(link: PasswordLink, url: str) -> PasswordLinkResponse:
    return PasswordLinkResponse(email=link.email, link=url, token=link.token, expires_at=link.expires_at)
