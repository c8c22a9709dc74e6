"""The one table of who may call what. An endpoint that is not in it answers nobody."""

from tocsin.accounts.access import Rule, Traffic, admin, anyone, developer, oneself, reader, sender
from tocsin.accounts.contracts import KeyScope, Scope

#: The method that stands for a WebSocket.
WEBSOCKET = "WS"

Endpoint = tuple[str, str]
"""A method and the template of a path, as ``("GET", "/v1/keys/{key_id}")``."""

_OPERATIONS: dict[Endpoint, Rule] = {
    ("GET", "/"): anyone(Traffic.OPERATIONS),
    ("GET", "/healthz"): anyone(Traffic.OPERATIONS),
    ("GET", "/readyz"): anyone(Traffic.OPERATIONS),
    ("GET", "/metrics"): anyone(Traffic.OPERATIONS),
    ("GET", "/openapi.json"): anyone(Traffic.OPERATIONS),
    ("GET", "/problems/{slug}"): anyone(Traffic.OPERATIONS),
    ("GET", "/docs"): anyone(Traffic.OPERATIONS),
    ("GET", "/docs/scalar"): anyone(Traffic.OPERATIONS),
    ("GET", "/docs/swagger"): anyone(Traffic.OPERATIONS),
    ("GET", "/docs/openapi.json"): anyone(Traffic.OPERATIONS),
    ("GET", "/docs/assets/{name}"): anyone(Traffic.OPERATIONS),
    ("GET", "/docs/{path}"): anyone(Traffic.OPERATIONS),
    ("GET", "/set-password"): anyone(Traffic.OPERATIONS),
    ("GET", "/set-password/{name}"): anyone(Traffic.OPERATIONS),
    ("GET", "/v1/status"): reader(Scope.ORGANIZATION_READ),
}

_AUTH: dict[Endpoint, Rule] = {
    ("POST", "/v1/auth/login"): anyone(Traffic.SIGN_IN),
    ("POST", "/v1/auth/refresh"): anyone(Traffic.REFRESH),
    ("POST", "/v1/auth/reset-password"): anyone(Traffic.SIGN_IN),
    ("POST", "/v1/auth/accept-invitation"): anyone(Traffic.SIGN_IN),
    ("GET", "/v1/auth/me"): oneself(Traffic.READ, with_any_token=True, with_one_time_password=True),
    ("POST", "/v1/auth/password"): oneself(Traffic.SIGN_IN, with_one_time_password=True),
    ("POST", "/v1/auth/logout"): oneself(Traffic.WRITE, with_one_time_password=True),
    ("POST", "/v1/auth/logout-everywhere"): oneself(Traffic.WRITE, with_one_time_password=True),
    ("POST", "/v1/auth/switch"): oneself(Traffic.WRITE),
    ("POST", "/v1/auth/ticket"): reader(Scope.LOGS_READ),
    ("GET", "/v1/auth/sessions"): oneself(Traffic.READ),
    ("DELETE", "/v1/auth/sessions/{session_id}"): oneself(Traffic.WRITE),
    ("GET", "/v1/auth/tokens"): oneself(Traffic.READ),
    ("POST", "/v1/auth/tokens"): oneself(Traffic.WRITE),
    ("DELETE", "/v1/auth/tokens/{token_id}"): oneself(Traffic.WRITE),
}

_ADMINISTRATION: dict[Endpoint, Rule] = {
    ("GET", "/v1/organizations"): reader(Scope.ORGANIZATION_READ),
    ("POST", "/v1/organizations"): admin(None),
    ("GET", "/v1/organization"): reader(Scope.ORGANIZATION_READ),
    ("PATCH", "/v1/organization"): admin(Scope.ORGANIZATION_WRITE),
    ("GET", "/v1/users"): reader(Scope.USERS_READ),
    ("PATCH", "/v1/users/{user_id}"): admin(None),
    ("DELETE", "/v1/users/{user_id}"): admin(Scope.USERS_WRITE),
    ("POST", "/v1/users/{user_id}/logout"): admin(Scope.USERS_WRITE),
    ("POST", "/v1/users/{user_id}/password-reset"): admin(None),
    ("GET", "/v1/invitations"): admin(Scope.USERS_READ, traffic=Traffic.READ),
    ("POST", "/v1/invitations"): admin(None),
    ("DELETE", "/v1/invitations/{invitation_id}"): admin(Scope.USERS_WRITE),
    ("GET", "/v1/services"): reader(Scope.SERVICES_READ),
    ("POST", "/v1/services"): developer(Scope.SERVICES_WRITE),
    ("GET", "/v1/services/{service_id}"): reader(Scope.SERVICES_READ),
    ("PATCH", "/v1/services/{service_id}"): developer(Scope.SERVICES_WRITE),
    ("DELETE", "/v1/services/{service_id}"): admin(Scope.SERVICES_WRITE),
    ("GET", "/v1/keys"): admin(Scope.KEYS_READ, traffic=Traffic.READ),
    ("POST", "/v1/keys"): admin(Scope.KEYS_WRITE),
    ("DELETE", "/v1/keys/{key_id}"): admin(Scope.KEYS_WRITE),
    ("POST", "/v1/keys/{key_id}/rotate"): admin(Scope.KEYS_WRITE),
}

_LOGS: dict[Endpoint, Rule] = {
    ("POST", "/v1/ingest"): sender(),
    ("GET", "/v1/ingest/ledger"): reader(Scope.INGEST_READ),
    ("GET", "/v1/ingest/usage"): reader(Scope.INGEST_READ),
    ("GET", "/v1/dead-letters"): reader(Scope.INGEST_READ),
    ("GET", "/v1/logs"): reader(Scope.LOGS_READ),
    ("GET", "/v1/logs/aggregate"): reader(Scope.LOGS_READ),
    ("POST", "/v1/logs/compare"): reader(Scope.LOGS_READ),
    ("POST", "/v1/logs/translate"): reader(Scope.LOGS_READ),
    ("GET", "/v1/logs/count"): reader(Scope.LOGS_READ),
    ("GET", "/v1/logs/export"): reader(Scope.LOGS_READ),
    ("GET", "/v1/logs/facets"): reader(Scope.LOGS_READ),
    ("GET", "/v1/logs/fields"): reader(Scope.LOGS_READ),
    ("GET", "/v1/logs/fields/values"): reader(Scope.LOGS_READ),
    ("GET", "/v1/logs/histogram"): reader(Scope.LOGS_READ),
    ("POST", "/v1/logs/search"): reader(Scope.LOGS_READ),
    ("GET", "/v1/logs/shapes"): reader(Scope.LOGS_READ),
    ("GET", "/v1/logs/{log_id}"): reader(Scope.LOGS_READ),
    ("GET", "/v1/logs/{log_id}/context"): reader(Scope.LOGS_READ),
    ("GET", "/v1/patterns"): reader(Scope.LOGS_READ),
    ("GET", "/v1/patterns/{pattern_id}"): reader(Scope.LOGS_READ),
    ("GET", "/v1/patterns/edits"): reader(Scope.LOGS_READ),
    ("DELETE", "/v1/patterns/edits/{edit_id}"): developer(Scope.PATTERNS_WRITE),
    ("POST", "/v1/patterns/merge"): developer(Scope.PATTERNS_WRITE),
    ("POST", "/v1/patterns/{pattern_id}/split"): developer(Scope.PATTERNS_WRITE),
    ("PATCH", "/v1/patterns/{pattern_id}"): developer(Scope.PATTERNS_WRITE),
    (WEBSOCKET, "/live/logs"): reader(Scope.LOGS_READ, in_band=True),
    ("GET", "/v1/saved-searches"): reader(Scope.SEARCHES_READ),
    ("POST", "/v1/saved-searches"): developer(Scope.SEARCHES_WRITE),
    ("GET", "/v1/saved-searches/{search_id}"): reader(Scope.SEARCHES_READ),
    ("PUT", "/v1/saved-searches/{search_id}"): developer(Scope.SEARCHES_WRITE),
    ("DELETE", "/v1/saved-searches/{search_id}"): developer(Scope.SEARCHES_WRITE),
}

_INCIDENTS: dict[Endpoint, Rule] = {
    ("GET", "/v1/incidents"): reader(Scope.INCIDENTS_READ),
    ("POST", "/v1/incidents"): developer(Scope.INCIDENTS_WRITE),
    ("GET", "/v1/incidents/statistics"): reader(Scope.INCIDENTS_READ),
    ("GET", "/v1/incidents/{incident_id}"): reader(Scope.INCIDENTS_READ),
    ("PATCH", "/v1/incidents/{incident_id}"): developer(Scope.INCIDENTS_WRITE),
    ("PATCH", "/v1/incidents/{incident_id}/status"): developer(Scope.INCIDENTS_WRITE),
    ("GET", "/v1/incidents/{incident_id}/timeline"): reader(Scope.INCIDENTS_READ),
    ("POST", "/v1/incidents/{incident_id}/comments"): developer(Scope.INCIDENTS_WRITE),
    ("GET", "/v1/incidents/{incident_id}/logs"): reader(Scope.INCIDENTS_READ),
    ("POST", "/v1/incidents/{incident_id}/logs"): developer(Scope.INCIDENTS_WRITE),
    ("DELETE", "/v1/incidents/{incident_id}/logs/{log_id}"): developer(Scope.INCIDENTS_WRITE),
    ("GET", "/v1/incidents/{incident_id}/signals"): reader(Scope.INCIDENTS_READ),
    ("GET", "/v1/incidents/{incident_id}/corrections"): reader(Scope.INCIDENTS_READ),
    ("POST", "/v1/incidents/{incident_id}/split"): developer(Scope.INCIDENTS_WRITE),
    ("POST", "/v1/incidents/{incident_id}/merge"): developer(Scope.INCIDENTS_WRITE),
    ("POST", "/v1/incidents/{incident_id}/move"): developer(Scope.INCIDENTS_WRITE),
    ("DELETE", "/v1/incidents/corrections/{correction_id}"): developer(Scope.INCIDENTS_WRITE),
    (WEBSOCKET, "/live/incidents"): reader(Scope.INCIDENTS_READ, in_band=True),
}

_NOTIFICATIONS: dict[Endpoint, Rule] = {
    ("POST", "/v1/webhooks/alertmanager"): sender(KeyScope.ALERTS_WRITE),
    ("POST", "/v1/webhooks/grafana"): sender(KeyScope.ALERTS_WRITE),
    ("POST", "/v1/webhooks/generic"): sender(KeyScope.ALERTS_WRITE),
    ("POST", "/v1/events/deploys"): sender(KeyScope.DEPLOYS_WRITE),
    ("GET", "/v1/notifications/channels"): developer(Scope.ORGANIZATION_READ, traffic=Traffic.READ),
    ("POST", "/v1/notifications/channels"): admin(Scope.ORGANIZATION_WRITE),
    ("GET", "/v1/notifications/channels/{channel_id}"): developer(Scope.ORGANIZATION_READ, traffic=Traffic.READ),
    ("PUT", "/v1/notifications/channels/{channel_id}"): admin(Scope.ORGANIZATION_WRITE),
    ("DELETE", "/v1/notifications/channels/{channel_id}"): admin(Scope.ORGANIZATION_WRITE),
    ("POST", "/v1/notifications/channels/{channel_id}/test"): admin(Scope.ORGANIZATION_WRITE),
    ("GET", "/v1/notifications/rules"): developer(Scope.ORGANIZATION_READ, traffic=Traffic.READ),
    ("POST", "/v1/notifications/rules"): admin(Scope.ORGANIZATION_WRITE),
    ("GET", "/v1/notifications/rules/{rule_id}"): developer(Scope.ORGANIZATION_READ, traffic=Traffic.READ),
    ("PUT", "/v1/notifications/rules/{rule_id}"): admin(Scope.ORGANIZATION_WRITE),
    ("DELETE", "/v1/notifications/rules/{rule_id}"): admin(Scope.ORGANIZATION_WRITE),
    ("GET", "/v1/notifications/deliveries"): developer(Scope.ORGANIZATION_READ, traffic=Traffic.READ),
}

RULES: dict[Endpoint, Rule] = {**_OPERATIONS, **_AUTH, **_ADMINISTRATION, **_LOGS, **_INCIDENTS, **_NOTIFICATIONS}
