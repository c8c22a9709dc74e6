"""How a translation differs from what is expected: queries by what they match, and not by how they are written."""

from typing import Any

from tests.search.plain_words.cases import Case
from tocsin.query.parser import parse
from tocsin.query.tree import And, Node, Not, Or
from tocsin.search.plain_words.contracts import Translation


def differences(case: Case, translation: Translation) -> dict[str, tuple[object, object]]:
    """By attribute, what was expected and what came."""
    found: dict[str, tuple[object, object]] = {}
    if unordered(parse(case.query)) != unordered(parse(translation.query)):
        found["query"] = (case.query, translation.query)
    names = ["kind", "start", "end", "measures", "interval", "limit", "baseline", "baseline_start", "baseline_end"]
    for name in [*names, *(["order"] if case.order else [])]:
        if getattr(case, name) != getattr(translation, name):
            found[name] = (getattr(case, name), getattr(translation, name))
    if sorted(case.by) != sorted(translation.by):
        found["by"] = (case.by, translation.by)
    left = {each.text for each in translation.not_understood}
    if not set(case.not_understood) <= left or (left and not case.not_understood):
        found["not_understood"] = (case.not_understood, tuple(left))
    return found


def unordered(node: Node) -> Any:
    """A tree in which the order of AND and OR does not matter."""
    match node:
        case And(nodes):
            return ("and", frozenset(unordered(each) for each in nodes))
        case Or(nodes):
            return ("or", frozenset(unordered(each) for each in nodes))
        case Not(inner):
            return ("not", unordered(inner))
        case _:
            return node
