"""Answers of the server as lines and tables."""

from typing import Any

from rich.console import Console
from rich.text import Text

from tocsin.cli.text import bytes_shown, harmless, harmless_lines

_LEVEL_STYLES = {"DEBUG": "dim", "INFO": "green", "WARN": "yellow", "ERROR": "red", "FATAL": "bold white on red"}

#: Rich would read markup and emoji in what logs hold, and break their lines.
out = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)


def print_error(detail: str) -> None:
    """One red line on standard error; further lines of the detail follow."""
    err.print(Text(f"Error: {harmless_lines(detail)}", style="red"))


def print_notice(text: str) -> None:
    """One dim line on standard error, beside the output."""
    err.print(Text(harmless(text), style="dim"))


def print_log(log: dict[str, Any]) -> None:
    """One log as one line."""
    level = str(log["level"])
    out.print(
        Text.assemble(
            (harmless(str(log["timestamp"])), "dim"),
            " ",
            (f"{harmless(level):5}", _LEVEL_STYLES.get(level, "")),
            " ",
            (harmless(str(log["service"])), "cyan"),
            " ",
            harmless(str(log["message"])),
        )
    )


def print_status(url: str, status: dict[str, Any]) -> None:
    """The parts, the ledger and the disk."""
    state = "ready" if status["ready"] else "NOT READY"
    out.print(f"{harmless(url)}: {state}, version {harmless(str(status['version']))}")
    for name, part in status["parts"].items():
        style = "green" if part["ready"] else "red"
        out.print(Text.assemble(("  ● ", style), f"{harmless(name):10} ", harmless(str(part["detail"]))))
    ledger = status["ledger"]
    out.print(
        f"received {ledger['received']:,} = {ledger['stored']:,} stored + {ledger['duplicates']:,} duplicates "
        f"+ {ledger['dead_letters']:,} dead letters"
    )
    out.print(
        f"disk: logs {bytes_shown(status['disk']['logstore_bytes'])}, {bytes_shown(status['disk']['free_bytes'])} free"
    )
