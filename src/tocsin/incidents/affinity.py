"""How likely it is that one signal came of what another shows: evidence added up as log odds.

Every term is the natural logarithm of how much more often two signals of one cause have it than two of different
causes. They are rounded on purpose: finer numbers would fit one set of incidents.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import exp, log2

from tocsin.detection.contracts import ABSENCES
from tocsin.incidents.contracts import TEMPLATE_LABEL, Deploy, Edge, Signal
from tocsin.incidents.graph import Neighbourhood

SECOND_NANO = 1_000_000_000

PRIOR = -3.0
"""Before any evidence: higher links more."""

CO_ONSET = 2.0
CO_ONSET_SECONDS = 180.0
"""Onsets so far apart count a third: longer links what builds up slowly, and also what only follows by chance."""

LASTING_SECONDS = 1800.0
"""How fast evidence fades while the other still lasts; and ``OVER_SECONDS`` once it is over."""
OVER_SECONDS = 120.0
AGE_SECONDS = 3600.0
"""How fast an incident grows too old to explain something new: longer lets it swallow more."""

SAME_SERVICE = 4.5
SAME_PATTERN = 1.5
DIRECT_CALL = 2.5
EACH_FURTHER_CALL = -0.7
UPWARDS = -0.5
STARVES = 2.0
"""Who is not called says less: trouble above shows as absence below."""
COMMON_CALLEE = 0.7
UNRELATED = -1.5
NAMES_IT = 2.0
NAME_THE_SAME = 2.5
ALIKE = 1.5
ALIKE_FROM = 0.5
ALIKE_WORDS = 3
"""Titles with fewer common words are alike by chance: "request failed"."""
TRACES = 1.5
MOST_TRACES = 4.0
EARLIER = -1.0
EARLIER_SECONDS = 60.0
DEPLOYED = 0.5
DEPLOY_SECONDS = 900.0
"""How long after a deploy trouble counts as following it."""

_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?:-[A-Za-z0-9_]+)*")
_SHORTEST_WORD = 4


@dataclass(frozen=True, slots=True)
class Seen:
    """A signal with what is read off it once."""

    signal: Signal
    words: frozenset[str]
    #: Other services that its title names.
    named: frozenset[str]
    deploy: Deploy | None


def words(text: str) -> frozenset[str]:
    """The words of a title, folded to lower case; a name with dashes is one."""
    return frozenset(word.lower() for word in _WORD.findall(text))


def text_of(signal: Signal) -> str:
    """All that a signal says in words."""
    return f"{signal.title} {signal.labels.get(TEMPLATE_LABEL, '')}"


def named_services(text: str, services: Iterable[str]) -> frozenset[str]:
    """Which of the services a title names: as a word of its own, or as the first part of a host's name."""
    found = words(text)
    return frozenset(service for service in services if service.lower() in found)


def see(signal: Signal, services: Iterable[str], deploys: Sequence[Deploy]) -> Seen:
    """Read off a signal what pairs are compared by."""
    named = named_services(text_of(signal), services) - {signal.service or ""}
    long = frozenset(
        word for word in words(signal.labels.get(TEMPLATE_LABEL, signal.title)) if len(word) >= _SHORTEST_WORD
    )
    before = [deploy for deploy in deploys if deploy.service == signal.service and _follows(signal, deploy)]
    return Seen(
        signal, long, named, max(before, key=lambda deploy: (deploy.at_unix_nano, deploy.version), default=None)
    )


def _follows(signal: Signal, deploy: Deploy) -> bool:
    seconds = (signal.onset_unix_nano - deploy.at_unix_nano) / SECOND_NANO
    return -60 <= seconds <= DEPLOY_SECONDS


def is_absence(signal: Signal) -> bool:
    """Whether it says that something stays away."""
    return signal.kind in ABSENCES


class Affinity:
    """Compares signals of one organization in one call graph."""

    def __init__(self, neighbourhood: Neighbourhood) -> None:
        """Compare by these calls."""
        self._neighbourhood = neighbourhood

    def edge(self, cause: Seen, effect: Seen, cause_age_seconds: float = 0.0) -> Edge:
        """How likely the effect is of the cause, and why; the age is that of the incident that the cause is in."""
        terms = [self._time(cause.signal, effect.signal, cause_age_seconds)]
        if not self._is_above(cause, effect):
            terms.append(self._traces(cause.signal, effect.signal))
        terms += self._relation(cause, effect)
        terms += self._titles(cause, effect)
        if cause.deploy is not None:
            terms.append((DEPLOYED, f"{cause.deploy.service} {cause.deploy.version} was deployed just before"))
        odds = PRIOR + sum(term for term, _ in terms)
        reasons = [reason for term, reason in sorted(terms, key=lambda term: -term[0]) if term > 0.2 and reason]
        weight = 1 / (1 + exp(-max(-30.0, min(30.0, odds))))
        reason = "; ".join(reasons[:3]) or "nothing speaks for it"
        return Edge(first=cause.signal.id, second=effect.signal.id, weight=round(weight, 6), reason=reason)

    def _time(self, cause: Signal, effect: Signal, age_seconds: float) -> tuple[float, str]:
        apart = (effect.onset_unix_nano - cause.onset_unix_nano) / SECOND_NANO
        over = max(0.0, (effect.onset_unix_nano - max(cause.last_unix_nano, cause.onset_unix_nano)) / SECOND_NANO)
        together = CO_ONSET * exp(-abs(apart) / CO_ONSET_SECONDS)
        fading = abs(apart) / LASTING_SECONDS + over / OVER_SECONDS + age_seconds / AGE_SECONDS
        # Of what stays away it is not known when it should have come.
        is_early = not is_absence(effect)
        early = EARLIER * min(2.0, max(0.0, -apart - 30) / EARLIER_SECONDS) if is_early else 0.0
        return together - fading + early, f"began {abs(apart):.0f} s apart"

    def _traces(self, cause: Signal, effect: Signal) -> tuple[float, str]:
        shared = len(cause.trace_ids & effect.trace_ids)
        if not shared:
            return 0.0, ""
        return min(MOST_TRACES, TRACES + log2(shared)), f"{shared} request{'s' if shared > 1 else ''} met both"

    def _is_above(self, cause: Seen, effect: Seen) -> bool:
        """Whether the effect is of something that the cause's service uses, and is not used by in turn.

        Requests that meet both then speak for the contrary.
        """
        above, below = cause.signal.service, effect.signal.service
        if above is None or below is None or above == below or is_absence(effect.signal):
            return False
        steps = self._neighbourhood.steps
        return steps(above, below) is not None and steps(below, above) is None

    def _relation(self, cause: Seen, effect: Seen) -> list[tuple[float, str]]:
        below, above = cause.signal.service, effect.signal.service
        if below is None or above is None:
            return []
        if below == above:
            same = cause.signal.pattern is not None and cause.signal.pattern == effect.signal.pattern
            return [(SAME_SERVICE + (SAME_PATTERN if same else 0.0), f"both in {below}")]
        steps = self._neighbourhood.steps(above, below)
        if steps is not None:
            how = "calls" if steps == 1 else f"depends through {steps} calls on"
            return [(DIRECT_CALL + (steps - 1) * EACH_FURTHER_CALL, f"{above} {how} {below}")]
        upwards = self._neighbourhood.steps(below, above)
        if upwards is not None and is_absence(effect.signal):
            how = "calls" if upwards == 1 else f"reaches through {upwards} calls"
            return [(STARVES + (upwards - 1) * EACH_FURTHER_CALL, f"{below} {how} {above}, which has less to do")]
        if upwards is not None:
            return [(UPWARDS, "")]
        common = self._neighbourhood.common_callees(below, above)
        if common:
            return [(COMMON_CALLEE, f"both call {min(common)}")]
        if below in self._neighbourhood.services and above in self._neighbourhood.services:
            return [(UNRELATED, "")]
        return []

    def _titles(self, cause: Seen, effect: Seen) -> list[tuple[float, str]]:
        terms = []
        if cause.signal.service in effect.named:
            terms.append((NAMES_IT, f"{effect.signal.service or 'an alert'} names {cause.signal.service}"))
        both = cause.named & effect.named
        if both and cause.signal.service != effect.signal.service:
            terms.append((NAME_THE_SAME, f"both name {min(both)}"))
        common = cause.words & effect.words
        alike = len(common) / max(1, len(cause.words | effect.words))
        if len(common) >= ALIKE_WORDS and alike >= ALIKE_FROM and cause.signal.service != effect.signal.service:
            terms.append((ALIKE * alike, "they read alike"))
        return terms
