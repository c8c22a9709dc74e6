"""The mechanisms written out for people, in ``docs/simulation.md``.

``python -m tocsin.simulation.reference`` brings it up to date; a test holds that it is.
"""

from pathlib import Path

from tocsin.kit.generated_parts import with_generated_part
from tocsin.simulation.parameters import PARAMETERS, Parameter

_PART = "mechanisms"


def mechanism_table() -> str:
    """Every parameter of every mechanism as a Markdown table."""
    lines = ["| mechanism | parameter | default | what may stand there | what it is |", "|---|---|---|---|---|"]
    for mechanism, parameters in PARAMETERS.items():
        for name, parameter in parameters.items():
            default = f"`{_shown(parameter.default)}`" if parameter.default != "" else "–"
            lines.append(f"| `{mechanism}` | `{name}` | {default} | {_allowed(parameter)} | {parameter.meaning} |")
    return "\n".join(lines)


def with_table(page: str) -> str:
    """A page with the table between its two markers made new."""
    return with_generated_part(page, _PART, mechanism_table())


def _shown(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _allowed(parameter: Parameter) -> str:
    if parameter.choices:
        return ", ".join(f"`{choice}`" for choice in parameter.choices)
    if isinstance(parameter.default, str):
        return "text"
    return f"{parameter.low:,g} to {parameter.high:,.0f}"


def main() -> None:
    """Bring the page up to date; run from the repository's root."""
    page = Path("docs/simulation.md")
    page.write_text(with_table(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
