"""Sends files through the intake of a running server, with a bar that shows how far it is."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from tocsin.cli.client import TocsinClient
from tocsin.cli.output import err, out
from tocsin.cli.text import harmless

IMPORT_KEY_NAME = "tocsin import"


class IngestRequest(Protocol):
    """A part of a file as one request to the intake."""

    @property
    def body(self) -> bytes:
        """As sent."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """Beside the API key: content type and encoding, and an idempotency key where it has one."""
        ...

    @property
    def consumed_bytes(self) -> int:
        """How much of the file it stands for."""
        ...


@dataclass(slots=True)
class ImportCounts:
    """What became of the records of a file."""

    received: int = 0
    duplicates_skipped: int = 0
    dead_letters: int = 0
    rejected: Counter[str] = field(default_factory=Counter)

    @property
    def stored(self) -> int:
        """How many are stored now that were not before."""
        return self.received - self.duplicates_skipped - self.dead_letters


@contextmanager
def import_key(client: TocsinClient, *, service: str) -> Iterator[str]:
    """An API key for the length of an import: people have tokens, and the intake takes keys."""
    wanted = {"name": IMPORT_KEY_NAME, "default_service": service, "allows_other_services": True}
    issued = client.post("/v1/keys", wanted)
    try:
        yield issued["secret"]
    finally:
        client.delete(f"/v1/keys/{issued['key']['id']}")


def send_file(
    client: TocsinClient, requests: Iterable[IngestRequest], *, api_key: str, name: str, size_bytes: int
) -> ImportCounts:
    """Send a file's requests one after the other, and add up the answers.

    Raises:
        CommandFailed: the server refused a request, or could not be reached; what was sent before is stored, and
            sending the file again stores the rest.
    """
    counts = ImportCounts()
    with _progress() as progress:
        task = progress.add_task(harmless(name), total=size_bytes)
        for request in requests:
            answer = client.post_bytes("/v1/ingest", request.body, {**request.headers, "X-API-Key": api_key})
            counts.received += answer["received"]
            counts.duplicates_skipped += answer["duplicates_skipped"]
            counts.dead_letters += answer["dead_letters"]
            counts.rejected.update(answer["rejected"])
            progress.advance(task, request.consumed_bytes)
    return counts


def print_counts(name: str, counts: ImportCounts) -> None:
    """One line for a file, and one for each reason of its dead letters."""
    out.print(
        f"{harmless(name)}: received {counts.received:,} = {counts.stored:,} stored "
        f"+ {counts.duplicates_skipped:,} duplicates + {counts.dead_letters:,} dead letters"
    )
    for reason, count in counts.rejected.most_common():
        out.print(f"  {reason}: {count:,}")


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        # The counts go to standard output; the bar must not get between them.
        console=err,
        transient=True,
        disable=not err.is_terminal,
    )
