"""The HTTP application: the rooms' routes, and what all of them share."""

from collections.abc import Callable, Mapping

from litestar import Litestar, Router
from litestar.config.cors import CORSConfig
from litestar.datastructures import State
from litestar.di import Provide

from tocsin.accounts.access import Rule
from tocsin.accounts.endpoints import ROUTE_HANDLERS as ACCOUNTS_ROUTES
from tocsin.accounts.guards import ACCESS_TOKEN_SECURITY, ACCOUNTS_STATE, provide_principal
from tocsin.accounts.links import LINK_BASE_STATE, LinkBase
from tocsin.api.access import AccessGuard, add_limit_headers
from tocsin.api.access_rules import RULES, Endpoint
from tocsin.api.documentation import openapi_config, openapi_description
from tocsin.api.edges import with_edges
from tocsin.api.operations import healthz, home, metrics, readyz, status
from tocsin.api.problems import EXCEPTION_HANDLERS, describe_problem
from tocsin.api.set_password import router as set_password_router
from tocsin.incidents.correction_endpoints import CorrectionsController
from tocsin.incidents.endpoints import IncidentsController
from tocsin.incidents.live_endpoints import LiveIncidents, live_incidents
from tocsin.ingest.endpoints import BODY_LIMITS_STATE, INGEST_STATE, BodyLimits
from tocsin.ingest.endpoints import router as ingest_router
from tocsin.notifications.endpoints import NotificationsController
from tocsin.notifications.incoming.endpoints import router as incoming_router
from tocsin.patterns.endpoints import PatternEditsController
from tocsin.search.comparing_endpoints import ComparingController
from tocsin.search.endpoints import LogsController
from tocsin.search.exploring_endpoints import ExploringController
from tocsin.search.export_endpoints import ExportController
from tocsin.search.live_endpoints import LiveSockets, live_logs
from tocsin.search.meaning_endpoints import MeaningController
from tocsin.search.pattern_detail_endpoints import PatternDetailsController
from tocsin.search.pattern_endpoints import PatternsController
from tocsin.search.plain_words_endpoints import PlainWordsController
from tocsin.search.saved_search_endpoints import SavedSearchesController
from tocsin.wiring import Components, Reading

#: Bodies of every endpoint but the intake, which has limits of its own.
MAX_BODY_BYTES = 1024 * 1024


def create_app(components: Components, *, rules: Mapping[Endpoint, Rule] = RULES) -> Litestar:
    """The application over parts that are started; closing them is for whoever built them.

    ``rules`` say who may call what: an endpoint without one answers nobody.
    """

    def provide_components() -> Components:
        return components

    edge = components.settings.edge
    live_sockets = LiveSockets(
        components.live_tail, components.reading.questions, allowed_origins=frozenset(edge.cors_origins)
    )
    live_incident_sockets = LiveIncidents(components.incidents, allowed_origins=frozenset(edge.cors_origins))

    def provide_live_sockets() -> LiveSockets:
        return live_sockets

    limits = components.settings.ingest
    for_people = Router(
        "/",
        route_handlers=[
            status,
            LogsController,
            ExploringController,
            ComparingController,
            MeaningController,
            ExportController,
            PatternsController,
            PatternDetailsController,
            PlainWordsController,
            PatternEditsController,
            SavedSearchesController,
            IncidentsController,
            CorrectionsController,
            NotificationsController,
        ],
        dependencies={"principal": Provide(provide_principal)},
        security=ACCESS_TOKEN_SECURITY,
    )
    application = Litestar(
        route_handlers=[
            home,
            healthz,
            readyz,
            metrics,
            openapi_description,
            describe_problem,
            set_password_router,
            *ACCOUNTS_ROUTES,
            ingest_router,
            incoming_router,
            for_people,
            live_logs,
            live_incidents,
        ],
        state=State(
            {
                ACCOUNTS_STATE: components.accounts,
                LINK_BASE_STATE: LinkBase(components.settings.public_url),
                INGEST_STATE: components.ingest,
                BODY_LIMITS_STATE: BodyLimits(
                    max_bytes=limits.max_body_bytes, max_decompressed_bytes=limits.max_decompressed_bytes
                ),
            }
        ),
        dependencies={
            "components": Provide(provide_components, sync_to_thread=False),
            "live_sockets": Provide(provide_live_sockets, sync_to_thread=False),
            "live_incident_sockets": Provide(_given(live_incident_sockets), sync_to_thread=False),
            "notifications": Provide(_given(components.notifications), sync_to_thread=False),
            "incoming": Provide(_given(components.incoming), sync_to_thread=False),
            "notification_settings": Provide(_given(components.notification_settings), sync_to_thread=False),
            "incidents_service": Provide(_given(components.incidents), sync_to_thread=False),
            "patterns_service": Provide(_given(components.patterns), sync_to_thread=False),
            **_reading(components.reading),
        },
        guards=[AccessGuard(components.limiter, components.settings.limits, rules=rules)],
        before_send=[add_limit_headers],
        exception_handlers=EXCEPTION_HANDLERS,
        openapi_config=openapi_config(),
        request_max_body_size=MAX_BODY_BYTES,
        cors_config=_cors(edge.cors_origins),
        # Logging and exceptions are ours; the framework's own set-up would replace both.
        logging_config=None,
        debug=False,
    )
    # Middleware of the framework is not in the way of a path that it does not know.
    application.asgi_handler = with_edges(application.asgi_handler, slow_client_seconds=edge.slow_client_seconds)
    return application


def _cors(origins: tuple[str, ...]) -> CORSConfig | None:
    """What pages of other sites may do; credentials are headers that the page itself must know, never cookies."""
    if not origins:
        return None
    return CORSConfig(
        allow_origins=list(origins),
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "Content-Encoding", "Idempotency-Key", "X-API-Key"],
        expose_headers=[
            "Content-Disposition",
            "RateLimit-Limit",
            "RateLimit-Remaining",
            "RateLimit-Reset",
            "Retry-After",
        ],
    )


def _reading(reading: Reading) -> dict[str, Provide]:
    services = {
        "search_service": reading.search,
        "exploration_service": reading.exploration,
        "comparison_service": reading.comparison,
        "context_service": reading.context,
        "export_service": reading.export,
        "pattern_listing": reading.patterns,
        "pattern_details": reading.pattern_details,
        "plain_words": reading.plain_words,
        "saved_searches": reading.saved_searches,
        "meaning_search": reading.by_meaning,
    }
    return {name: Provide(_given(service), sync_to_thread=False) for name, service in services.items()}


def _given(service: object) -> Callable[[], object]:
    def provide() -> object:
        return service

    return provide
