"""``IncidentsService``: incidents from their opening to their end."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from tocsin.incidents.contracts import (
    Change,
    Deploy,
    Edge,
    Entry,
    Incident,
    IncidentChanged,
    IncidentDraft,
    IncidentFilter,
    KeptCorrection,
    LinkedLog,
    ResponseTimes,
    Signal,
    Status,
    TimelineItem,
)
from tocsin.incidents.corrections import Corrected, Corrections
from tocsin.incidents.editing import IncidentEdit, decided, difference
from tocsin.incidents.grouping_service import CallGraphOf, Grouping
from tocsin.incidents.metrics import observe_resolved
from tocsin.incidents.repository import Decision, IncidentsRepository
from tocsin.incidents.response_times import response_times
from tocsin.incidents.rows import Note, changed
from tocsin.incidents.state_machine import moved
from tocsin.incidents.timeline import deploys_between, timeline
from tocsin.kit.clock import Clock, utc_now
from tocsin.kit.errors import Conflict, InvalidRequest, NotFound
from tocsin.logstore.ports import OrganizationId
from tocsin.topology.contracts import CallGraph

DEFAULT_INCIDENTS, MAX_INCIDENTS = 50, 500
MAX_EVENTS = 1_000
MAX_LINKED_LOGS = 1_000
"""Of one incident: all of them are listed at once."""

DEFAULT_QUIET_MINUTES = 15.0

Listener = Callable[[IncidentChanged], None]


class IncidentsService:
    """The incidents of every organization. Every method may raise ``ServiceUnavailable``.

    Whoever changes an incident says which version of it they saw. Where somebody else was faster, nothing is changed,
    and that is a ``Conflict``.
    """

    def __init__(
        self,
        repository: IncidentsRepository,
        *,
        clock: Clock,
        call_graph: CallGraphOf | None = None,
        quiet_minutes: float = DEFAULT_QUIET_MINUTES,
    ) -> None:
        """Group signals by a call graph; without one, nothing is known of who calls whom.

        Incidents that signals opened end once these were quiet for so many minutes; 0: never by themselves.
        """
        self._repository = repository
        self._clock = clock
        self._quiet_after = timedelta(minutes=quiet_minutes)
        self._signals = repository.grouping()
        self._grouping = Grouping(self._signals, call_graph or no_calls, clock=clock)
        self._corrections = Corrections(self._signals, call_graph or no_calls, clock=clock)
        self._listeners: list[Listener] = []

    def on_change(self, listener: Listener) -> Callable[[], None]:
        """Call this with each change that this process makes, on the event loop; it must not wait.

        Returns what ends that.
        """
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def open(self, organization_id: OrganizationId, draft: IncidentDraft, *, by: UUID) -> Incident:
        """Open an incident.

        Raises:
            InvalidRequest: it is said to have begun in the future.
        """
        now = utc_now(self._clock)
        if draft.started_at is not None and draft.started_at > now:
            raise InvalidRequest(f"started_at is in the future: {draft.started_at.isoformat()}")
        incident = Incident(
            id=uuid4(),
            organization_id=organization_id,
            number=0,
            title=draft.title,
            status=Status.OPEN,
            severity=draft.severity,
            service=draft.service,
            affected_services=() if draft.service is None else (draft.service,),
            started_at=draft.started_at or now,
            opened_at=now,
            tags=tuple(dict.fromkeys(draft.tags)),
            edited=decided(draft),
        )
        opened, entry = await self._repository.add(incident, Note(change=Change.OPENED, by=by, at=now))
        self._tell(entry, opened)
        return opened

    async def get(self, organization_id: OrganizationId, incident_id: UUID) -> Incident:
        """One incident.

        Raises:
            NotFound: the organization has none with this id.
        """
        found = await self._repository.get(organization_id, incident_id)
        if found is None:
            raise _missing(incident_id)
        return found

    async def find(
        self,
        organization_id: OrganizationId,
        wanted: IncidentFilter,
        *,
        below: int | None = None,
        limit: int = DEFAULT_INCIDENTS,
    ) -> list[Incident]:
        """The newest incidents that match, or the newest with a number below this one."""
        return await self._repository.find(organization_id, wanted, below=below, limit=limit)

    async def edit(
        self, organization_id: OrganizationId, incident_id: UUID, edit: IncidentEdit, *, version: int, by: UUID
    ) -> Incident:
        """Change what people say of an incident.

        Raises:
            NotFound: the organization has none with this id.
            Conflict: it has another version.
        """

        def decide(before: Incident) -> tuple[Incident, Note] | None:
            _check_version(before, version)
            after = edit.of(before)
            if after == before:
                return None
            return after, Note(change=Change.UPDATED, text=difference(before, after), by=by, at=utc_now(self._clock))

        return await self._change(organization_id, incident_id, decide)

    async def set_status(
        self, organization_id: OrganizationId, incident_id: UUID, status: Status, *, version: int, by: UUID
    ) -> Incident:
        """Say how far people have come.

        Raises:
            NotFound: the organization has none with this id.
            Conflict: it has another version, or its status can't be followed by this one.
        """

        def decide(before: Incident) -> tuple[Incident, Note]:
            _check_version(before, version)
            now = utc_now(self._clock)
            after, change = moved(before, status, at=now)
            return after, Note(change=change, by=by, at=now)

        saved = await self._change(organization_id, incident_id, decide)
        if saved.resolved_at is not None:
            observe_resolved(saved)
        return saved

    async def comment(self, organization_id: OrganizationId, incident_id: UUID, text: str, *, by: UUID) -> Entry:
        """Write something into an incident's timeline. Raises ``NotFound``."""
        note = Note(change=Change.COMMENTED, text=text, by=by, at=utc_now(self._clock))
        done = await self._repository.change(organization_id, incident_id, lambda before: (before, note))
        incident, entry = _found(done, incident_id)
        assert entry is not None
        self._tell(entry, incident)
        return entry

    async def entries(self, organization_id: OrganizationId, incident_id: UUID) -> list[Entry]:
        """What was done with an incident, in order. Raises ``NotFound``."""
        await self.get(organization_id, incident_id)
        return await self._repository.entries(organization_id, incident_id)

    async def timeline(self, organization_id: OrganizationId, incident_id: UUID) -> list[TimelineItem]:
        """What happened in an incident and before it, in order: changes, signals, deploys. Raises ``NotFound``."""
        incident = await self.get(organization_id, incident_id)
        entries = await self._repository.entries(organization_id, incident_id)
        signals, _ = await self._signals.signals(organization_id, incident_id)
        start, end = deploys_between(incident, utc_now(self._clock))
        deploys = await self._signals.deploys(organization_id, start, end)
        return timeline(incident, entries, signals, deploys)

    async def link(
        self, organization_id: OrganizationId, incident_id: UUID, logs: Mapping[str, Mapping[str, Any]], *, by: UUID
    ) -> list[LinkedLog]:
        """Keep copies of logs, by id, with an incident, beside those that it has; answers all of them.

        Raises:
            NotFound: the organization has no such incident.
            Conflict: there would be more than ``MAX_LINKED_LOGS``.
        """
        now = utc_now(self._clock)

        def note(known: int, new: int) -> Note | None:
            if known + new > MAX_LINKED_LOGS:
                raise Conflict(f"an incident has {MAX_LINKED_LOGS:,} linked logs at most; take some away first")
            what = "1 log" if new == 1 else f"{new:,} logs"
            return Note(change=Change.LINKED, text=what, by=by, at=now) if new else None

        links = [LinkedLog(log_id=each, log=log, linked_by=by, linked_at=now) for each, log in logs.items()]
        incident, entry = _found(await self._repository.link(organization_id, incident_id, links, note), incident_id)
        if entry is not None:
            self._tell(entry, incident)
        return await self._repository.links(organization_id, incident_id)

    async def unlink(self, organization_id: OrganizationId, incident_id: UUID, log_id: str, *, by: UUID) -> None:
        """Forget the copy of a log. Raises ``NotFound``."""
        note = Note(change=Change.UNLINKED, text="1 log", by=by, at=utc_now(self._clock))
        done = await self._repository.unlink(organization_id, incident_id, log_id, note)
        if done is None:
            raise NotFound(f"no log with the id {log_id} is linked to that incident")
        incident, entry = done
        self._tell(entry, incident)

    async def links(self, organization_id: OrganizationId, incident_id: UUID) -> list[LinkedLog]:
        """The logs that are linked to an incident. Raises ``NotFound``."""
        await self.get(organization_id, incident_id)
        return await self._repository.links(organization_id, incident_id)

    async def take_signals(self, organization_id: OrganizationId, signals: Sequence[Signal]) -> list[Incident]:
        """Make incidents of signals; answers those that have them. The same signals again change nothing.

        A signal that can't open an incident, and joins none, is kept for a while and is in none of the answer.
        """
        grouped = await self._grouping.take(organization_id, signals)
        self._tell_all(grouped.told)
        return list(grouped.incidents)

    async def deployed(self, organization_id: OrganizationId, deploy: Deploy) -> None:
        """Keep that a version was rolled out: a likely cause of what follows. The same again changes nothing."""
        self._tell_all((await self._grouping.deployed(organization_id, deploy)).told)

    async def signals(self, organization_id: OrganizationId, incident_id: UUID) -> tuple[list[Signal], list[Edge]]:
        """The signals of an incident by onset, and why each is there. Raises ``NotFound``."""
        await self.get(organization_id, incident_id)
        return await self._signals.signals(organization_id, incident_id)

    async def split(
        self, organization_id: OrganizationId, incident_id: UUID, signal_ids: Collection[UUID], *, by: UUID
    ) -> Corrected:
        """Make a new incident of some signals, see ``Corrections.split``."""
        return self._told(await self._corrections.split(organization_id, incident_id, frozenset(signal_ids), by=by))

    async def merge(
        self, organization_id: OrganizationId, incident_id: UUID, others: Collection[UUID], *, by: UUID
    ) -> Corrected:
        """Make other incidents part of this one, see ``Corrections.merge``."""
        return self._told(await self._corrections.merge(organization_id, incident_id, frozenset(others), by=by))

    async def move(
        self, organization_id: OrganizationId, incident_id: UUID, signal_ids: Collection[UUID], to: UUID, *, by: UUID
    ) -> Corrected:
        """Put signals into another incident, see ``Corrections.move``."""
        return self._told(await self._corrections.move(organization_id, incident_id, frozenset(signal_ids), to, by=by))

    async def undo(self, organization_id: OrganizationId, correction_id: UUID, *, by: UUID) -> Corrected:
        """Take a correction back, see ``Corrections.undo``."""
        return self._told(await self._corrections.undo(organization_id, correction_id, by=by))

    async def corrections(self, organization_id: OrganizationId, incident_id: UUID) -> list[KeptCorrection]:
        """What holds of what people corrected in an incident, the latest first. Raises ``NotFound``."""
        await self.get(organization_id, incident_id)
        return await self._corrections.of(organization_id, incident_id)

    async def resolve_quiet(self, organization_id: OrganizationId) -> list[Incident]:
        """Resolve incidents that signals opened and that are over by themselves; answers them."""
        if not self._quiet_after:
            return []
        grouped = await self._grouping.resolve_quiet(organization_id, self._quiet_after)
        for incident in grouped.incidents:
            observe_resolved(incident)
        self._tell_all(grouped.told)
        return list(grouped.incidents)

    async def with_quiet(self) -> list[OrganizationId]:
        """The organizations in which ``resolve_quiet`` has something to do."""
        return await self._grouping.with_quiet(self._quiet_after) if self._quiet_after else []

    async def response_times(self, organization_id: OrganizationId, since: datetime) -> list[ResponseTimes]:
        """How fast people were with the incidents that were opened since then: with all of them, and by service."""
        return response_times(await self._repository.opened_since(organization_id, since))

    async def events_after(
        self, organization_id: OrganizationId, sequence: int, *, limit: int = MAX_EVENTS
    ) -> list[IncidentChanged]:
        """The next events after this one, in order. Whoever goes on from the last one's sequence misses none."""
        return await self._repository.events_after(organization_id, sequence, limit=limit)

    async def last_sequence(self, organization_id: OrganizationId) -> int:
        """Of the latest event; 0 where there is none."""
        return await self._repository.last_sequence(organization_id)

    async def _change(self, organization_id: OrganizationId, incident_id: UUID, decide: Decision) -> Incident:
        done = await self._repository.change(organization_id, incident_id, decide)
        incident, entry = _found(done, incident_id)
        if entry is not None:
            self._tell(entry, incident)
        return incident

    def _told(self, corrected: Corrected) -> Corrected:
        self._tell_all(corrected.told)
        return corrected

    def _tell_all(self, told: Iterable[tuple[Entry, Incident]]) -> None:
        for entry, incident in told:
            self._tell(entry, incident)

    def _tell(self, entry: Entry, incident: Incident) -> None:
        event = changed(entry, incident)
        for listener in list(self._listeners):
            listener(event)


async def no_calls(_organization_id: OrganizationId) -> CallGraph:
    """Nothing is known of who calls whom."""
    return CallGraph()


def _found(done: tuple[Incident, Entry | None] | None, incident_id: UUID) -> tuple[Incident, Entry | None]:
    if done is None:
        raise _missing(incident_id)
    return done


def _missing(incident_id: UUID) -> NotFound:
    return NotFound(f"there is no incident with the id {incident_id}")


def _check_version(incident: Incident, version: int) -> None:
    """Raises ``Conflict`` where it is another one by now."""
    if incident.version != version:
        now = f"somebody else has changed incident {incident.number} and has version {incident.version} now"
        raise Conflict(f"{now}; look at it again")
