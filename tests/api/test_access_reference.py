from pathlib import Path

from tocsin.api.access_reference import PART, access_table
from tocsin.api.access_rules import RULES
from tocsin.kit.generated_parts import with_generated_part

PAGE = Path(__file__).parents[2] / "docs" / "security.md"


def test_page_has_the_table_of_the_code() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == with_generated_part(page, PART, access_table()), "run `make docs`"


def test_table_has_a_row_for_every_rule() -> None:
    rows = access_table().splitlines()[2:]
    assert len(rows) == len(RULES)
    assert "| `DELETE /v1/keys/{key_id}` | yes | – | – | `keys:write` | write |" in rows
    assert "| `POST /v1/auth/password` | yes | yes | yes | – | sign-in |" in rows
    assert "| `POST /v1/ingest` | API key | API key | API key | `logs:write` | ingest |" in rows
