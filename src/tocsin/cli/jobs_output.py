"""Jobs as lines that fit a terminal of 80 columns."""

from collections.abc import Iterable
from typing import Any

from rich.text import Text

from tocsin.cli.accounts_output import minute
from tocsin.cli.output import out
from tocsin.cli.text import harmless
from tocsin.jobs.administration import JobState, KeptJob

_STYLES = {JobState.WAITING: "yellow", JobState.RUNNING: "green", JobState.FAILED: "red"}

_PREPOSITIONS = {JobState.WAITING: "until", JobState.RUNNING: "leased until", JobState.FAILED: "at"}


def print_jobs(jobs: Iterable[KeptJob]) -> None:
    """Jobs, two lines each, and a third where one failed."""
    for job in jobs:
        times = "once" if job.attempts == 1 else f"{job.attempts} times"
        when = f"{_PREPOSITIONS[job.state]} {minute(job.at.isoformat())}"
        out.print(Text.assemble(str(job.id), "  ", (job.state.value, _STYLES[job.state]), f" {when}"))
        out.print(Text(f"  {harmless(job.kind)}, begun {times}, organization {job.organization_id}", style="dim"))
        if job.reason is not None:
            out.print(f"  {harmless(job.reason)}")


def job_as_json(job: KeptJob) -> dict[str, Any]:
    """A job for programs."""
    return {
        "id": str(job.id),
        "organization_id": str(job.organization_id),
        "kind": job.kind,
        "payload": job.payload,
        "state": job.state.value,
        "attempts": job.attempts,
        "at": job.at.isoformat(),
        "reason": job.reason,
    }
