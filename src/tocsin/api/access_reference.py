"""The table of who may call what, written out for people in ``docs/security.md``.

``python -m tocsin.api.access_reference`` brings it up to date; a test holds that it is.
"""

from pathlib import Path

from tocsin.accounts.access import Caller, Rule
from tocsin.accounts.contracts import Role
from tocsin.api.access_rules import RULES
from tocsin.kit.generated_parts import with_generated_part

PART = "access"


def access_table() -> str:
    """Every endpoint with who may call it, as a Markdown table."""
    roles = list(Role)
    lines = [
        f"| endpoint | {' | '.join(roles)} | scope of a token or key | counted as |",
        f"|---|{'---|' * (len(roles) + 2)}",
    ]
    for (method, path), rule in RULES.items():
        marks = " | ".join(_mark(rule, role) for role in roles)
        lines.append(f"| `{method} {path}` | {marks} | {_program(rule)} | {rule.traffic} |")
    return "\n".join(lines)


def _mark(rule: Rule, role: Role) -> str:
    match rule.caller:
        case Caller.ANYONE:
            return "anyone"
        case Caller.SENDER:
            return "API key"
        case Caller.PERSON:
            return "yes" if role in rule.roles else "–"


def _program(rule: Rule) -> str:
    if rule.caller is Caller.SENDER:
        return f"`{rule.key_scope}`"
    if rule.caller is not Caller.PERSON or rule.needs_session:
        return "–"
    return "any" if rule.scope is None else f"`{rule.scope}`"


def main() -> None:
    """Bring the page of the repository up to date; run from its root."""
    page = Path("docs/security.md")
    page.write_text(with_generated_part(page.read_text(encoding="utf-8"), PART, access_table()), encoding="utf-8")


if __name__ == "__main__":
    main()
