"""``tocsin export``: a file that is whole when it is there under its name."""

import codecs
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from rich.progress import DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from tocsin.cli.client import CommandFailed, TocsinClient
from tocsin.cli.output import err
from tocsin.cli.text import harmless, harmless_lines

_FORM_BY_SUFFIX = {".csv": "csv", ".parquet": "parquet"}

_UNFINISHED = ".part"


def form_of(file: Path | None) -> str:
    """The form that a file's name asks for; lines of JSON where it asks for none."""
    return _FORM_BY_SUFFIX.get(file.suffix.lower(), "ndjson") if file else "ndjson"


def export_to(client: TocsinClient, file: Path | None, parameters: dict[str, Any]) -> int:
    """Write what the server exports to a file, or to standard output; returns how many bytes that were.

    Raises:
        CommandFailed: the server refused, or the export broke off: then there is no such file. Or it would have
            written what is no text to a terminal.
    """
    if file is None:
        if parameters.get("format") == "parquet" and sys.stdout.isatty():
            raise CommandFailed("a Parquet file is not for a terminal: give --output FILE")
        if sys.stdout.isatty():
            return _shown(client, parameters)
        return client.download("/v1/logs/export", sys.stdout.buffer.write, **parameters)
    with _finished(file) as destination, _progress(file.name) as take_note:

        def take(chunk: bytes) -> None:
            destination.write(chunk)
            take_note(len(chunk))

        return client.download("/v1/logs/export", take, **parameters)


def _shown(client: TocsinClient, parameters: dict[str, Any]) -> int:
    """Print an export to a terminal, which must not obey what logs hold; a file or a pipe gets it as it is."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def take(chunk: bytes) -> None:
        sys.stdout.write(harmless_lines(decoder.decode(chunk)))

    return client.download("/v1/logs/export", take, **parameters)


@contextmanager
def _finished(file: Path) -> Iterator[BinaryIO]:
    """A file that gets its name at the end of the block, and is gone when the block raises."""
    unfinished = file.with_name(f"{file.name}{_UNFINISHED}")
    try:
        with unfinished.open("wb") as destination:
            yield destination
        unfinished.replace(file)
    except OSError as error:
        raise CommandFailed(f"{file} can't be written: {error.strerror}") from error
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def _progress(name: str) -> Iterator[Callable[[int], None]]:
    columns = (TextColumn("{task.description}", markup=False), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task(harmless(name), total=None)
        yield lambda size_bytes: progress.advance(task, size_bytes)
