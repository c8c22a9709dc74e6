"""From decoded requests to stored batches: whatever waits goes together.

A request of a thousand logs costs as much in calls as in work, so requests that arrive while others are being
normalised or written are taken as one group next time. There is no timer: alone, a request goes at once.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from tocsin.accounts.contracts import KeyIdentity
from tocsin.ingest.contracts import Decoded, IngestOutcome, Reject
from tocsin.ingest.normalise import Normalised, Stamp, normalise
from tocsin.ingest.repository import IngestRepository
from tocsin.kit.clock import Clock, utc_now
from tocsin.logstore.ports import LogStore, Receipt

MAX_GROUP_RECORDS = 16_000
"""A group takes in no further request above this, so that the first in it is not kept waiting."""

MAX_GROUPS_BEING_WRITTEN = 2
"""While one group is written, the next is normalised."""


@dataclass(frozen=True, slots=True)
class _Submission:
    decoded: Decoded
    key: KeyIdentity
    default_timestamp_unix_nano: int
    outcome: "asyncio.Future[IngestOutcome]"


class Pipeline:
    """Normalises and writes; one a process, on its event loop."""

    def __init__(self, store: LogStore, repository: IngestRepository, *, clock: Clock) -> None:
        self._store = store
        self._repository = repository
        self._clock = clock
        self._waiting: list[_Submission] = []
        self._last_default_unix_nano = 0
        self._runner: asyncio.Task[None] | None = None
        self._writing: set[asyncio.Task[None]] = set()
        # One thread: the work is native code that fills a core, and the other one is for the network.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="tocsin-normalise")

    async def submit(
        self, decoded: Decoded, key: KeyIdentity, *, first_received_unix_nano: int | None
    ) -> IngestOutcome:
        """Store what can be stored; see ``IngestService.ingest``."""
        outcome: asyncio.Future[IngestOutcome] = asyncio.get_running_loop().create_future()
        default_timestamp = (
            self._next_default_timestamp() if first_received_unix_nano is None else first_received_unix_nano
        )
        self._waiting.append(_Submission(decoded, key, default_timestamp, outcome))
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
            group = self._next_group()
            stamp = self._stamp(group)
            records = [submission.decoded.records for submission in group]
            try:
                normalised = await loop.run_in_executor(self._thread, normalise, records, stamp)
            except Exception as error:  # noqa: BLE001  (the edge of the loop: the senders must hear of it)
                _fail(group, error)
                continue
            task = asyncio.create_task(self._write(group, normalised))
            self._writing.add(task)
            task.add_done_callback(self._writing.discard)
            while len(self._writing) >= MAX_GROUPS_BEING_WRITTEN:
                await asyncio.wait(self._writing, return_when=asyncio.FIRST_COMPLETED)

    def _next_group(self) -> list[_Submission]:
        """The longest waiting submission, and those that can go with it: same key."""
        first = self._waiting[0]
        group, records, left = [], 0, []
        for submission in self._waiting:
            fits = submission is first or (
                records + len(submission.decoded.records) <= MAX_GROUP_RECORDS and submission.key == first.key
            )
            if fits:
                group.append(submission)
                records += len(submission.decoded.records)
            else:
                left.append(submission)
        self._waiting = left
        return group

    def _stamp(self, group: Sequence[_Submission]) -> Stamp:
        key = group[0].key
        return Stamp(
            received_unix_nano=self._clock.now_unix_nano(),
            default_timestamps_unix_nano=[submission.default_timestamp_unix_nano for submission in group],
            default_service=key.default_service,
            allows_other_services=key.allows_other_services,
            content_hash_seed=key.content_hash_seed,
        )

    async def _write(self, group: list[_Submission], normalised: Normalised) -> None:
        try:
            outcomes = await self._outcomes(group, normalised)
        except Exception as error:  # noqa: BLE001  (the edge of the task: the senders must hear of it)
            _fail(group, error)
            return
        for submission, outcome in zip(group, outcomes, strict=True):
            if not submission.outcome.done():
                submission.outcome.set_result(outcome)

    async def _outcomes(self, group: list[_Submission], normalised: Normalised) -> list[IngestOutcome]:
        rejects = _rejects_by_submission(group, normalised)
        key = group[0].key
        all_rejects = [reject for each in rejects for reject in each]
        if all_rejects:
            # Before the logs: were it the other way round, a crash in between would lose them.
            await self._repository.add_dead_letters(
                key.organization_id, key.default_service, all_rejects, received_at=utc_now(self._clock)
            )
        received = sum(submission.decoded.received for submission in group)
        receipt = Receipt(received=received, dead_letters=len(all_rejects))
        written = await self._store.write(key.organization_id, normalised.batch, receipt)
        rows = np.bincount(normalised.sources, minlength=len(group))
        new_rows = np.bincount(normalised.sources[written.is_new], minlength=len(group))
        return [
            IngestOutcome(
                received=submission.decoded.received,
                stored=stored,
                duplicates_skipped=sent - stored,
                rejected=Counter(reject.reason for reject in each),
            )
            for submission, sent, stored, each in zip(group, rows.tolist(), new_rows.tolist(), rejects, strict=True)
        ]


def _rejects_by_submission(group: list[_Submission], normalised: Normalised) -> list[list[Reject]]:
    rejects = [list(submission.decoded.rejects) for submission in group]
    raw_records = {
        source: group[source].decoded.raw_records() for source in {each.source for each in normalised.refusals}
    }
    for refusal in normalised.refusals:
        raw = raw_records[refusal.source][refusal.row]
        rejects[refusal.source].append(Reject(refusal.reason, refusal.detail, raw))
    return rejects


def _fail(group: Sequence[_Submission], error: Exception) -> None:
    for submission in group:
        if not submission.outcome.done():
            submission.outcome.set_exception(error)
