"""The demo's server as a process: it ends when the demo that started it is gone, however that ended."""

import os
import signal
import sys
import threading


def _stop_when_the_demo_is_gone() -> None:
    # The demo holds the other end open, and never writes. Not through sys.stdin, whose lock would be held at the end.
    os.read(sys.stdin.fileno(), 1)
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Serve as ``tocsin serve`` does."""
    from tocsin.cli import main as commands

    threading.Thread(target=_stop_when_the_demo_is_gone, daemon=True).start()
    sys.argv[1:] = ["serve"]
    commands.main()


if __name__ == "__main__":
    main()
