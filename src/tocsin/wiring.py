"""Puts the parts together: the only place that knows which backend stands behind a port."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import structlog

from tocsin.accounts.contracts import FirstStart
from tocsin.accounts.service import AccountsService
from tocsin.accounts.signing_keys import SigningKeys, load_signing_keys
from tocsin.database.service import Database
from tocsin.detection.contracts import Finding
from tocsin.detection.core import new_detection
from tocsin.detection.exemplars import Exemplars
from tocsin.detection.ports import FindingsListener
from tocsin.detection.repository import DetectionRepository
from tocsin.detection.service import DetectionService
from tocsin.embeddings.backends.absent import AbsentModel
from tocsin.embeddings.backends.minilm import MiniLmModel
from tocsin.embeddings.ports import EmbeddingModel
from tocsin.incidents.from_findings import signal_of
from tocsin.incidents.quiet import QuietWatch
from tocsin.incidents.repository import IncidentsRepository
from tocsin.incidents.service import IncidentsService
from tocsin.ingest.repository import IngestRepository
from tocsin.ingest.service import IngestService
from tocsin.ingest.usage import UsageMeter
from tocsin.ingest.usage_repository import UsageRepository
from tocsin.jobs.backends.leased import LeasedJobs
from tocsin.jobs.repository import JobsRepository
from tocsin.kit.clock import SystemClock
from tocsin.kit.errors import StartupError
from tocsin.kit.setting_kinds import revealed
from tocsin.kit.settings import Settings
from tocsin.limits.backends.memory import MemoryRateLimiter
from tocsin.limits.ports import RateLimiter
from tocsin.logstore.ports import LogStore, OrganizationId
from tocsin.notifications.administration import NotificationSettings
from tocsin.notifications.incoming.service import IncomingEvents
from tocsin.notifications.repository import NotificationsRepository
from tocsin.notifications.sealing import Sealer
from tocsin.notifications.sending import HttpSender
from tocsin.notifications.service import NotificationsService
from tocsin.patterns.repository import PatternsRepository
from tocsin.patterns.service import PatternsService
from tocsin.search.comparison.service import ComparisonService
from tocsin.search.context import ContextService
from tocsin.search.exploration import ExplorationService
from tocsin.search.export import ExportService
from tocsin.search.limits import QueryLimits
from tocsin.search.live import LiveTail
from tocsin.search.meaning.embedder import PatternEmbedder
from tocsin.search.meaning.repository import EmbeddingsRepository
from tocsin.search.meaning.service import MeaningSearch
from tocsin.search.pattern_details import PatternDetailsService
from tocsin.search.pattern_listing import PatternListing
from tocsin.search.plain_words_service import PlainWordsService
from tocsin.search.questions import Questions
from tocsin.search.saved_searches import SavedSearchesService
from tocsin.search.service import SearchService

LOGSTORE_DIRECTORY = "logs"

_OWNER_ONLY = 0o700
_OTHERS = 0o077

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The services that read logs."""

    questions: Questions
    search: SearchService
    exploration: ExplorationService
    comparison: ComparisonService
    context: ContextService
    export: ExportService
    patterns: PatternListing
    pattern_details: PatternDetailsService
    plain_words: PlainWordsService
    saved_searches: SavedSearchesService
    by_meaning: MeaningSearch


@dataclass(frozen=True, slots=True, kw_only=True)
class Components:
    """A running Tocsin, without its HTTP server."""

    settings: Settings
    database: Database
    store: LogStore
    limiter: RateLimiter
    accounts: AccountsService
    patterns: PatternsService
    embedder: PatternEmbedder
    ingest: IngestService
    reading: Reading
    live_tail: LiveTail
    incidents: IncidentsService
    notifications: NotificationsService
    notification_settings: NotificationSettings
    incoming: IncomingEvents
    #: What the first start hands out; None on every later one.
    first_start: FirstStart | None


@asynccontextmanager
async def build(settings: Settings) -> AsyncIterator[Components]:
    """Every part, started; at the end of the block they close in the order in which logs flow through them.

    Raises:
        StartupError: says what is in the way, and what to do.
        ServiceUnavailable: a database or a log store that is not embedded can't be reached.
    """
    _make_data_directory(settings.server.data_dir)
    clock = SystemClock()
    async with AsyncExitStack() as closing:
        database = Database(settings.database_url)
        closing.push_async_callback(database.close)
        store = _log_store(settings)
        closing.push_async_callback(store.close)
        # Before anything is written: the store finds out whether another process owns the data directory.
        await store.start()
        await database.migrate()
        limiter = MemoryRateLimiter(clock)
        signing_keys = load_signing_keys(settings.server.data_dir, configured=revealed(settings.accounts.signing_key))
        accounts = _accounts(settings, signing_keys, database, limiter)
        closing.push_async_callback(accounts.close)
        first_start = await accounts.first_start()
        live_tail = LiveTail(store)
        closing.push_async_callback(live_tail.close)
        model = _embedding_model(settings)
        embedder = PatternEmbedder(EmbeddingsRepository(database), model)
        closing.push_async_callback(embedder.close)
        patterns = PatternsService(store, PatternsRepository(database), clock=clock)
        closing.push_async_callback(patterns.close)
        patterns.on_change(embedder.changed)

        detection = _detection(settings, store, database, patterns)

        def on_stored(organization_id: OrganizationId) -> None:
            live_tail.wake(organization_id)
            patterns.wake(organization_id)
            if settings.detection.is_on:
                detection.wake(organization_id)

        ingest = IngestService(
            store,
            IngestRepository(database),
            UsageMeter(UsageRepository(database), clock=clock),
            accounts.services,
            clock=clock,
            max_pending_bytes=settings.ingest.max_pending_bytes,
            daily_quota_bytes=settings.ingest.daily_quota_bytes,
            on_stored=on_stored,
        )
        closing.push_async_callback(ingest.close)
        incidents = IncidentsService(
            IncidentsRepository(database), clock=clock, quiet_minutes=settings.incidents.resolve_after_quiet_minutes
        )
        detection.on_findings(_signals_of(incidents))
        quiet_watch = QuietWatch(incidents)
        closing.push_async_callback(quiet_watch.close)
        await quiet_watch.start()
        jobs = LeasedJobs(JobsRepository(database), clock=clock)
        notified = NotificationsRepository(database, Sealer(signing_keys))
        notifications = NotificationsService(notified, jobs, incidents, limiter, HttpSender(), clock=clock)
        closing.push_async_callback(notifications.close)
        await notifications.start()
        # Before what jobs do is closed: they use it.
        closing.push_async_callback(jobs.close)
        await jobs.start()
        if settings.detection.is_on:
            closing.push_async_callback(detection.close)
            await detection.start()
        yield Components(
            settings=settings,
            database=database,
            store=store,
            limiter=limiter,
            accounts=accounts,
            patterns=patterns,
            embedder=embedder,
            ingest=ingest,
            reading=_reading(settings, store, database, patterns, embedder, model),
            live_tail=live_tail,
            incidents=incidents,
            notifications=notifications,
            notification_settings=NotificationSettings(notified, clock=clock),
            incoming=IncomingEvents(incidents, clock=clock),
            first_start=first_start,
        )


def _accounts(
    settings: Settings, signing_keys: SigningKeys, database: Database, limiter: RateLimiter
) -> AccountsService:
    given = settings.accounts
    return AccountsService(
        database,
        signing_keys=signing_keys,
        clock=SystemClock(),
        limiter=limiter,
        bootstrap_password=revealed(given.bootstrap_password),
        bootstrap_api_key=revealed(given.bootstrap_api_key),
    )


def _signals_of(incidents: IncidentsService) -> FindingsListener:
    async def take(organization_id: OrganizationId, findings: Sequence[Finding]) -> None:
        await incidents.take_signals(organization_id, [signal_of(finding) for finding in findings])

    return take


def _detection(settings: Settings, store: LogStore, database: Database, patterns: PatternsService) -> DetectionService:
    clock, a_week = SystemClock(), settings.detection.false_alarms_a_week
    return DetectionService(
        store,
        patterns,
        DetectionRepository(database),
        lambda dump: new_detection(dump, a_week),
        Exemplars(store, Questions(patterns, clock=clock)),
        clock=clock,
    )


def _reading(
    settings: Settings,
    store: LogStore,
    database: Database,
    patterns: PatternsService,
    embedder: PatternEmbedder,
    model: EmbeddingModel,
) -> Reading:
    given, clock = settings.search, SystemClock()
    limits = QueryLimits(max_concurrent=given.max_concurrent, timeout_seconds=given.timeout_seconds)
    exports = QueryLimits(max_concurrent=given.max_concurrent_exports, timeout_seconds=given.export_timeout_seconds)
    questions = Questions(patterns, clock=clock)
    search = SearchService(store, questions, limits=limits)
    exploration = ExplorationService(store, questions, limits=limits)
    return Reading(
        questions=questions,
        search=search,
        exploration=exploration,
        comparison=ComparisonService(store, patterns, questions, limits=limits, clock=clock),
        context=ContextService(store, search, limits=limits),
        export=ExportService(store, questions, limits=exports),
        patterns=PatternListing(store, patterns, questions, limits=limits),
        pattern_details=PatternDetailsService(store, patterns, questions, limits=limits),
        plain_words=PlainWordsService(exploration, clock=clock),
        saved_searches=SavedSearchesService(database, clock=clock),
        by_meaning=MeaningSearch(store, patterns, questions, embedder, model, limits=limits),
    )


def _embedding_model(settings: Settings) -> EmbeddingModel:
    if not settings.search.by_meaning:
        return AbsentModel("search by meaning is turned off (TOCSIN_SEARCH_BY_MEANING)")
    return MiniLmModel()


def _make_data_directory(directory: Path) -> None:
    try:
        directory.mkdir(mode=_OWNER_ONLY, parents=True, exist_ok=True)
    except OSError as error:
        raise StartupError(f"the data directory {directory} can't be made: {error.strerror}") from error
    if directory.stat().st_mode & _OTHERS:
        _close_to_others(directory)


def _close_to_others(directory: Path) -> None:
    """Take from others what they may see of a directory that was there before, as volumes and restores make them."""
    try:
        directory.chmod(_OWNER_ONLY)
    except OSError as error:
        log.warning("wiring.data_directory_open_to_others", directory=str(directory), reason=error.strerror)
    else:
        log.info("wiring.data_directory_closed_to_others", directory=str(directory))


def _log_store(settings: Settings) -> LogStore:
    """The backend that the URL's scheme names; imported only then, since they are large."""
    url = settings.logstore.url
    max_queries = settings.search.max_concurrent + settings.search.max_concurrent_exports
    match urlsplit(url).scheme:
        case "memory":
            from tocsin.logstore.backends.memory.store import MemoryLogStore

            return MemoryLogStore()
        case "clickhouse" | "clickhouses":
            from tocsin.logstore.backends.clickhouse.http_store import ClickHouseHttpStore

            return ClickHouseHttpStore(url, max_queries=max_queries)
        case "postgresql":
            from tocsin.logstore.backends.postgres.store import PostgresLogStore

            return PostgresLogStore(url, max_queries=max_queries, fsync=settings.logstore.fsync)
        case _:
            from tocsin.logstore.backends.clickhouse.embedded import EmbeddedClickHouseStore

            return EmbeddedClickHouseStore(
                settings.server.data_dir / LOGSTORE_DIRECTORY,
                fsync=settings.logstore.fsync,
                min_free_bytes=settings.logstore.min_free_disk_bytes,
                max_queries=max_queries,
            )
