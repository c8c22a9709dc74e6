"""The settings of each room: declared once, with what each may be, its default, and one sentence for people."""

# ruff: noqa: RUF009  (`setting` makes a dataclass field, as `dataclasses.field` does, which the rule can't see)

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tocsin.kit.rates import Rate
from tocsin.kit.setting_kinds import (
    Kind,
    Secret,
    byte_count,
    choice,
    integer,
    listed,
    network,
    number,
    origin,
    path,
    rate,
    secret,
    switch,
    text,
    url,
)

PREFIX = "TOCSIN_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """One setting, as it is declared."""

    variable: str
    kind: Kind[Any]
    #: As one would write it; None where the setting may be left out.
    default: str | None
    documentation: str


def setting(variable: str, kind: Kind[Any], default: str | None, documentation: str) -> Any:
    """A dataclass field that is read from ``TOCSIN_<variable>``."""
    declaration = Declaration(variable=f"{PREFIX}{variable}", kind=kind, default=default, documentation=documentation)
    return field(metadata={"declaration": declaration})


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """The process and its HTTP server."""

    host: str = setting("HOST", text(), "127.0.0.1", "The address to listen on; `0.0.0.0` is every interface.")
    port: int = setting("PORT", integer(1, 65_535), "3000", "The port to listen on.")
    public_url: str | None = setting(
        "PUBLIC_URL",
        url("http", "https"),
        None,
        "Where people reach this server, for the links that they get; left out, where it listens.",
    )
    data_dir: Path = setting(
        "DATA_DIR", path(), "./tocsin-data", "Everything that Tocsin keeps; one process at a time owns it."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeSettings:
    """Whom the HTTP server believes, and how long it waits."""

    trusted_proxies: tuple[str, ...] = setting(
        "TRUSTED_PROXIES",
        listed(network()),
        "",
        "The proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed; left out, none are.",
    )
    cors_origins: tuple[str, ...] = setting(
        "CORS_ORIGINS",
        listed(origin()),
        "",
        "The sites whose pages may call the API and open live tails; left out, only this server's own may.",
    )
    slow_client_seconds: float = setting(
        "SLOW_CLIENT_SECONDS",
        number(0.1, 3_600),
        "30",
        "A client that sends nothing of a body for so long, or after that time sends too slowly, is cut off with 408.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSettings:
    """Where organizations, services and keys are kept."""

    url: str | None = setting(
        "DATABASE_URL",
        url("sqlite", "postgresql"),
        None,
        "The relational database; left out, it is SQLite in the data directory.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LogstoreSettings:
    """Where logs are kept."""

    url: str = setting(
        "LOGSTORE_URL",
        url("clickhouse+embedded", "clickhouse", "clickhouses", "postgresql", "memory"),
        "clickhouse+embedded:",
        "The log store: embedded in the data directory, a ClickHouse server over HTTP (`clickhouse://`) or HTTPS "
        "(`clickhouses://`), a PostgreSQL database (`postgresql://`), or `memory:`, which forgets everything at the "
        "end.",
    )
    fsync: bool = setting(
        "FSYNC", switch(), "on", "Whether an acknowledged log survives power loss, and not only the end of a process."
    )
    min_free_disk_bytes: int = setting(
        "MIN_FREE_DISK_BYTES",
        byte_count(0, 2**50),
        "256MiB",
        "With less room than this on the disk of the data directory, logs are refused with 503.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestSettings:
    """Limits of the intake."""

    max_body_bytes: int = setting(
        "INGEST_MAX_BODY_BYTES", byte_count(1_024, 2**31), "32MiB", "The largest body of a request, as sent."
    )
    max_decompressed_bytes: int = setting(
        "INGEST_MAX_DECOMPRESSED_BYTES",
        byte_count(1_024, 2**32),
        "128MiB",
        "The largest body of a request once it is decompressed.",
    )
    max_pending_bytes: int = setting(
        "INGEST_MAX_PENDING_BYTES",
        byte_count(1_024, 2**34),
        "64MiB",
        "The most bytes of requests in work at one time; what comes on top is refused with 429.",
    )
    daily_quota_bytes: int | None = setting(
        "INGEST_DAILY_QUOTA_BYTES",
        byte_count(1_024, 2**50),
        None,
        "The most bytes of bodies, decompressed, that an organization may send in a day (UTC); left out, there is no "
        "such limit. An organization's own quota may be lower.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchSettings:
    """Limits of reading."""

    max_concurrent: int = setting(
        "SEARCH_MAX_CONCURRENT", integer(1, 1_024), "8", "The most queries that run at one time."
    )
    timeout_seconds: float = setting(
        "SEARCH_TIMEOUT_SECONDS", number(0.1, 3_600), "30", "A query that runs longer than this is given up with 504."
    )
    max_concurrent_exports: int = setting(
        "EXPORT_MAX_CONCURRENT", integer(1, 64), "2", "The most exports that run at one time, beside the queries."
    )
    export_timeout_seconds: float = setting(
        "EXPORT_TIMEOUT_SECONDS",
        number(1, 86_400),
        "3600",
        "How long one export may read; the time in which its caller takes what was read does not count.",
    )
    by_meaning: bool = setting(
        "SEARCH_BY_MEANING",
        switch(),
        "on",
        "Whether patterns and questions are embedded by a model in this process; `off` spares about 200 MB of memory, "
        "and search by meaning goes by words alone.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectionSettings:
    """Noticing what goes wrong."""

    is_on: bool = setting("DETECTION", switch(), "on", "Whether this process looks for what goes wrong in new logs.")
    false_alarms_a_week: float = setting(
        "FALSE_ALARMS_A_WEEK",
        number(0.01, 1_000),
        "1",
        "How many incidents that chance alone opens an organization puts up with in a week; with more, fainter trouble "
        "is noticed, and sooner.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentSettings:
    """How incidents go on by themselves."""

    resolve_after_quiet_minutes: float = setting(
        "INCIDENTS_RESOLVE_AFTER_QUIET_MINUTES",
        number(0, 10_080),
        "15",
        "An incident that signals opened is resolved once all of them are over, or were quiet for so long (alerts from "
        "outside at least 5 hours, unless they say that they are over); 0: only people resolve.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSettings:
    """How often a caller may ask; each is a rate, or off."""

    sign_in: Rate | None = setting(
        "RATE_LIMIT_SIGN_IN", rate(), "20/min", "Attempts to sign in, per address; more are refused with 429."
    )
    read: Rate | None = setting(
        "RATE_LIMIT_READ", rate(), "1200/min", "Requests that change nothing, per person or access token."
    )
    write: Rate | None = setting(
        "RATE_LIMIT_WRITE", rate(), "300/min", "Requests that change something, per person or access token."
    )
    ingest: Rate | None = setting(
        "RATE_LIMIT_INGEST", rate(), "60000/min", "Requests to the intake, of however many logs, per API key."
    )
    strangers: Rate | None = setting(
        "RATE_LIMIT_STRANGERS", rate(), "600/min", "Requests that show no valid credentials, per address."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountsSettings:
    """Secrets of accounts; each has none, one made at the first start, or the one given here."""

    signing_key: Secret | None = setting(
        "SIGNING_KEY",
        secret(minimum=32),
        None,
        "Signs access tokens, keys the hashes of API keys and seals the secrets of notification channels; of several, "
        "separated by commas, the first signs. Left "
        "out, one is made in the data directory.",
    )
    bootstrap_password: Secret | None = setting(
        "BOOTSTRAP_PASSWORD",
        secret(minimum=12),
        None,
        "The first administrator's password, for automation; left out, the first start makes one and prints it.",
    )
    bootstrap_api_key: Secret | None = setting(
        "BOOTSTRAP_API_KEY",
        secret(minimum=32),
        None,
        "The first API key, for automation; left out, the first start makes one and prints it.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TelemetrySettings:
    """What Tocsin says of itself."""

    log_level: str = setting(
        "LOG_LEVEL", choice("debug", "info", "warning", "error"), "info", "The least level of Tocsin's own logs."
    )
    log_format: str = setting(
        "LOG_FORMAT",
        choice("auto", "json", "console"),
        "auto",
        "The form of Tocsin's own logs on standard error; `auto` is `console` on a terminal and `json` elsewhere.",
    )
    otlp_endpoint: str | None = setting(
        "OTLP_ENDPOINT",
        url("http", "https"),
        None,
        "Where traces of Tocsin's own requests go, by OTLP over HTTP; left out, none are made.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """How the command line reaches a server."""

    url: str | None = setting(
        "URL", url("http", "https"), None, "The server that commands talk to; left out, the one on this machine."
    )
    token: Secret | None = setting(
        "TOKEN",
        secret(minimum=1),
        None,
        "The access token or personal access token that commands show; left out, they sign one with the key in the "
        "data directory.",
    )
    organization: str | None = setting(
        "ORGANIZATION",
        text(),
        None,
        "The slug of the organization that commands act in when they sign their token; left out, the oldest one.",
    )
