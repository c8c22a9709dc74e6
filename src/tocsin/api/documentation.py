"""The API's description (OpenAPI 3.1), and two ways to read it that load nothing from elsewhere."""

from collections.abc import Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from litestar import Request, Response, Router, get
from litestar.datastructures import CacheControlHeader, ResponseHeader, State
from litestar.enums import MediaType
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, OpenAPIRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme, Tag
from litestar.params import FromPath

from tocsin import __version__
from tocsin.api.described_access import DescribedOpenAPI
from tocsin.kit.errors import NotFound

DOCUMENTATION_PATH = "/docs"
OPENAPI_MEDIA_TYPE = "application/vnd.oai.openapi+json"

#: The pages hold no script of their own, so this also proves that they load nothing from elsewhere.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_MEDIA_TYPES = {".js": "text/javascript", ".css": "text/css"}
_PAGES = files("tocsin.api") / "pages"
#: Put there by the build hook.
_ASSETS = files("tocsin") / "_static" / "docs"


class OfflinePage(OpenAPIRenderPlugin):
    """A page of ours in place of the framework's, which load from content networks."""

    def __init__(self, path: str | Sequence[str], page: str) -> None:
        super().__init__(path=path, media_type=MediaType.HTML)
        self._page = page

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """The page; it fetches the description itself."""
        return (_PAGES / self._page).read_bytes()


@get(
    "/assets/{name:str}",
    include_in_schema=False,
    cache_control=CacheControlHeader(public=True, max_age=86_400),
)
async def documentation_asset(name: FromPath[str]) -> Response[bytes]:
    """A script or style sheet of the pages.

    Raises:
        NotFound: there is no such file.
    """
    media_type = _MEDIA_TYPES.get(name[name.rfind(".") :])
    file = _asset(name)
    if media_type is None or file is None:
        raise NotFound(f"the documentation has no file {name}")
    return Response(file.read_bytes(), media_type=media_type)


def _asset(name: str) -> Traversable | None:
    # A name with a slash never gets here; one of dots is no file.
    return next((file for file in (_PAGES / name, _ASSETS / name) if file.is_file()), None)


@get("/openapi.json", include_in_schema=False, sync_to_thread=False, media_type=OPENAPI_MEDIA_TYPE)
def openapi_description(request: Request[None, None, State]) -> Response[bytes]:
    """The description of the API."""
    description = request.app.openapi_schema
    assert isinstance(description, DescribedOpenAPI)
    return Response(description.encoded(), media_type=OPENAPI_MEDIA_TYPE)


class DescribedAccess(OpenAPIConfig):
    """A description that says who may call what."""

    def to_openapi_schema(self) -> DescribedOpenAPI:
        """The frame of the description."""
        return DescribedOpenAPI.of(super().to_openapi_schema())


def openapi_config() -> OpenAPIConfig:
    """The description's frame: title, version, how callers show who they are."""
    return DescribedAccess(
        title="Tocsin",
        version=__version__,
        description="A log and incident platform. Errors are problems (RFC 9457), `application/problem+json`.",
        components=Components(
            security_schemes={
                "accessToken": SecurityScheme(
                    type="http", scheme="bearer", bearer_format="JWT", description="From `POST /v1/auth/login`."
                ),
                "apiKey": SecurityScheme(type="apiKey", security_scheme_in="header", name="X-API-Key"),
            }
        ),
        tags=[
            Tag(name="ingest", description="Logs go in."),
            Tag(name="logs", description="Logs are found again."),
            Tag(name="patterns", description="What the logs say, and how often."),
            Tag(name="incidents", description="What goes wrong, from its opening to its end."),
            Tag(name="notifications", description="Who is told of incidents, and how."),
            Tag(name="accounts", description="People, services and their keys."),
            Tag(name="operations", description="Health and metrics of Tocsin itself."),
        ],
        render_plugins=[
            OfflinePage("/scalar", "scalar.html"),
            OfflinePage("/swagger", "swagger.html"),
            JsonRenderPlugin(path="/openapi.json"),
        ],
        openapi_router=Router(
            DOCUMENTATION_PATH,
            route_handlers=[documentation_asset],
            include_in_schema=False,
            response_headers=[ResponseHeader(name="Content-Security-Policy", value=CONTENT_SECURITY_POLICY)],
        ),
    )
