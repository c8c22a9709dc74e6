"""The commands of ``tocsin``. What is slow to import is imported by the command that needs it."""

import json
import os
import sys
import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tocsin import __version__
from tocsin.cli import (
    demo_command,
    evaluate_command,
    job_commands,
    key_commands,
    patterns_command,
    service_commands,
    signing_key_commands,
    simulate_command,
    user_commands,
)
from tocsin.cli.options import AsJson
from tocsin.cli.options import current_settings as _settings
from tocsin.cli.text import harmless
from tocsin.kit import interpreter
from tocsin.kit.errors import TocsinError

if TYPE_CHECKING:
    from tocsin.wiring import Components

app = typer.Typer(
    name="tocsin",
    help="Tocsin: a log and incident platform. Settings are TOCSIN_* variables; docs/configuration.md has them all.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(evaluate_command.app, name="evaluate")
app.add_typer(job_commands.app, name="jobs")
app.add_typer(key_commands.app, name="keys")
app.add_typer(service_commands.app, name="services")
app.add_typer(user_commands.app, name="users")
app.add_typer(signing_key_commands.app, name="signing-key")


def main() -> None:
    """Run a command; an error that Tocsin knows is one red line, and exit code 1."""
    try:
        app()
    except TocsinError as error:
        from tocsin.cli.output import print_error

        print_error(error.detail)
        sys.exit(1)
    except BrokenPipeError:
        # The reader of our output has left (`tocsin search … | head`): nothing more to say, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


@app.command()
def serve() -> None:
    """Start the server, and run it until SIGTERM or Ctrl-C."""
    started = time.monotonic()
    settings = _settings()
    interpreter.prepare()
    from tocsin.api.serving import serve as serve_until_stopped
    from tocsin.cli.client import server_url
    from tocsin.cli.first_start import announce_first_start, announce_ready

    # Where this server listens, whatever server the other commands are told to talk to.
    url = server_url(settings, of_this_machine=True)

    def announce(components: "Components") -> None:
        if components.first_start:
            announce_first_start(url, components.first_start)
        announce_ready(url, seconds=time.monotonic() - started)

    serve_until_stopped(settings, announce)


Query = Annotated[str, typer.Argument(help='Words, "phrases", field:value, level:>=WARN; empty for everything.')]
Since = Annotated[str | None, typer.Option(help="How far back: 30s, 15m, 2h, 7d; an hour if left out.")]
Start = Annotated[str | None, typer.Option("--from", help="From this moment: RFC 3339, or now-2h.")]
End = Annotated[str | None, typer.Option("--to", help="To just before this moment.")]
Saved = Annotated[str | None, typer.Option(help="The name of a saved search, in place of a query.")]


@app.command()
def search(
    query: Query = "",
    since: Since = None,
    start: Start = None,
    end: End = None,
    saved: Saved = None,
    words: Annotated[
        str | None, typer.Option(help="A question in plain English, in place of a query: 'errors yesterday'.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="At most so many logs, the newest.")] = 100,
    count: Annotated[bool, typer.Option("--count", help="Print how many logs match, and none of them.")] = False,
    as_json: AsJson = False,
) -> None:
    """Find logs; the newest come last, nearest to the prompt."""
    from tocsin.cli.asking import Asked
    from tocsin.cli.client import TocsinClient
    from tocsin.cli.output import print_log, print_notice
    from tocsin.cli.plain_words import print_answer, translated

    if words is not None and (query or saved or since or start or end):
        raise typer.BadParameter("--words says everything: give no query, time or --saved with it")
    asked = Asked(query=query, saved=saved, since=since, start=start, end=end)
    with TocsinClient(_settings()) as client:
        if words is not None:
            question = translated(client, words)
            if not question.is_query and not count:
                print_answer(client, question, as_json=as_json)
                return
            asked = question.asked()
            limit = question.answer["limit"] or limit
        parameters = asked.parameters(client)
        if count:
            counted = client.get("/v1/logs/count", **parameters)
            print(json.dumps(counted) if as_json else harmless(str(counted["count"])))
            return
        answer = client.get("/v1/logs", limit=limit, **parameters)
    logs: list[dict[str, Any]] = answer["logs"]
    if not logs:
        print_notice(f"no log matches between {answer['from']} and {answer['to']}; --since 7d looks further back")
    for log in reversed(logs):
        if as_json:
            print(json.dumps(log))
        else:
            print_log(log)


@app.command()
def export(
    query: Query = "",
    since: Since = None,
    start: Start = None,
    end: End = None,
    saved: Saved = None,
    form: Annotated[
        str | None, typer.Option("--format", help="ndjson, csv or parquet; left out, the file's name says it.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", dir_okay=False, help="Left out, it is printed.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many logs, the oldest.")] = None,
) -> None:
    """Write all logs that match to a file, oldest first."""
    from tocsin.cli.asking import Asked
    from tocsin.cli.client import TocsinClient
    from tocsin.cli.exporting import export_to, form_of
    from tocsin.cli.output import err
    from tocsin.cli.text import bytes_shown

    asked = Asked(query=query, saved=saved, since=since, start=start, end=end)
    with TocsinClient(_settings()) as client:
        parameters = {**asked.parameters(client), "format": form or form_of(output), "limit": limit}
        size_bytes = export_to(client, output, parameters)
    if output is not None:
        err.print(f"{output}: {bytes_shown(size_bytes)}")


@app.command()
def tail(
    query: Annotated[str, typer.Argument(help="As for search; empty for everything.")] = "",
    rate_limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many logs a second.")] = 1_000,
    as_json: AsJson = False,
) -> None:
    """Show logs as they are stored, until Ctrl-C; goes on where it was when the server was away."""
    from tocsin.cli.output import print_log, print_notice
    from tocsin.cli.tailing import LiveLogs

    messages = LiveLogs(_settings(), query, rate_limit=rate_limit, on_break=lambda reason: print_notice(f"{reason} …"))
    try:
        for message in messages:
            if message["type"] == "left_out":
                print_notice(f"{message['count']:,} more matched in that second and were left out")
                continue
            for log in message["logs"]:
                if as_json:
                    print(json.dumps(log), flush=True)
                else:
                    print_log(log)
    except KeyboardInterrupt:
        return


@app.command()
def status(as_json: AsJson = False) -> None:
    """Show the server's parts, what became of every log it received, and its disk."""
    from tocsin.cli.client import TocsinClient
    from tocsin.cli.output import print_status

    with TocsinClient(_settings()) as client:
        code, readiness = client.state("/readyz")
        report = {**readiness, **client.get("/v1/status"), "ledger": client.get("/v1/ingest/ledger")}
    if as_json:
        print(json.dumps(report))
    else:
        print_status(client.url, report)
    if code != 200:
        raise typer.Exit(1)


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Say what is unsafe in this configuration, and what to do; exit code 1 when anything is."""
    import asyncio
    from dataclasses import asdict

    from tocsin.cli.doctor.findings import Level
    from tocsin.cli.doctor.report import print_findings, worst_first
    from tocsin.cli.doctor.settings_checks import check_settings
    from tocsin.cli.doctor.surroundings import look_around
    from tocsin.cli.doctor.surroundings_checks import check_surroundings

    settings = _settings()
    seen = asyncio.run(look_around(settings, Path.cwd()))
    findings = [*check_settings(settings), *check_surroundings(settings, seen)]
    if as_json:
        print(json.dumps([asdict(finding) for finding in worst_first(findings)]))
    else:
        print_findings(findings)
    if any(finding.level is Level.UNSAFE for finding in findings):
        raise typer.Exit(1)


class ImportFormat(StrEnum):
    """What a line of an imported file is."""

    AUTO = "auto"
    NDJSON = "ndjson"
    LINES = "lines"


@app.command("import")
def import_files(
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, readable=True, help="Log files.")],
    service: Annotated[
        str | None, typer.Option(help="The service of lines that name none; left out, the file's name says it.")
    ] = None,
    form: Annotated[ImportFormat, typer.Option("--format", help="What a line is.")] = ImportFormat.AUTO,
) -> None:
    """Send log files to the server; sending them again stores only what is new."""
    from tocsin.cli.client import TocsinClient
    from tocsin.cli.importing import ImportCounts, check_readable, import_keys, print_counts, send_file
    from tocsin.cli.output import print_notice
    from tocsin.ingest.importer import FileFormat, chunks, detect_format, service_of

    total = ImportCounts()
    with TocsinClient(_settings()) as client, import_keys(client) as key_for:
        for file in files:
            check_readable(file)
            file_format = detect_format(file) if form is ImportFormat.AUTO else FileFormat(form.value)
            file_service = service or service_of(file)
            counts = send_file(
                client,
                chunks(file, file_format, service=file_service),
                api_key=key_for(file_service),
                name=file.name,
                size_bytes=file.stat().st_size,
            )
            print_counts(str(file), counts)
            total.include(counts)
    if len(files) > 1:
        print_counts(f"{len(files):,} files", total)
    if total.dead_letters:
        print_notice("GET /v1/dead-letters says why the dead letters could not be stored")
    if total.received and total.received == total.dead_letters:
        raise typer.Exit(1)


@app.command()
def version() -> None:
    """Print the version."""
    print(f"tocsin {__version__}")


app.command("demo")(demo_command.demo)
app.command("patterns")(patterns_command.patterns)
app.command("simulate")(simulate_command.simulate)
