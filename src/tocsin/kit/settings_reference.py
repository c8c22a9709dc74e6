"""The settings written out for people: the table of ``docs/configuration.md``, and ``.env.example``.

``python -m tocsin.kit.settings_reference`` brings both up to date; a test holds that they are.
"""

from pathlib import Path

from tocsin.kit.generated_parts import with_generated_part
from tocsin.kit.settings import declarations

PART = "settings"

_ENV_HEADER = """\
# Settings of Tocsin. Copy this file to `.env` beside where you start it, and change what you need.
# A variable of the real environment wins over this file. docs/configuration.md says more.
"""


def configuration_table() -> str:
    """Every setting as a Markdown table."""
    lines = ["| setting | default | what may stand there | what it is |", "|---|---|---|---|"]
    for declared in declarations():
        default = f"`{declared.default}`" if declared.default else "–"
        lines.append(f"| `{declared.variable}` | {default} | {declared.kind.allowed} | {declared.documentation} |")
    return "\n".join(lines)


def with_table(page: str) -> str:
    """A page with the table between its two markers made new."""
    return with_generated_part(page, PART, configuration_table())


def dotenv_example() -> str:
    """Every setting as a commented line of a ``.env`` file."""
    entries = [
        f"\n# {declared.documentation.replace('`', '')}\n#{declared.variable}={declared.default or ''}\n"
        for declared in declarations()
    ]
    return _ENV_HEADER + "".join(entries)


def main() -> None:
    """Bring both files of the repository up to date; run from its root."""
    page = Path("docs/configuration.md")
    page.write_text(with_table(page.read_text(encoding="utf-8")), encoding="utf-8")
    Path(".env.example").write_text(dotenv_example(), encoding="utf-8")


if __name__ == "__main__":
    main()
