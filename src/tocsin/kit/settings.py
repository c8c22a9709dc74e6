"""All settings: one frozen tree, read once when a process starts, and passed in from there.

Each setting is declared once, with its environment variable, what it may be, its default as one would write it, and
one sentence for people. The reader, the error messages, ``docs/configuration.md`` and ``.env.example`` follow from
that.
"""

import dataclasses
import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_type_hints

from tocsin.kit.errors import InvalidSettings
from tocsin.kit.setting_sections import (
    PREFIX,
    AccountsSettings,
    ClientSettings,
    DatabaseSettings,
    Declaration,
    DetectionSettings,
    EdgeSettings,
    IncidentSettings,
    IngestSettings,
    LimitSettings,
    LogstoreSettings,
    SearchSettings,
    ServerSettings,
    TelemetrySettings,
)

DOTENV_NAME = ".env"
DATABASE_FILE = "tocsin.sqlite3"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every setting, nested by the room that it is for."""

    server: ServerSettings
    edge: EdgeSettings
    database: DatabaseSettings
    logstore: LogstoreSettings
    ingest: IngestSettings
    search: SearchSettings
    detection: DetectionSettings
    incidents: IncidentSettings
    limits: LimitSettings
    accounts: AccountsSettings
    telemetry: TelemetrySettings
    client: ClientSettings

    @property
    def local_url(self) -> str:
        """Where this machine reaches the server."""
        host = self.server.host
        if host in {"0.0.0.0", "::", ""}:  # noqa: S104  (compared with, not listened on)
            host = "127.0.0.1"
        return f"http://{f'[{host}]' if ':' in host else host}:{self.server.port}"

    @property
    def public_url(self) -> str:
        """Where people reach the server, without a slash at the end."""
        return (self.server.public_url or self.local_url).rstrip("/")

    @property
    def database_url(self) -> str:
        """Where the relational database is: as set, or SQLite in the data directory."""
        return self.database.url or f"sqlite:///{self.server.data_dir / DATABASE_FILE}"


def declarations() -> Iterator[Declaration]:
    """Every declared setting, in the order of the documentation."""
    for section in _sections().values():
        for member in dataclasses.fields(section):
            yield member.metadata["declaration"]


def read_settings(environment: Mapping[str, str], directory: Path) -> Settings:
    """The settings in an environment and in the ``.env`` file of a directory; the environment wins.

    An empty value counts as left out. Relative paths are taken from ``directory``.

    Raises:
        InvalidSettings: names every setting that can't be, and every ``TOCSIN_*`` name that is none.
    """
    problems: list[str] = []
    given = _dotenv(directory / DOTENV_NAME, problems)
    given.update({name: value for name, value in environment.items() if name.startswith(PREFIX)})
    problems.extend(_unknown_names(given))
    sections: dict[str, Any] = {
        name: section(**_values(section, given, problems)) for name, section in _sections().items()
    }
    settings = Settings(**sections)
    if not problems:
        problems.extend(_contradictions(settings))
    if problems:
        raise InvalidSettings("Invalid settings:\n" + "\n".join(f"  {problem}" for problem in problems))
    data_dir = (directory / settings.server.data_dir.expanduser()).resolve()
    return dataclasses.replace(settings, server=dataclasses.replace(settings.server, data_dir=data_dir))


def _sections() -> dict[str, type[Any]]:
    return get_type_hints(Settings)


def _values(section: type[Any], given: Mapping[str, str], problems: list[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for member in dataclasses.fields(section):
        declaration = cast(Declaration, member.metadata["declaration"])
        written = given.get(declaration.variable, "").strip() or declaration.default
        values[member.name] = None
        if written is None:
            continue
        try:
            values[member.name] = declaration.kind.parse(written)
        except ValueError:
            shown = declaration.kind.shown(written)
            problems.append(f"{declaration.variable} is {shown}; it must be {declaration.kind.allowed}")
    return values


def _unknown_names(given: Mapping[str, str]) -> Iterator[str]:
    known = [declaration.variable for declaration in declarations()]
    for name in sorted(set(given) - set(known)):
        closest = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {closest[0]}?" if closest else "; see docs/configuration.md"
        yield f"{name} is not a setting{hint}"


def _contradictions(settings: Settings) -> Iterator[str]:
    """Settings that are right one by one and can't be true together."""
    ingest = settings.ingest
    for name, limit in (
        ("TOCSIN_INGEST_MAX_DECOMPRESSED_BYTES", ingest.max_decompressed_bytes),
        ("TOCSIN_INGEST_MAX_PENDING_BYTES", ingest.max_pending_bytes),
    ):
        if limit < ingest.max_body_bytes:
            yield f"{name} is {limit}; it must be at least TOCSIN_INGEST_MAX_BODY_BYTES ({ingest.max_body_bytes})"


def _dotenv(file: Path, problems: list[str]) -> dict[str, str]:
    """The ``TOCSIN_*`` lines of a ``.env`` file; lines of other programs are left alone."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        problems.append(f"{file} can't be read: {error}")
        return {}
    given: dict[str, str] = {}
    for number_of_line, line in enumerate(lines, start=1):
        assignment = line.strip().removeprefix("export ").lstrip()
        if not assignment.startswith(PREFIX):
            continue
        name, equals, value = assignment.partition("=")
        if not equals:
            problems.append(f"{file}:{number_of_line}: {name.split()[0]} has no value; write NAME=value")
            continue
        given[name.rstrip()] = _unquoted(value.strip())
    return given


def _unquoted(value: str) -> str:
    """A value without its quotes, or without the comment after it."""
    for quote in ('"', "'"):
        if value.startswith(quote) and (end := value.find(quote, 1)) > 0:
            return value[1:end]
    return value.partition(" #")[0].rstrip() if not value.startswith("#") else ""
