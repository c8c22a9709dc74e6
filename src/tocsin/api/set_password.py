"""``/set-password``: where the links of invitations and password resets lead."""

from importlib.resources import files

from litestar import Response, Router, get
from litestar.datastructures import CacheControlHeader, ResponseHeader
from litestar.enums import MediaType
from litestar.params import FromPath

from tocsin.accounts.links import SET_PASSWORD_PATH
from tocsin.kit.errors import NotFound

#: What the page reads and sends goes to this server and nowhere else; nothing written into it could run.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_MEDIA_TYPES = {"form.css": "text/css", "form.js": "text/javascript"}
_FILES = files("tocsin.api") / "pages" / "set-password"


@get(
    include_in_schema=False,
    media_type=MediaType.HTML,
    cache_control=CacheControlHeader(no_store=True),
    sync_to_thread=False,
)
def set_password_page() -> bytes:
    """The form. It reads the link's token from behind the ``#``, which no server ever sees."""
    return (_FILES / "page.html").read_bytes()


@get(
    "/{name:str}",
    include_in_schema=False,
    # Asked for anew each time, so that a form never meets the script of another version.
    cache_control=CacheControlHeader(no_cache=True),
    sync_to_thread=False,
)
def set_password_asset(name: FromPath[str]) -> Response[bytes]:
    """The form's script or style sheet.

    Raises:
        NotFound: there is no such file.
    """
    media_type = _MEDIA_TYPES.get(name)
    if media_type is None:
        raise NotFound(f"the form has no file {name}")
    return Response((_FILES / name).read_bytes(), media_type=media_type)


router = Router(
    SET_PASSWORD_PATH,
    route_handlers=[set_password_page, set_password_asset],
    include_in_schema=False,
    response_headers=[ResponseHeader(name="Content-Security-Policy", value=CONTENT_SECURITY_POLICY)],
)
