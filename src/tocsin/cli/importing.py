"""Sends files through the intake of a running server, with a bar that shows how far it is."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from tocsin.cli.client import CommandFailed, TocsinClient
from tocsin.cli.output import err, out
from tocsin.cli.text import harmless
from tocsin.ingest.importer import Chunk

IMPORT_KEY_NAME = "tocsin import"


@dataclass(slots=True)
class ImportCounts:
    """What became of the records of a file."""

    received: int = 0
    duplicates_skipped: int = 0
    dead_letters: int = 0
    blank_lines: int = 0
    rejected: Counter[str] = field(default_factory=Counter)

    def add(self, answer: dict[str, Any]) -> None:
        """Count what the intake answered to one request."""
        self.received += answer["received"]
        self.duplicates_skipped += answer["duplicates_skipped"]
        self.dead_letters += answer["dead_letters"]
        self.rejected.update(answer["rejected"])

    def include(self, other: "ImportCounts") -> None:
        """Add another file's counts."""
        self.received += other.received
        self.duplicates_skipped += other.duplicates_skipped
        self.dead_letters += other.dead_letters
        self.blank_lines += other.blank_lines
        self.rejected.update(other.rejected)

    @property
    def stored(self) -> int:
        """How many are stored now that were not before."""
        return self.received - self.duplicates_skipped - self.dead_letters


_COMPRESSED = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bzip2", b"\xfd7zXZ": "xz"}


def check_readable(file: Path) -> None:
    """Refuse what would be read as lines and holds none.

    Raises:
        CommandFailed: the file is compressed, or is no regular file, of which equal lines could not be counted first.
    """
    if not file.is_file():
        raise CommandFailed(f"{file} is not a regular file; write what it gives into one, and import that")
    with file.open("rb") as opened:
        beginning = opened.read(8)
    for magic, name in _COMPRESSED.items():
        if beginning.startswith(magic):
            raise CommandFailed(f"{file} is compressed with {name}; unpack it first, and import what comes out")


@contextmanager
def import_keys(client: TocsinClient, *, name: str = IMPORT_KEY_NAME) -> Iterator[Callable[[str], str]]:
    """API keys for the length of a command, by default service: people have tokens, and the intake takes keys."""
    issued: dict[str, dict[str, Any]] = {}

    def key_for(service: str) -> str:
        if service not in issued:
            wanted = {"name": name, "default_service": service, "allows_other_services": True}
            issued[service] = client.post("/v1/keys", wanted)
        return str(issued[service]["secret"])

    try:
        yield key_for
    finally:
        for answer in issued.values():
            client.delete(f"/v1/keys/{answer['key']['id']}")


def send_file(
    client: TocsinClient, chunks: Iterable[Chunk], *, api_key: str, name: str, size_bytes: int
) -> ImportCounts:
    """Send a file's chunks one after the other, and add up the answers.

    Raises:
        CommandFailed: the server refused a chunk, or could not be reached; what was sent before is stored, and
            sending the file again stores the rest.
    """
    counts = ImportCounts()
    with _progress() as progress:
        task = progress.add_task(harmless(name), total=size_bytes)
        for chunk in chunks:
            counts.blank_lines += chunk.blank_lines
            if chunk.records:
                counts.add(client.post_bytes("/v1/ingest", chunk.body, _headers(chunk, api_key)))
            progress.update(task, completed=chunk.end_bytes)
    return counts


def _headers(chunk: Chunk, api_key: str) -> dict[str, str]:
    return {
        "X-API-Key": api_key,
        "Content-Type": "application/x-ndjson",
        "Idempotency-Key": chunk.idempotency_key,
    }


def print_counts(name: str, counts: ImportCounts) -> None:
    """One line for a file, and one for each reason of its dead letters."""
    out.print(
        f"{harmless(name)}: received {counts.received:,} = {counts.stored:,} stored "
        f"+ {counts.duplicates_skipped:,} duplicates + {counts.dead_letters:,} dead letters"
        + (f"; {counts.blank_lines:,} blank lines left out" if counts.blank_lines else "")
    )
    for reason, count in counts.rejected.most_common():
        out.print(f"  {harmless(reason)}: {count:,}")


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
