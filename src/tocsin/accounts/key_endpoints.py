"""The organization's services, and the API keys that their logs are sent with."""

from datetime import timedelta
from uuid import UUID

from litestar import Controller, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from tocsin.accounts.administration_schemas import (
    ApiKeyResponse,
    ApiKeysResponse,
    ChangeServiceRequest,
    CreateKeyRequest,
    CreateServiceRequest,
    IssuedKeyResponse,
    RotateKeyRequest,
    ServiceResponse,
    ServicesResponse,
)
from tocsin.accounts.contracts import Principal, Service
from tocsin.accounts.endpoint_parts import COMMON_PROBLEMS, DEPENDENCIES, NOT_STORED, TAGS
from tocsin.accounts.guards import ACCESS_TOKEN_SECURITY
from tocsin.accounts.people_endpoints import changed_or
from tocsin.accounts.service import AccountsService
from tocsin.accounts.services import ServiceDraft
from tocsin.kit.errors import Conflict, InvalidRequest, NotFound
from tocsin.kit.problem_responses import problem_responses

Accounts = NamedDependency[AccountsService]
Caller = NamedDependency[Principal]


class ServicesController(Controller):
    """The organization's services."""

    path = "/v1/services"
    tags = TAGS
    security = ACCESS_TOKEN_SECURITY
    dependencies = DEPENDENCIES

    @get(summary="List services", responses=problem_responses(*COMMON_PROBLEMS))
    async def list_services(self, accounts: Accounts, principal: Caller) -> ServicesResponse:
        """Every service of the organization, by name."""
        services = await accounts.services.all_of(principal.organization_id)
        return ServicesResponse(services=[ServiceResponse.of(service) for service in services])

    @post(
        summary="Register a service",
        responses=problem_responses(InvalidRequest, Conflict, *COMMON_PROBLEMS),
    )
    async def create_service(
        self, data: JSONBody[CreateServiceRequest], accounts: Accounts, principal: Caller
    ) -> ServiceResponse:
        """Register a service before its first log."""
        draft = ServiceDraft(
            owner=data.owner,
            labels=data.labels,
            retention_class=data.retention_class,
            repository_url=data.repository_url,
            active=data.active,
        )
        return ServiceResponse.of(await accounts.services.create(principal.organization_id, data.name, draft))

    @get(
        "/{service_id:uuid}",
        summary="Get a service",
        responses=problem_responses(InvalidRequest, NotFound, *COMMON_PROBLEMS),
    )
    async def get_service(self, service_id: FromPath[UUID], accounts: Accounts, principal: Caller) -> ServiceResponse:
        """The service with this id."""
        return ServiceResponse.of(await accounts.services.get(principal.organization_id, service_id))

    @patch(
        "/{service_id:uuid}",
        summary="Change a service",
        responses=problem_responses(InvalidRequest, NotFound, *COMMON_PROBLEMS),
    )
    async def change_service(
        self, service_id: FromPath[UUID], data: JSONBody[ChangeServiceRequest], accounts: Accounts, principal: Caller
    ) -> ServiceResponse:
        """Say something else of a service; one that is made inactive takes no more logs within five seconds."""

        def changed(now: Service) -> ServiceDraft:
            return ServiceDraft(
                owner=changed_or(data.owner, now.owner),
                labels=changed_or(data.labels, dict(now.labels)),
                retention_class=changed_or(data.retention_class, now.retention_class),
                repository_url=changed_or(data.repository_url, now.repository_url),
                active=changed_or(data.active, now.active),
            )

        return ServiceResponse.of(await accounts.services.change(principal.organization_id, service_id, changed))

    @delete(
        "/{service_id:uuid}",
        summary="Forget a service",
        responses=problem_responses(InvalidRequest, NotFound, *COMMON_PROBLEMS),
    )
    async def delete_service(self, service_id: FromPath[UUID], accounts: Accounts, principal: Caller) -> None:
        """Forget what was said of a service. Its logs stay, and a further log registers it anew."""
        await accounts.services.delete(principal.organization_id, service_id)


class KeysController(Controller):
    """The organization's API keys, for administrators."""

    path = "/v1/keys"
    tags = TAGS
    cache_control = NOT_STORED
    security = ACCESS_TOKEN_SECURITY
    dependencies = DEPENDENCIES

    @get(summary="List API keys", responses=problem_responses(*COMMON_PROBLEMS))
    async def list_keys(self, accounts: Accounts, principal: Caller) -> ApiKeysResponse:
        """Every API key of the organization, newest first, revoked ones too."""
        keys = await accounts.keys.list(principal.organization_id)
        return ApiKeysResponse(keys=tuple(ApiKeyResponse.of(key) for key in keys))

    @post(summary="Create an API key", responses=problem_responses(InvalidRequest, *COMMON_PROBLEMS))
    async def create_key(
        self, data: JSONBody[CreateKeyRequest], accounts: Accounts, principal: Caller
    ) -> IssuedKeyResponse:
        """Issue an API key. Its secret is in this answer and can't be shown again."""
        # First, since a key whose secret never reached anybody would be there for nothing.
        await accounts.services.register(principal.organization_id, [data.default_service])
        issued = await accounts.keys.create(
            principal.organization_id,
            name=data.name,
            default_service=data.default_service,
            allows_other_services=data.allows_other_services,
            scopes=frozenset(data.scopes),
            expires_at=data.expires_at,
        )
        return IssuedKeyResponse.of(issued)

    @post(
        "/{key_id:uuid}/rotate",
        summary="Replace an API key",
        responses=problem_responses(InvalidRequest, NotFound, Conflict, *COMMON_PROBLEMS),
    )
    async def rotate_key(
        self, key_id: FromPath[UUID], data: JSONBody[RotateKeyRequest], accounts: Accounts, principal: Caller
    ) -> IssuedKeyResponse:
        """Issue a key in the place of another, which works on for a while: no sender is refused in between."""
        overlap = timedelta(seconds=data.overlap_seconds)
        return IssuedKeyResponse.of(await accounts.keys.rotate(principal.organization_id, key_id, overlap=overlap))

    @delete(
        "/{key_id:uuid}",
        summary="Revoke an API key",
        responses=problem_responses(InvalidRequest, NotFound, *COMMON_PROBLEMS),
    )
    async def revoke_key(self, key_id: FromPath[UUID], accounts: Accounts, principal: Caller) -> None:
        """Make a key invalid for good, in every process within five seconds."""
        await accounts.keys.revoke(principal.organization_id, key_id)
