"""The demo from its start to its end: the server, the live shop, its history, and trouble."""

import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tocsin.cli.client import CommandFailed, TocsinClient
from tocsin.cli.demo.coverage import RECENT_SECONDS, Span, history, live_start, missing
from tocsin.cli.demo.directory import DemoDirectory
from tocsin.cli.demo.faults import FaultDesk
from tocsin.cli.demo.faults_api import faults_api
from tocsin.cli.demo.feeding import History, OpenShop, seed_of
from tocsin.cli.demo.keyboard import LIST_KEY, QUIT_KEY, bound, keys_pressed
from tocsin.cli.demo.screen import DemoScreen
from tocsin.cli.demo.server import DemoServer, free_ports
from tocsin.cli.demo.witness import watch
from tocsin.cli.output import out
from tocsin.cli.simulating import LiveClock, chunks, live_chunks, stopping, truth_as_json, whole_second
from tocsin.cli.sinks import IntakeSink
from tocsin.kit.moments import NANOSECONDS_A_DAY, NANOSECONDS_A_SECOND
from tocsin.simulation.contracts import Chunk, Scenario, Simulation

FAST_SECONDS = 3_600
"""A shop whose time runs faster than the clock begins so long ago, and is live when it has caught up."""

TRUTH_EVERY_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """What the command was given."""

    directory: Path
    days: float
    speed: float
    port: int | None
    seed: int
    scheduled: Sequence[str]
    every_seconds: float


def run_demo(options: DemoOptions, scenarios: Sequence[Scenario], open_shop: OpenShop) -> None:
    """Run until SIGTERM, Ctrl-C or ``q``.

    Raises:
        CommandFailed: the server can't be started, or has ended; or the directory is not the demo's.
    """
    desk = FaultDesk(scenarios, scheduled=options.scheduled, every_seconds=options.every_seconds, seed=time.time_ns())
    directory = DemoDirectory.opened(options.directory, seed=options.seed)
    port = options.port or free_ports()
    began = time.monotonic()
    with stopping() as stop, DemoServer(directory, port=port) as server:
        out.print(f"starting Tocsin on {directory.path} …")
        server.await_ready(stop)
        if not stop.is_set():
            out.print(f"Tocsin is ready at {server.url} after {time.monotonic() - began:.1f} s")
            _Demo(options, directory, server, desk, open_shop, stop).run(port=port)
        out.print("stopping …")
    out.print(f"the demo has ended; the same command goes on with {directory.path}, and removing it forgets all")


class _Demo:
    """One run with a server that is ready."""

    def __init__(
        self,
        options: DemoOptions,
        directory: DemoDirectory,
        server: DemoServer,
        desk: FaultDesk,
        open_shop: OpenShop,
        stop: threading.Event,
    ) -> None:
        self._options = options
        self._directory = directory
        self._server = server
        self._desk = desk
        self._open_shop = open_shop
        self._stop = stop
        self._screen = DemoScreen()
        self._keys = bound(desk.scenarios)

    def run(self, *, port: int) -> None:
        """Until it is to stop."""
        now = whole_second(time.time_ns())
        gaps = missing(self._directory.covered, Span(now - int(self._options.days * NANOSECONDS_A_DAY), now))
        live_seconds = RECENT_SECONDS if self._options.speed <= 1 else FAST_SECONDS
        start = live_start(gaps, now_unix_nano=now, live_seconds=live_seconds)
        with ExitStack() as closing:
            client = closing.enter_context(TocsinClient(self._server.settings()))
            live_sink, past_sink = (
                closing.enter_context(IntakeSink(client, api_key=self._directory.api_key, in_flight=1))
                for _ in range(2)
            )
            faults_url = closing.enter_context(faults_api(self._desk, port=port + 1))
            example = self._desk.scenarios[0].name if self._desk.scenarios else "NAME"
            self._screen.introduce(self._server.url, self._directory, faults_url, example)
            if closing.enter_context(keys_pressed(self._on_key)):
                self._screen.list_keys(self._keys)
            closing.enter_context(self._screen)
            past = History(
                history(gaps, live_start_unix_nano=start, now_unix_nano=now),
                open_shop=self._open_shop,
                scenarios=self._desk.scenarios,
                sink=past_sink,
                directory=self._directory,
                screen=self._screen,
                stop=self._stop,
            )
            self._feed(client, live_sink, past, start_unix_nano=start, now_unix_nano=now)

    def _feed(
        self, client: TocsinClient, sink: IntakeSink, past: History, *, start_unix_nano: int, now_unix_nano: int
    ) -> None:
        shop = self._open_shop(seed_of(self._directory, start_unix_nano), start_unix_nano, [])
        try:
            reached = start_unix_nano
            if self._options.speed <= 1:
                for chunk in chunks(shop, reached, now_unix_nano, chunk_logs=sink.chunk_logs, stop=self._stop):
                    self._send(sink, chunk, start_unix_nano)
                sink.settle()
                reached = now_unix_nano
            self._screen.say("the shop is live; its history comes in behind")
            past.start()
            self._go_live(client, sink, shop, past, start_unix_nano=start_unix_nano, reached_unix_nano=reached)
        finally:
            self._stop.set()
            past.join()
            self._save_truth(shop, past)

    def _go_live(
        self,
        client: TocsinClient,
        sink: IntakeSink,
        shop: Simulation,
        past: History,
        *,
        start_unix_nano: int,
        reached_unix_nano: int,
    ) -> None:
        reached, saved = reached_unix_nano, time.monotonic()

        def inject() -> None:
            self._server.check()
            begun = self._desk.take(reached)
            for injected in begun:
                for fault in injected.faults:
                    shop.inject(fault)
                self._screen.announce(injected)
                watch(client, injected, self._screen.show_trace, self._stop)
            self._screen.show_trouble(self._desk.going_on())

        present = live_chunks(
            shop,
            reached_unix_nano,
            clock=LiveClock(reached_unix_nano, speed=self._options.speed),
            stop=self._stop,
            chunk_logs=sink.chunk_logs,
            before_step=inject,
        )
        for chunk in present:
            self._send(sink, chunk, start_unix_nano)
            sink.settle()
            seconds = (chunk.until_unix_nano - reached) / NANOSECONDS_A_SECOND
            self._screen.show_live(chunk, seconds=seconds)
            reached = chunk.until_unix_nano
            if time.monotonic() - saved > TRUTH_EVERY_SECONDS:
                saved = time.monotonic()
                self._save_truth(shop, past)

    def _send(self, sink: IntakeSink, chunk: Chunk, start_unix_nano: int) -> None:
        self._directory.sending(start_unix_nano, chunk.until_unix_nano)
        sink.put(chunk)
        self._screen.count(chunk.logs)

    def _save_truth(self, shop: Simulation, past: History) -> None:
        self._directory.save_truth([*past.truth(), *(truth_as_json(each) for each in shop.truth())])

    def _on_key(self, key: str) -> None:
        if key == QUIT_KEY:
            self._stop.set()
        elif key == LIST_KEY:
            self._screen.list_keys(self._keys)
        elif key in self._keys:
            try:
                self._desk.ask(self._keys[key].name)
            except CommandFailed as error:
                self._screen.say(error.detail)
