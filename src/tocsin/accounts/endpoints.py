"""The HTTP endpoints of accounts: what ``api`` mounts."""

from tocsin.accounts.auth_endpoints import OwnController, SignInController
from tocsin.accounts.key_endpoints import KeysController, ServicesController
from tocsin.accounts.people_endpoints import InvitationsController, OrganizationsController, UsersController

ROUTE_HANDLERS = (
    SignInController,
    OwnController,
    OrganizationsController,
    UsersController,
    InvitationsController,
    ServicesController,
    KeysController,
)
