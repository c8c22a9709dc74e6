"""What is seen around the settings says. Each check is a pure function of what was seen."""

from collections.abc import Iterator

from tocsin.cli.doctor.findings import Finding, fine, unsafe, worth_a_look
from tocsin.cli.doctor.settings_checks import listens_to_others
from tocsin.cli.doctor.surroundings import Seen
from tocsin.kit.settings import Settings

NEAR_THE_LEAST = 4
"""With less free disk than so many times the least, logs will soon be refused."""

_OTHERS = 0o077


def check_surroundings(settings: Settings, seen: Seen) -> Iterator[Finding]:
    """Every finding about files, the database and the server."""
    yield from _files(seen)
    yield from _disk(settings, seen)
    yield from _bootstrap_secrets(settings, seen)
    yield from _database(seen)
    yield from _first_password(seen)
    yield from _metrics(settings, seen)
    yield from _server(seen)


def _files(seen: Seen) -> Iterator[Finding]:
    for path, mode in seen.modes.items():
        if mode & _OTHERS:
            yield unsafe(
                f"{path} is open to other users of this machine (mode {mode:o})",
                "what is in it lets them sign in as anyone, or read every log",
                f"chmod {mode & 0o700:o} {path}",
            )
        else:
            yield fine(f"{path} is open to its owner only")


def _disk(settings: Settings, seen: Seen) -> Iterator[Finding]:
    if seen.free_disk_bytes is None:
        return
    least = settings.logstore.min_free_disk_bytes
    free = f"{seen.free_disk_bytes / 2**20:,.0f} MiB of the data directory's disk are free"
    if seen.free_disk_bytes < least:
        yield unsafe(free, "logs are refused with 503", "make room, or move the data directory")
    elif seen.free_disk_bytes < NEAR_THE_LEAST * least:
        yield worth_a_look(
            free, f"below {least / 2**20:,.0f} MiB logs are refused with 503", "make room before that happens"
        )
    else:
        yield fine(free)


def _bootstrap_secrets(settings: Settings, seen: Seen) -> Iterator[Finding]:
    given = {
        "TOCSIN_BOOTSTRAP_PASSWORD": settings.accounts.bootstrap_password,
        "TOCSIN_BOOTSTRAP_API_KEY": settings.accounts.bootstrap_api_key,
    }
    for name, secret in given.items():
        if secret is not None and seen.has_started_before:
            yield worth_a_look(
                f"{name} is still set, and the first start is past",
                "it does nothing any more, and whoever reads the environment or .env has it",
                "take it out",
            )


def _database(seen: Seen) -> Iterator[Finding]:
    if seen.database_problem is not None:
        yield worth_a_look(
            "the relational database could not be asked",
            f"who may do what in it was not looked at: {seen.database_problem}",
            "run this again where it can be reached",
        )
    elif seen.role is not None and seen.role.sees_all_rows:
        yield unsafe(
            f"the PostgreSQL role {seen.role.name} is a superuser, or has BYPASSRLS",
            "row-level security does not hold for it: a defect could show one organization another's rows",
            f"ALTER ROLE {seen.role.name} NOSUPERUSER NOBYPASSRLS, or make a role of its own for Tocsin",
        )
    elif seen.role is not None:
        yield fine(f"row-level security holds for the PostgreSQL role {seen.role.name}")


def _first_password(seen: Seen) -> Iterator[Finding]:
    if seen.first_password_pending:
        yield unsafe(
            "the first administrator still has the one-time password",
            "it was printed at the first start, and may be in a log or on a screen",
            "sign in as admin@localhost and change it",
        )
    elif seen.first_password_pending is False:
        yield fine("the first administrator has a password of their own")


def _metrics(settings: Settings, seen: Seen) -> Iterator[Finding]:
    if listens_to_others(settings) and seen.metrics_are_open is not False:
        yield worth_a_look(
            "/metrics needs no token, and the port is open to other machines",
            "strangers can read how much is logged, and when",
            "let the proxy refuse /metrics from outside",
        )
    elif settings.edge.trusted_proxies and seen.metrics_are_open is not False:
        yield worth_a_look(
            "/metrics needs no token, and a proxy passes requests on",
            "unless it keeps /metrics back, strangers can read how much is logged, and when",
            "let the proxy keep strangers away from /metrics",
        )
    else:
        yield fine("/metrics is not open to strangers")


def _server(seen: Seen) -> Iterator[Finding]:
    if seen.server_version is None:
        yield fine("no server answers here; only settings and files were looked at")
    else:
        yield fine(f"a server of version {seen.server_version} answers")
