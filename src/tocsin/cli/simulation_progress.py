"""How far a simulation is: a bar on a terminal, a line now and then elsewhere."""

import time
from types import TracebackType
from typing import Self

from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn

from tocsin.cli.output import err
from tocsin.cli.simulating import shown
from tocsin.simulation.contracts import Chunk

PLAIN_LINE_SECONDS = 10.0

_TICKS_A_SECOND = 1_000_000_000


class SimulationProgress:
    """Counts what was simulated and shows it on standard error. Use it as a context manager."""

    def __init__(self, start_unix_nano: int, end_unix_nano: int) -> None:
        """Show the way from a moment to another."""
        self.logs = 0
        self.until_unix_nano = start_unix_nano
        self._start = start_unix_nano
        self._began = self._printed = time.monotonic()
        self._is_live = False
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            TextColumn("{task.fields[counts]}", markup=False),
            TimeRemainingColumn(),
            console=err,
            transient=True,
            disable=not err.is_terminal,
        )
        seconds = (end_unix_nano - start_unix_nano) / _TICKS_A_SECOND
        self._task = self._bar.add_task(shown(start_unix_nano), total=max(seconds, 1), counts="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bar.stop()

    @property
    def seconds(self) -> float:
        """How long it has taken so far."""
        return time.monotonic() - self._began

    def add(self, chunk: Chunk) -> None:
        """Count a chunk."""
        self.logs += chunk.logs
        self.until_unix_nano = chunk.until_unix_nano
        done = (self.until_unix_nano - self._start) / _TICKS_A_SECOND
        self._bar.update(
            self._task, description=shown(self.until_unix_nano), completed=done, counts=f"{self.counts()} "
        )
        if not err.is_terminal and time.monotonic() - self._printed > PLAIN_LINE_SECONDS:
            self._printed = time.monotonic()
            err.print(f"{shown(self.until_unix_nano)}  {self.counts()}")

    def go_live(self) -> None:
        """From now on there is no end."""
        self._is_live = True
        self._bar.update(self._task, total=None)

    def counts(self) -> str:
        """How many logs, and how fast."""
        counted = f"{self.logs:,} logs"
        return f"{counted}, live" if self._is_live else f"{counted}, {self.logs / max(self.seconds, 1e-3):,.0f} logs/s"

    def print_summary(self) -> None:
        """One line at the end."""
        err.print(
            f"{self.logs:,} logs of {shown(self._start)} to {shown(self.until_unix_nano)} "
            f"in {self.seconds:.1f} s ({self.logs / max(self.seconds, 1e-3):,.0f} logs/s)"
        )
