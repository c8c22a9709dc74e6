"""Sends the demo's history from a thread of its own, newest first, behind the shop that is live."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

from tocsin.cli.client import CommandFailed
from tocsin.cli.demo.coverage import Span
from tocsin.cli.demo.directory import DemoDirectory
from tocsin.cli.demo.faults import history_faults
from tocsin.cli.demo.screen import DemoScreen
from tocsin.cli.simulating import chunks, truth_as_json
from tocsin.cli.sinks import IntakeSink
from tocsin.kit.moments import NANOSECONDS_A_SECOND
from tocsin.simulation.contracts import Fault, Scenario, Simulation

OpenShop = Callable[[int, int, Sequence[Fault]], Simulation]
"""A shop of a seed, from a start on, with faults."""


def seed_of(directory: DemoDirectory, start_unix_nano: int) -> int:
    """The seed of the shop that begins at a moment: two that meet must not have the same traces."""
    return directory.seed + start_unix_nano // NANOSECONDS_A_SECOND


class History:
    """The time before the demo began to run."""

    def __init__(
        self,
        spans: Sequence[Span],
        *,
        open_shop: OpenShop,
        scenarios: Sequence[Scenario],
        sink: IntakeSink,
        directory: DemoDirectory,
        screen: DemoScreen,
        stop: threading.Event,
    ) -> None:
        """Prepare to send the spans, in this order."""
        self._spans = spans
        self._open_shop = open_shop
        self._scenarios = scenarios
        self._sink = sink
        self._directory = directory
        self._screen = screen
        self._stop = stop
        self._total_seconds = sum(span.seconds for span in spans)
        self._thread = threading.Thread(target=self._run, name="tocsin-demo-history")
        self._truth: dict[Span, list[dict[str, Any]]] = {}
        #: Whether everything is sent.
        self.is_whole = not spans

    def start(self) -> None:
        """Begin."""
        if not self.is_whole:
            self._thread.start()

    def join(self) -> None:
        """Return when it has ended."""
        if self._thread.is_alive():
            self._thread.join()

    def truth(self) -> list[dict[str, Any]]:
        """What was wrong in what was sent so far."""
        return [each for truths in list(self._truth.values()) for each in truths]

    def _run(self) -> None:
        sent_seconds = 0.0
        try:
            for span in self._spans:
                self._send(span, sent_seconds)
                sent_seconds += span.seconds
            self._sink.settle()
        except CommandFailed as error:
            if not self._stop.is_set():
                self._screen.say((f"the history is not whole: {error.detail}", "red"))
            return
        if not self._stop.is_set():
            self.is_whole = True
            self._screen.show_history(1.0)
            self._screen.say("the history is whole: ", (f"{self._total_seconds / 3600:,.1f} h", "bold"))

    def _send(self, span: Span, sent_seconds: float) -> None:
        seed = seed_of(self._directory, span.start_unix_nano)
        shop = self._open_shop(seed, span.start_unix_nano, history_faults(self._scenarios, span, seed=seed))
        ways = chunks(shop, span.start_unix_nano, span.end_unix_nano, chunk_logs=self._sink.chunk_logs, stop=self._stop)
        for chunk in ways:
            self._directory.sending(span.start_unix_nano, chunk.until_unix_nano)
            self._sink.put(chunk)
            self._screen.count(chunk.logs)
            self._truth[span] = [truth_as_json(each) for each in shop.truth()]
            done = sent_seconds + (chunk.until_unix_nano - span.start_unix_nano) / NANOSECONDS_A_SECOND
            self._screen.show_history(min(done / self._total_seconds, 0.99))
