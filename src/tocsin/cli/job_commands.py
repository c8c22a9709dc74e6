"""``tocsin jobs``: what waits, and what was given up; over the database of the settings, needs no running server."""

from typing import Annotated
from uuid import UUID

import typer

from tocsin.cli.options import AsJson, current_settings, print_json

app = typer.Typer(help="Work of the servers that is kept in the database.", no_args_is_help=True)


@app.command("list")
def list_jobs(
    failed: Annotated[bool, typer.Option("--failed", help="Only those that were given up.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the jobs of all organizations, and why those that failed did."""
    import asyncio

    from tocsin.cli.jobs_output import job_as_json, print_jobs
    from tocsin.cli.local_jobs import local_jobs
    from tocsin.cli.output import print_notice
    from tocsin.jobs.administration import MAX_LISTED, KeptJob

    async def listed() -> list[KeptJob]:
        async with local_jobs(current_settings()) as jobs:
            return list(await jobs.listed(only_failed=failed))

    found = asyncio.run(listed())
    if as_json:
        print_json([job_as_json(job) for job in found])
        return
    print_jobs(found)
    if not found:
        print_notice("no job was given up" if failed else "no job waits, and none was given up")
    if len(found) == MAX_LISTED:
        print_notice(f"there may be more: these are the first {MAX_LISTED}")


@app.command("retry")
def retry_job(
    job_id: Annotated[UUID, typer.Argument(metavar="ID", help="As `tocsin jobs list --failed` shows it.")],
    as_json: AsJson = False,
) -> None:
    """Let a job that was given up be done again, as if it had never been tried."""
    import asyncio

    from tocsin.cli.local_jobs import local_jobs
    from tocsin.cli.people import print_done

    async def retry() -> None:
        async with local_jobs(current_settings()) as jobs:
            await jobs.retry(job_id)

    asyncio.run(retry())
    if as_json:
        print_json({"id": str(job_id)})
    else:
        print_done(str(job_id), "waits for a server again")
