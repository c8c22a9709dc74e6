from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.server import TocsinServer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TocsinServer]:
    """A running server that the tests of a module share; it answers, and has data of earlier tests."""
    with TocsinServer(tmp_path_factory.mktemp("tocsin")) as running:
        yield running


@pytest.fixture
def new_server(tmp_path: Path) -> Iterator[TocsinServer]:
    """A server that was never started, which the test starts and stops as it likes."""
    server = TocsinServer(tmp_path)
    yield server
    server.__exit__()
