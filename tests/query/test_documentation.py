r"""docs/query-language.md shows only queries that work, and says of the others what is said of them.

In its tables ``\|`` stands for ``|``, as Markdown wants it.
"""

import re
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.support.logs import NOON_UNIX_NANO, log_batch
from tests.support.reading import scanned, selection
from tocsin.kit.errors import InvalidQuery
from tocsin.logstore.backends.memory.store import MemoryLogStore
from tocsin.logstore.ports import Receipt
from tocsin.patterns.contracts import PatternCatalogue
from tocsin.query.parser import parse
from tocsin.query.text import to_text
from tocsin.search.questions import with_shapes

_PAGE = (Path(__file__).parents[2] / "docs" / "query-language.md").read_text(encoding="utf-8")
_HEAD, _REFUSED, _TEN = re.split(r"^## (?:When a query can't be read|Ten queries)$", _PAGE, flags=re.MULTILINE)
_REFUSALS = re.findall(r"^\| `(.+?)` \| (.+?) \| `(.+?)` \|$", _REFUSED, re.MULTILINE)

_TEN_O_CLOCK = 1_795_255_200_000_000_000
"""2026-11-21T10:00:00Z"""

_ORGANIZATION = UUID(int=1)
_LOGS: list[dict[str, Any]] = [
    {"message": "Timeout: Connection: refused by 10.0.0.17 with code=5", "severity_number": 17},
    {"message": "payment 17 declined for the payment of user 9", "service": "payments"},
    {"message": "payment 4 declined"},
    {"message": "user 12 declined", "metadata": {"user.id": 12, "user_id": "u_12", "4xx count": 7}},
    {"message": "GET /api/ 200", "metadata": {"http.status": 500, "duration_ms": 251.5, "region": "eu west"}},
    {"message": "Traceback\n  KeyError\nCaused by: ReadTimeout", "timestamp": _TEN_O_CLOCK, "severity_number": 21},
    {"message": "aab", "trace_id": "0af7651916cd43dd8448eb211c80319c", "metadata": {"region": "us-1"}},
    {"message": "slow", "metadata": {"user.name": "Ada Lovelace", "host.name": "db-1", "service": "blue"}},
    {"message": "debug", "severity_number": 5, "metadata": {"http.url": "/checkout/1", "region": "eu"}},
    {"message": "file", "metadata": {"file": r"C:\My Files\x.log"}},
    {"message": "shape", "shape": 0x56DA38E18F0D5A5F, "severity_number": 13, "service": "shipping"},
    {"message": "INFO nova.compute.manager Instance destroyed successfully. Took 12.5 seconds to terminate"},
    {"message": "WARNING oslo_config.cfg this option is deprecated", "severity_number": 13},
    {"message": "ERROR nova Traceback (most recent call last)", "service": "nova-compute", "severity_number": 17},
    {"message": '[req-a1301d01-bafe-4b98-b3d7-47520cecf614] 10.0.20.46 "GET /v2/servers/detail" status: 404  len: 9'},
]
"""For each example some that it matches and some that it does not."""


def _examples(text: str) -> list[str]:
    return [example.replace(r"\|", "|") for example in re.findall(r"^\| `(.+?)` \|", text, re.MULTILINE)]


async def _store() -> MemoryLogStore:
    store = MemoryLogStore()
    rows = [{"timestamp": NOON_UNIX_NANO + number} | row for number, row in enumerate(_LOGS)]
    await store.write(_ORGANIZATION, log_batch(rows), Receipt(received=len(rows)))
    return store


def test_examples_are_found_in_the_page() -> None:
    assert len(_examples(_HEAD)) >= 40
    assert len(_REFUSALS) >= 5
    assert len(_examples(_TEN)) == 10


@pytest.mark.parametrize("text", _examples(_HEAD) + _examples(_TEN))
async def test_an_example_parses_and_tells_logs_apart(text: str) -> None:
    node = parse(text)
    assert parse(to_text(node)) == node
    # Without a registry, a pattern is the shape of its id or text.
    asked = with_shapes(node, PatternCatalogue())
    found = await scanned(await _store(), selection(_ORGANIZATION, asked))
    assert 0 < len(found) < len(_LOGS) or (text == "*" and len(found) == len(_LOGS))


@pytest.mark.parametrize(("text", "detail", "suggestion"), _REFUSALS)
def test_a_refusal_is_worded_as_in_the_page(text: str, detail: str, suggestion: str) -> None:
    with pytest.raises(InvalidQuery) as caught:
        parse(text)
    assert (caught.value.detail, caught.value.suggestion) == (detail, suggestion)
