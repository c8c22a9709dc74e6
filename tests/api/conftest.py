from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar

from tocsin.accounts.access import Traffic, anyone
from tocsin.api.access_rules import RULES
from tocsin.api.application import create_app
from tocsin.kit.settings import read_settings
from tocsin.wiring import Components, build

API_KEY = "svc_testtest_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"
PASSWORD = "correct horse battery staple"


@pytest.fixture
async def components(tmp_path: Path) -> AsyncIterator[Components]:
    """Every part, with logs in memory."""
    settings = read_settings(
        {
            "TOCSIN_LOGSTORE_URL": "memory:",
            "TOCSIN_BOOTSTRAP_API_KEY": API_KEY,
            "TOCSIN_BOOTSTRAP_PASSWORD": PASSWORD,
        },
        tmp_path,
    )
    async with build(settings) as built:
        yield built


#: Who may call what, with what tests add to an application.
RULES_OF_TESTS = RULES | {
    ("GET", path): anyone(Traffic.OPERATIONS) for path in ("/broken", "/broken-stream", "/slow", "/large")
}


@pytest.fixture
def application(components: Components) -> Litestar:
    return create_app(components, rules=RULES_OF_TESTS)


@pytest.fixture
async def client(application: Any) -> AsyncIterator[httpx.AsyncClient]:
    """Calls the application in this process."""
    transport = httpx.ASGITransport(app=application, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as calling:
        yield calling
