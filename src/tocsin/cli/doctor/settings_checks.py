"""What the settings alone say. Each check is a pure function of them."""

import ipaddress
from collections.abc import Iterator
from urllib.parse import SplitResult, parse_qs, urlsplit

from tocsin.cli.doctor.findings import Finding, fine, unsafe, worth_a_look
from tocsin.kit.settings import Settings

LEAST_PASSWORD_CHARACTERS = 12
LEAST_DISTINCT_CHARACTERS = 10
"""A random key of 32 hexadecimal characters has fewer with a chance of one in thousands."""

WIDEST_TRUSTED_PREFIX = {4: 8, 6: 32}
"""Bits of a network that a proxy of one's own may be in; a wider one holds other people's machines."""

_EXAMPLES = ("changeme", "change-me", "change_me", "example", "secret", "password", "0123456789", "abcdefgh")
_ENCRYPTING_SSLMODES = {"require", "verify-ca", "verify-full"}
_VERIFYING_SSLMODES = {"verify-ca", "verify-full"}


def check_settings(settings: Settings) -> Iterator[Finding]:
    """Every finding about the settings."""
    for check in (
        _listening,
        _public_url,
        _trusted_proxies,
        _cors,
        _signing_key,
        _database,
        _log_store,
        _durability,
        _least_free_disk,
        _sign_in_rate,
        _log_level,
        _traces,
    ):
        yield from check(settings)


def is_this_machine(host: str | None) -> bool:
    """Whether a host is reached without a network; an empty one is a Unix socket."""
    if not host or host == "localhost" or host.startswith("/"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def listens_to_others(settings: Settings) -> bool:
    """Whether other machines reach the server's port."""
    return not settings.server.host or not is_this_machine(settings.server.host)


def _listening(settings: Settings) -> Iterator[Finding]:
    host = settings.server.host
    if not listens_to_others(settings):
        yield fine("the server listens on this machine only")
    elif settings.edge.trusted_proxies:
        yield worth_a_look(
            f"the server listens on {host or 'every address'}, behind {', '.join(settings.edge.trusted_proxies)}",
            "whoever reaches the port past the proxy speaks to it without TLS",
            "let only the proxy reach the port",
        )
    else:
        yield unsafe(
            f"the server listens on {host or 'every address'} and speaks HTTP without TLS",
            "passwords, tokens, API keys and logs can be read on the way",
            "put a proxy with TLS before it, and name it in TOCSIN_TRUSTED_PROXIES; or set TOCSIN_HOST=127.0.0.1",
        )


def _public_url(settings: Settings) -> Iterator[Finding]:
    if settings.server.public_url is None:
        return
    url = urlsplit(settings.server.public_url)
    if url.scheme == "http" and not is_this_machine(url.hostname):
        yield unsafe(
            f"TOCSIN_PUBLIC_URL leads to {url.hostname} by http",
            "links that choose passwords go through the network in the clear, and so do the passwords",
            "put a proxy with TLS before the server, and write https",
        )
    else:
        yield fine("links that choose passwords lead to TOCSIN_PUBLIC_URL by https, or stay on this machine")


def _trusted_proxies(settings: Settings) -> Iterator[Finding]:
    for written in settings.edge.trusted_proxies:
        network = ipaddress.ip_network(written)
        if network.prefixlen < WIDEST_TRUSTED_PREFIX[network.version]:
            yield unsafe(
                f"TOCSIN_TRUSTED_PROXIES has {written}",
                "anyone in it can claim any address, and so escape limits and put others' addresses into the logs",
                "name the proxy's own address",
            )
        else:
            yield fine(f"forwarded addresses are believed from {written}")


def _cors(settings: Settings) -> Iterator[Finding]:
    for origin in settings.edge.cors_origins:
        parts = urlsplit(origin)
        if parts.scheme == "https":
            yield fine(f"pages of {origin} may call the API")
        elif is_this_machine(parts.hostname):
            yield worth_a_look(
                f"TOCSIN_CORS_ORIGINS has {origin}",
                "whatever serves that port on a reader's own machine may call the API",
                "take it out where nobody develops against this server",
            )
        else:
            yield unsafe(
                f"TOCSIN_CORS_ORIGINS has {origin}",
                "whoever is on the way can change that page, and act with the tokens of its readers",
                "serve that site by https, and name it so",
            )


def _signing_key(settings: Settings) -> Iterator[Finding]:
    if settings.accounts.signing_key is None:
        yield fine("the signing key is made up, and kept in the data directory")
        return
    keys = settings.accounts.signing_key.reveal().split(",")
    for position, key in enumerate(keys, start=1):
        name = "TOCSIN_SIGNING_KEY" if len(keys) == 1 else f"key {position} of TOCSIN_SIGNING_KEY"
        if _is_guessable(key):
            yield unsafe(
                f"{name} looks like an example, or repeats a few characters",
                "whoever guesses it can sign in as anyone",
                "set it to what `openssl rand -hex 32` prints; access tokens and API keys of the old one end",
            )
        else:
            yield fine(f"{name} looks random")


def _is_guessable(key: str) -> bool:
    text = key.strip().lower()
    return len(set(text)) < LEAST_DISTINCT_CHARACTERS or any(example in text for example in _EXAMPLES)


def _database(settings: Settings) -> Iterator[Finding]:
    url = urlsplit(settings.database_url)
    if url.scheme == "postgresql":
        yield from _postgresql("TOCSIN_DATABASE_URL", url)
    else:
        yield fine("the relational database is a file")


def _log_store(settings: Settings) -> Iterator[Finding]:
    name, url = "TOCSIN_LOGSTORE_URL", urlsplit(settings.logstore.url)
    if url.scheme == "memory":
        yield unsafe(
            f"{name} is memory:",
            "every log is lost when the server ends",
            "leave it out for the embedded log store",
        )
    elif url.scheme == "postgresql":
        yield from _postgresql(name, url)
    elif url.scheme == "clickhouse" and not is_this_machine(url.hostname):
        yield _in_the_clear(name, url.hostname, "write clickhouses:// for HTTPS")
        yield from _password(name, url, url.hostname)
    elif url.scheme in {"clickhouse", "clickhouses"}:
        yield fine(f"the way to {url.hostname} in {name} is encrypted, or within this machine")
        yield from _password(name, url, url.hostname)
    else:
        yield fine("the log store is in the data directory")


def _postgresql(name: str, url: SplitResult) -> Iterator[Finding]:
    parameters = parse_qs(url.query)
    host = parameters.get("host", [url.hostname or ""])[-1]
    mode = parameters.get("sslmode", [""])[-1]
    if is_this_machine(host):
        yield fine(f"the database of {name} is on this machine")
        return
    if mode not in _ENCRYPTING_SSLMODES:
        yield _in_the_clear(name, host, "add ?sslmode=verify-full to it")
    elif mode not in _VERIFYING_SSLMODES:
        yield worth_a_look(
            f"{name} has sslmode={mode}",
            "the way is encrypted, but whoever is on it can pretend to be the server",
            "write sslmode=verify-full",
        )
    else:
        yield fine(f"the way to {host} in {name} is encrypted")
    yield from _password(name, url, host)


def _in_the_clear(name: str, host: str | None, remedy: str) -> Finding:
    return unsafe(
        f"{name} goes to {host}, and nothing says that it must be by TLS",
        "the password and everything that is stored can be read and changed on the way",
        remedy,
    )


def _password(name: str, url: SplitResult, host: str | None) -> Iterator[Finding]:
    if is_this_machine(host):
        return
    password = url.password
    if not password:
        yield worth_a_look(
            f"{name} has no password",
            "unless certificates or a password file stand in for it, everyone on that network can read the logs",
            "give the server's role a password",
        )
    elif len(password) < LEAST_PASSWORD_CHARACTERS or password.lower() == (url.username or "").lower():
        yield unsafe(
            f"the password in {name} is short, or the user's name",
            "it can be guessed, and with it every log be read and deleted",
            f"set a random one of at least {LEAST_PASSWORD_CHARACTERS} characters",
        )


def _durability(settings: Settings) -> Iterator[Finding]:
    if settings.logstore.fsync:
        yield fine("acknowledged logs survive power loss")
    else:
        yield worth_a_look(
            "TOCSIN_FSYNC is off",
            "logs that were acknowledged in the last seconds are lost with the machine's power",
            "leave it out, unless senders keep what they sent",
        )


def _least_free_disk(settings: Settings) -> Iterator[Finding]:
    if settings.logstore.min_free_disk_bytes == 0:
        yield worth_a_look(
            "TOCSIN_MIN_FREE_DISK_BYTES is 0",
            "logs are taken in until the disk is full, and then nothing on it can be written, the database included",
            "leave it out, or leave room for what else is on that disk",
        )


def _sign_in_rate(settings: Settings) -> Iterator[Finding]:
    if settings.limits.sign_in is None:
        yield worth_a_look(
            "TOCSIN_RATE_LIMIT_SIGN_IN is off",
            "an address may try to sign in as often as it likes, which keeps the server busy; only failures count",
            "leave it out, unless a proxy limits the same",
        )


def _log_level(settings: Settings) -> Iterator[Finding]:
    if settings.telemetry.log_level == "debug":
        yield worth_a_look(
            "TOCSIN_LOG_LEVEL is debug",
            "Tocsin's own log grows with every request, and says who asked for what",
            "leave it out when nothing is searched for",
        )


def _traces(settings: Settings) -> Iterator[Finding]:
    endpoint = settings.telemetry.otlp_endpoint
    if endpoint is None:
        return
    url = urlsplit(endpoint)
    if url.scheme == "http" and not is_this_machine(url.hostname):
        yield worth_a_look(
            f"traces go to {url.hostname} by http",
            "paths and times of requests can be read on the way",
            "write https in TOCSIN_OTLP_ENDPOINT, or send to a collector on this machine",
        )
    else:
        yield fine("traces are encrypted, or stay on this machine")
