"""The demo's directory: secrets made once, what was sent, the ground truth, and the server's data beside them."""

import json
import secrets
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from tocsin.cli.client import CommandFailed
from tocsin.cli.demo.coverage import Span, merged
from tocsin.cli.simulating import write_json
from tocsin.cli.text import harmless

STATE_FILE = "demo.json"
TRUTH_FILE = "ground-truth.json"
SERVER_LOG_FILE = "server.log"
DATA_DIRECTORY = "data"

_PASSWORD_BYTES = 12


@dataclass(slots=True)
class DemoDirectory:
    """What a demo remembers between starts. Open it with ``opened``."""

    path: Path
    seed: int
    #: Of the demo's administrator and of its shop: kept, unlike those of a real server, since they guard a toy.
    password: str
    api_key: str
    covered: list[Span] = field(default_factory=list)
    #: What earlier starts have injected.
    earlier_truth: list[dict[str, Any]] = field(default_factory=list)
    is_new: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _growing: dict[int, Span] = field(default_factory=dict)

    @classmethod
    def opened(cls, path: Path, *, seed: int) -> Self:
        """The directory's demo; a new one where the directory is new or empty.

        Raises:
            CommandFailed: it holds something else, which a demo must not be mixed with.
        """
        state_file = path / STATE_FILE
        if state_file.is_file():
            return cls._read(path, state_file)
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise CommandFailed(f"{harmless(str(path))} is there and is no demo's; give another directory with --dir")
        # Not quick to import, and needed once.
        from tocsin.accounts.key_secrets import API_KEY

        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = cls(path, seed, secrets.token_urlsafe(_PASSWORD_BYTES), API_KEY.new(), is_new=True)
        made.save()
        return made

    @classmethod
    def _read(cls, path: Path, state_file: Path) -> Self:
        try:
            state = json.loads(state_file.read_text(encoding="utf-8"))
            covered = [Span(start, end) for start, end in state["covered"]]
            truth_file = path / TRUTH_FILE
            truth = json.loads(truth_file.read_text(encoding="utf-8"))["faults"] if truth_file.is_file() else []
            return cls(path, state["seed"], state["password"], state["api_key"], covered, truth)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CommandFailed(
                f"{harmless(str(state_file))} can't be read ({error}); begin with a new --dir"
            ) from error

    @property
    def data_dir(self) -> Path:
        """The server's data directory."""
        return self.path / DATA_DIRECTORY

    @property
    def server_log(self) -> Path:
        """Where the server's own log goes."""
        return self.path / SERVER_LOG_FILE

    def sending(self, start_unix_nano: int, end_unix_nano: int) -> None:
        """Note that logs up to the end are about to be sent by who began at the start.

        Before, and not after: what was under way when a demo was killed is missing then, and never there twice.
        """
        with self._lock:
            self._growing[start_unix_nano] = Span(start_unix_nano, end_unix_nano)
        self.save()

    def save(self) -> None:
        """Write what is to be remembered."""
        with self._lock:
            covered = merged([*self.covered, *self._growing.values()])
            spans = [[span.start_unix_nano, span.end_unix_nano] for span in covered]
            state = {"seed": self.seed, "password": self.password, "api_key": self.api_key, "covered": spans}
            write_json(self.path / STATE_FILE, state)

    def save_truth(self, faults: list[dict[str, Any]]) -> None:
        """Write what was injected: the faults of this start behind those of earlier ones."""
        with self._lock:
            write_json(self.path / TRUTH_FILE, {"faults": [*self.earlier_truth, *faults]})
