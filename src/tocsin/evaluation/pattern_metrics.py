"""How well predicted groups of messages and their templates agree with those that people made."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

JACCARD_SHARE = 0.95
"""A group that shares so much with a true one counts as found in ``ga_j95``."""

_SPACE = re.compile(r"\s+")
_MARKS_BEFORE = re.compile(r"[/\\+\-#@]+(?=<\*>)")
_RUN = re.compile(r"<\*>(?:[ .:,/\-_@#|+x%=;]*<\*>)+")
_QUOTED = re.compile(r"(?<![\w])(['\"])<\*>\1")


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternFigures:
    """Shares between 0 and 1; more is better."""

    #: Of rows: the predicted group is exactly the true group.
    ga: float
    #: Of rows: the predicted group has a Jaccard index of at least ``JACCARD_SHARE`` with a true one.
    ga_j95: float
    #: F1 over groups that are exactly right.
    fga: float
    #: Of rows: the template is the true one, but for white space.
    pa: float
    #: F1 over templates: right when all rows share one true template, and it is the same but for white space.
    fta: float
    #: As ``fta``, after what labels don't agree on is taken away from both sides (``normalised``).
    fta_n1: float


def mean_figures(figures: Sequence[PatternFigures]) -> PatternFigures:
    """The mean over systems, each counted alike."""

    def mean(name: str) -> float:
        return sum(float(getattr(each, name)) for each in figures) / len(figures)

    return PatternFigures(**{name: mean(name) for name in PatternFigures.__dataclass_fields__})


def pattern_figures(
    predicted_groups: Sequence[object], predicted_templates: Sequence[str], true_templates: Sequence[str]
) -> PatternFigures:
    """Compare row by row; the true groups are the rows that share a true template.

    Args:
        predicted_groups: what tells the group of each row from others.
        predicted_templates: with the wildcard ``<*>`` alone.
        true_templates: of the same rows.
    """
    predicted = [strict(template) for template in predicted_templates]
    true = [strict(template) for template in true_templates]
    ga, ga_j95, fga = _grouping(predicted_groups, true)
    return PatternFigures(
        ga=ga,
        ga_j95=ga_j95,
        fga=fga,
        pa=sum(mine == theirs for mine, theirs in zip(predicted, true, strict=True)) / len(true),
        fta=_template_f1(predicted, true),
        fta_n1=_template_f1([normalised(each) for each in predicted], [normalised(each) for each in true]),
    )


def strict(template: str) -> str:
    """White space collapsed."""
    return _SPACE.sub(" ", template).strip()


def normalised(template: str) -> str:
    """Without signs and slashes before a wildcard, quotes around one, and neighbours of one."""
    return _QUOTED.sub("<*>", _RUN.sub("<*>", _MARKS_BEFORE.sub("", strict(template))))


def _grouping(predicted: Sequence[object], true: Sequence[str]) -> tuple[float, float, float]:
    predicted_sizes, true_sizes = Counter(predicted), Counter(true)
    shared: defaultdict[object, Counter[str]] = defaultdict(Counter)
    for mine, theirs in zip(predicted, true, strict=True):
        shared[mine][theirs] += 1
    exact_groups = exact_rows = near_rows = 0
    for group, parts in shared.items():
        size = predicted_sizes[group]
        best = max(common / (size + true_sizes[theirs] - common) for theirs, common in parts.items())
        exact_groups += best == 1
        exact_rows += size * (best == 1)
        near_rows += size * (best >= JACCARD_SHARE)
    return exact_rows / len(true), near_rows / len(true), _f1(exact_groups, len(predicted_sizes), len(true_sizes))


def _template_f1(predicted: Sequence[str], true: Sequence[str]) -> float:
    truths: defaultdict[str, set[str]] = defaultdict(set)
    for mine, theirs in zip(predicted, true, strict=True):
        truths[mine].add(theirs)
    right = sum(theirs == {mine} for mine, theirs in truths.items())
    return _f1(right, len(truths), len(set(true)))


def _f1(right: int, predicted: int, true: int) -> float:
    return 2 * right / (predicted + true)
