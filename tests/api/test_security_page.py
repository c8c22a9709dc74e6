import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")

_NAMED = re.compile(r"`(?:(tests/[\w/]+\.py)|…)(?:::(\w+))?`")


def named_tests() -> list[tuple[str, str | None]]:
    """Every test that the page names, with its file; ``…`` is the file named before it."""
    found: list[tuple[str, str | None]] = []
    for match in _NAMED.finditer(PAGE):
        found.append((match[1] or found[-1][0], match[2]))
    return found


@pytest.mark.parametrize(("file", "name"), named_tests())
def test_every_test_that_the_page_names_is_there(file: str, name: str | None) -> None:
    assert (ROOT / file).is_file()
    if name is not None:
        assert re.search(rf"def {name}\(", (ROOT / file).read_text(encoding="utf-8")), f"{file} has no {name}"


def test_every_promise_names_a_test() -> None:
    promises = [line for line in PAGE.splitlines() if re.match(r"\| [A-Z]", line)]
    assert len(promises) > 40
    assert [line for line in promises if not _NAMED.search(line)] == []
