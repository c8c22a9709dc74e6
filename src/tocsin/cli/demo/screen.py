"""What the demo shows: what to try, what happens to the shop, and one line that is always up to date."""

import shlex
import shutil
import sys
import threading
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.live import Live
from rich.text import Text

from tocsin.accounts.first_start import FIRST_ADMIN_EMAIL
from tocsin.cli.demo.directory import TRUTH_FILE, DemoDirectory
from tocsin.cli.demo.faults import Injection
from tocsin.cli.demo.keyboard import LIST_KEY, QUIT_KEY
from tocsin.cli.output import out
from tocsin.cli.text import harmless
from tocsin.kit.moments import NANOSECONDS_A_SECOND
from tocsin.kit.setting_sections import PREFIX
from tocsin.simulation.contracts import Chunk, Scenario

REFRESHES_A_SECOND = 4
TRACE_SERVICES_SHOWN = 6


class DemoScreen:
    """Prints lines above one that changes; only the lines where there is no terminal. Any thread may print."""

    def __init__(self) -> None:
        """Show nothing yet."""
        self._lock = threading.Lock()
        self._live_text = "filling in the last minutes"
        self._history_text = ""
        self._trouble_text = ""
        self._has_keys = False
        self._sent = 0
        self._line = Live(
            get_renderable=self._status, console=out, refresh_per_second=REFRESHES_A_SECOND, transient=True
        )

    def __enter__(self) -> Self:
        if out.is_terminal:
            self._line.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._line.stop()

    def say(self, *parts: str | tuple[str, str]) -> None:
        """One line, with the time before it."""
        line = Text.assemble((f"{datetime.now():%H:%M:%S}  ", "dim"), *parts)
        with self._lock:
            out.print(line)
            sys.stdout.flush()

    def introduce(self, url: str, directory: DemoDirectory, faults_url: str, example: str) -> None:
        """Where everything is, and what to try."""
        command, exports = tocsin_command(), exported(directory, url)
        rows = [
            ("", ""),
            ("  Tocsin is open at  ", url),
            ("  sign in as         ", f"{FIRST_ADMIN_EMAIL}  password {directory.password}"),
            ("", ""),
            ("  In another terminal", ""),
            ("    ", exports),
            ("    ", f"{command} tail 'level:>=WARN'"),
            ("    ", f"{command} search 'level:>=ERROR' --since 30m"),
            ("    ", f"{command} search 'service:checkout' --since 5m"),
            ("", ""),
            ("  Break something: press a key below, or", ""),
            ("    ", fault_command(faults_url, example)),
            ("  What was broken is kept in ", str(directory.path / TRUTH_FILE)),
            ("", ""),
        ]
        with self._lock:
            for label, value in rows:
                out.print(Text.assemble(label, (harmless(value), "bold cyan")))
            sys.stdout.flush()

    def list_keys(self, keys: dict[str, Scenario]) -> None:
        """What each key does."""
        self._has_keys = True
        width = max((len(scenario.name) for scenario in keys.values()), default=0)
        with self._lock:
            for key, scenario in keys.items():
                style = "dim" if all(fault.is_harmless for fault in scenario.faults) else ""
                line = Text.assemble(
                    (f"  {key}  ", "bold yellow"),
                    (f"{harmless(scenario.name):{width}}  ", style or "bold"),
                    (harmless(first_sentence(scenario.description)), style or "default"),
                )
                line.truncate(out.width, overflow="ellipsis")
                out.print(line)
            out.print(
                Text.assemble((f"  {LIST_KEY}", "bold yellow"), "  this list   ", (QUIT_KEY, "bold yellow"), "  quit\n")
            )

    def announce(self, injected: Injection) -> None:
        """What begins, and how to see it."""
        what = ("looks like trouble", "yellow") if injected.is_harmless else ("TROUBLE", "bold red")
        scenario = injected.scenario
        self.say(what, "  ", (harmless(scenario.name), "bold"))
        self.say("  ", harmless(first_sentence(scenario.description)))
        self.say(
            "  look: ", (f"{tocsin_command()} search 'level:>=WARN service:{injected.service}' --since 5m", "cyan")
        )

    def show_trace(self, injected: Injection, trace_id: str, services: Sequence[str]) -> None:
        """A trace that the trouble went through."""
        names = ", ".join(services[:TRACE_SERVICES_SHOWN]) + (" …" if len(services) > TRACE_SERVICES_SHOWN else "")
        went = f"through {len(services)} services: {harmless(names)}"
        self.say("  a request met ", (harmless(injected.scenario.name), "bold"), f" on its way {went}")
        self.say("  look: ", (f"{tocsin_command()} search trace_id:{harmless(trace_id)}", "cyan"))

    def show_live(self, chunk: Chunk, *, seconds: float) -> None:
        """What the shop has just logged."""
        moment = datetime.fromtimestamp(chunk.until_unix_nano / NANOSECONDS_A_SECOND)
        self._live_text = f"shop time {moment:%H:%M:%S}  {chunk.logs / max(seconds, 1e-9):,.0f} logs/s"

    def count(self, logs: int) -> None:
        """Count what was sent."""
        with self._lock:
            self._sent += logs

    def show_history(self, share: float) -> None:
        """How much of the history is there."""
        self._history_text = f"history {share:.0%}" if share < 1 else ""

    def show_trouble(self, going_on: Sequence[Injection]) -> None:
        """What goes on."""
        self._trouble_text = ", ".join(each.scenario.name for each in going_on)

    def _status(self) -> Text:
        line = Text.assemble(
            ("● ", "bold green"),
            f"{self._live_text}  {self._sent:,} sent",
            (f"  {self._history_text}" if self._history_text else "", "dim"),
            (f"  now: {harmless(self._trouble_text)}" if self._trouble_text else "  all well", "yellow"),
            (f"   {LIST_KEY} keys  {QUIT_KEY} quit" if self._has_keys else "", "dim"),
        )
        line.truncate(out.width, overflow="ellipsis")
        return line


def first_sentence(text: str) -> str:
    """A description's beginning, in one line."""
    line = " ".join(text.split())
    head, stop, _ = line.partition(". ")
    return head.removesuffix(".") if stop else line.removesuffix(".")


def tocsin_command() -> str:
    """How this person starts ``tocsin`` in a shell."""
    if shutil.which("tocsin"):
        return "tocsin"
    beside = Path(sys.executable).with_name("tocsin")
    return shlex.quote(str(beside)) if beside.is_file() else f"{shlex.quote(sys.executable)} -m tocsin"


def exported(directory: DemoDirectory, url: str) -> str:
    """A line for a shell that leads the commands to the demo."""
    return f"export {PREFIX}DATA_DIR={shlex.quote(str(directory.data_dir))} {PREFIX}URL={url}"


def fault_command(faults_url: str, scenario: str) -> str:
    """A line for a shell that injects a scenario."""
    body = shlex.quote(f'{{"scenario": "{scenario}"}}')
    return f"curl {faults_url} -H 'Content-Type: application/json' -d {body}"
