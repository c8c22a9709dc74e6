"""From decoded requests to stored batches: whatever waits goes together.

A request of a thousand logs costs as much in calls as in work, so requests that arrive while others are being
normalised or written are taken as one group next time. There is no timer: alone, a request goes at once.

One thread decodes each request of a group and turns it into columns at once: half of the time that a record takes
is spent on touching its objects, and that doubles where another thread made them.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from uuid import UUID

import numpy as np
import pyarrow.compute as pc

from tocsin.accounts.contracts import KeyIdentity
from tocsin.ingest.contracts import Decode, IngestOutcome, Reject
from tocsin.ingest.normalise import Checked, Normalised, Stamp, check, join
from tocsin.ingest.repository import IngestRepository
from tocsin.kit.clock import Clock, utc_now
from tocsin.logstore.ports import LogStore, Receipt

MAX_GROUP_BYTES = 6 << 20
"""A group takes in no further request whose body would bring it above this: the first in it is not kept waiting."""

MAX_GROUPS_BEING_WRITTEN = 2
"""While one group is written, the next is normalised."""


@dataclass(frozen=True, slots=True)
class _Submission:
    decode: Decode
    size_bytes: int
    key: KeyIdentity
    default_timestamp_unix_nano: int
    inactive_services: frozenset[str]
    outcome: "asyncio.Future[IngestOutcome]"


@dataclass(frozen=True, slots=True)
class _Arrival:
    """What is still needed of a request once its records are columns."""

    submission: _Submission
    received: int
    rejects: list[Reject]
    raw_records: Callable[[], Sequence[bytes]]


@dataclass(frozen=True, slots=True)
class _Group:
    """Requests that are written together; those that can't be read or checked have failed by themselves."""

    #: By the number that the request has as a source.
    arrivals: dict[int, _Arrival]
    faults: list[tuple[_Submission, Exception]]
    normalised: Normalised


class Pipeline:
    """Normalises and writes; one a process, on its event loop."""

    def __init__(
        self,
        store: LogStore,
        repository: IngestRepository,
        *,
        clock: Clock,
        on_written: Callable[[KeyIdentity, IngestOutcome, int], None] = lambda _key, _outcome, _size_bytes: None,
        on_services: Callable[[UUID, Iterable[str]], None] = lambda _organization_id, _names: None,
    ) -> None:
        """Call ``on_written`` for each request that is durable, with its size in bytes: also if its sender has left.

        ``on_services`` is called with the organization and the services of each batch that is durable.
        """
        self._store = store
        self._repository = repository
        self._clock = clock
        self._on_written = on_written
        self._on_services = on_services
        self._waiting: list[_Submission] = []
        self._last_default_unix_nano = 0
        self._runner: asyncio.Task[None] | None = None
        self._writing: set[asyncio.Task[None]] = set()
        # One thread: the work is native code that fills a core, and the other one is for the network.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="tocsin-normalise")

    async def submit(
        self,
        decode: Decode,
        key: KeyIdentity,
        *,
        size_bytes: int,
        first_received_unix_nano: int | None,
        inactive_services: frozenset[str] = frozenset(),
    ) -> IngestOutcome:
        """Store what can be stored of a body of ``size_bytes``; see ``IngestService.ingest``."""
        outcome: asyncio.Future[IngestOutcome] = asyncio.get_running_loop().create_future()
        default_timestamp = (
            self._next_default_timestamp() if first_received_unix_nano is None else first_received_unix_nano
        )
        self._waiting.append(_Submission(decode, size_bytes, key, default_timestamp, inactive_services, outcome))
        if self._runner is None or self._runner.done():
            self._runner = asyncio.create_task(self._run_until_empty())
        return await outcome

    def _next_default_timestamp(self) -> int:
        """The time of receipt, later than every one before: equal logs of two requests are two logs."""
        self._last_default_unix_nano = max(self._clock.now_unix_nano(), self._last_default_unix_nano + 1)
        return self._last_default_unix_nano

    async def close(self) -> None:
        """Finish everything submitted."""
        if self._runner is not None:
            await self._runner
        if self._writing:
            await asyncio.wait(self._writing)
        self._thread.shutdown(wait=True)

    async def _run_until_empty(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            submissions = self._next_submissions()
            try:
                group = await loop.run_in_executor(self._thread, _normalised, submissions, self._stamp(submissions))
            except Exception as error:  # noqa: BLE001  (the edge of the loop: the senders must hear of it)
                _fail(submissions, error)
                continue
            for submission, fault in group.faults:
                _fail([submission], fault)
            task = asyncio.create_task(self._write(group))
            self._writing.add(task)
            task.add_done_callback(self._writing.discard)
            while len(self._writing) >= MAX_GROUPS_BEING_WRITTEN:
                await asyncio.wait(self._writing, return_when=asyncio.FIRST_COMPLETED)

    def _next_submissions(self) -> list[_Submission]:
        """The longest waiting submission, and those that can go with it: same key, and same services known."""
        first = self._waiting[0]
        taken, size_bytes, left = [], 0, []
        for submission in self._waiting:
            fits = submission is first or (
                size_bytes + submission.size_bytes <= MAX_GROUP_BYTES
                and submission.key == first.key
                and submission.inactive_services == first.inactive_services
            )
            if fits:
                taken.append(submission)
                size_bytes += submission.size_bytes
            else:
                left.append(submission)
        self._waiting = left
        return taken

    def _stamp(self, submissions: Sequence[_Submission]) -> Stamp:
        key = submissions[0].key
        return Stamp(
            received_unix_nano=self._clock.now_unix_nano(),
            default_timestamps_unix_nano=[submission.default_timestamp_unix_nano for submission in submissions],
            default_service=key.default_service,
            allows_other_services=key.allows_other_services,
            content_hash_seed=key.content_hash_seed,
            inactive_services=submissions[0].inactive_services,
        )

    async def _write(self, group: _Group) -> None:
        if not group.arrivals:
            return
        submissions = [arrival.submission for arrival in group.arrivals.values()]
        try:
            outcomes = await self._outcomes(group)
        except Exception as error:  # noqa: BLE001  (the edge of the task: the senders must hear of it)
            _fail(submissions, error)
            return
        for submission, outcome in zip(submissions, outcomes, strict=True):
            self._on_written(submission.key, outcome, submission.size_bytes)
            if not submission.outcome.done():
                submission.outcome.set_result(outcome)

    async def _outcomes(self, group: _Group) -> list[IngestOutcome]:
        normalised = group.normalised
        rejects = _rejects_by_source(group)
        key = next(iter(group.arrivals.values())).submission.key
        all_rejects = [reject for each in rejects.values() for reject in each]
        if all_rejects:
            # Before the logs: were it the other way round, a crash in between would lose them.
            await self._repository.add_dead_letters(
                key.organization_id, key.default_service, all_rejects, received_at=utc_now(self._clock)
            )
        received = sum(arrival.received for arrival in group.arrivals.values())
        receipt = Receipt(received=received, dead_letters=len(all_rejects))
        written = await self._store.write(key.organization_id, normalised.batch, receipt)
        self._on_services(key.organization_id, pc.unique(normalised.batch.rows["service"]).to_pylist())
        sources = max(group.arrivals) + 1
        rows = np.bincount(normalised.sources, minlength=sources).tolist()
        new_rows = np.bincount(normalised.sources[written.is_new], minlength=sources).tolist()
        return [
            IngestOutcome(
                received=arrival.received,
                stored=new_rows[source],
                duplicates_skipped=rows[source] - new_rows[source],
                rejected=Counter(reject.reason for reject in rejects[source]),
            )
            for source, arrival in group.arrivals.items()
        ]


def _normalised(submissions: Sequence[_Submission], stamp: Stamp) -> _Group:
    """Decode and check one request after the other, then convert what they hold together."""
    arrivals: dict[int, _Arrival] = {}
    checked: list[Checked] = []
    faults: list[tuple[_Submission, Exception]] = []
    for source, submission in enumerate(submissions):
        try:
            decoded = submission.decode()
            checked.append(check(decoded.records, source, stamp))
        except Exception as error:  # noqa: BLE001  (one request's fault is not its neighbours')
            faults.append((submission, error))
        else:
            arrivals[source] = _Arrival(submission, decoded.received, decoded.rejects, decoded.raw_records)
    return _Group(arrivals, faults, join(checked, stamp))


def _rejects_by_source(group: _Group) -> dict[int, list[Reject]]:
    rejects = {source: list(arrival.rejects) for source, arrival in group.arrivals.items()}
    refusals = group.normalised.refusals
    raw_records = {source: group.arrivals[source].raw_records() for source in {each.source for each in refusals}}
    for refusal in refusals:
        raw = raw_records[refusal.source][refusal.row]
        rejects[refusal.source].append(Reject(refusal.reason, refusal.detail, raw, refusal.service))
    return rejects


def _fail(submissions: Sequence[_Submission], error: Exception) -> None:
    for submission in submissions:
        if not submission.outcome.done():
            submission.outcome.set_exception(error)
