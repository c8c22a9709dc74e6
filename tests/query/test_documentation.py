"""docs/query-language.md shows only queries that work."""

import re
from pathlib import Path

import pytest

from tocsin.query.parser import parse
from tocsin.query.text import to_text

_PAGE = Path(__file__).parents[2] / "docs" / "query-language.md"
_EXAMPLES = re.findall(r"^\| `([^`]+)` \|", _PAGE.read_text(encoding="utf-8"), re.MULTILINE)


def test_examples_are_found_in_the_page() -> None:
    assert len(_EXAMPLES) >= 20


@pytest.mark.parametrize("text", _EXAMPLES)
def test_an_example_parses(text: str) -> None:
    node = parse(text)
    assert parse(to_text(node)) == node
