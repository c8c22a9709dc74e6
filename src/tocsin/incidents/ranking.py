"""Ranks what an incident may come from.

Every service that signals come from, that they name, or that several of the affected call is judged by what speaks for
it; the points are turned into shares of one. A few plain reasons, no fitted ones: each is what people look at.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import exp, log1p

from tocsin.detection.contracts import FindingKind
from tocsin.incidents.affinity import DEPLOY_SECONDS, SECOND_NANO, is_absence, named_services, text_of
from tocsin.incidents.contracts import Cause, Deploy, Signal
from tocsin.incidents.graph import Neighbourhood
from tocsin.logmodel.levels import Level
from tocsin.topology.contracts import CallGraph

MOST_CAUSES = 5
"""How many causes are named: more helps no one."""

SURE = 0.95
"""What all scores add up to: something that nobody logged is always possible."""

EARLY = 1.0
EARLY_SECONDS = 45.0
"""Onsets so much later than the first count a third."""
EXPLAINS = 2.0
NOTHING_BELOW = 1.0
BLAMED = 2.0
SILENT = 2.0
UNSEEN = 1.0
STRONG = 1.0
DEPLOYED = 1.5
ENTRY = -2.5
SCORE_FLOOR = 0.01
"""Causes that are less likely than this are left out."""

_LEVEL_WEIGHT = {Level.DEBUG: 0.3, Level.INFO: 0.4, Level.WARN: 0.7, Level.ERROR: 1.0, Level.FATAL: 1.2}


@dataclass(slots=True)
class _Candidate:
    service: str
    own: list[Signal] = field(default_factory=list)
    #: Others' signals that name it.
    blaming: list[Signal] = field(default_factory=list)
    points: float = 0.0
    reasons: list[tuple[float, str]] = field(default_factory=list)
    deploy: str | None = None
    #: How much of what the services around it say names it, from 0 to 1.
    blamed: float = 0.0

    def add(self, points: float, reason: str = "") -> None:
        self.points += points
        if reason:
            self.reasons.append((points, reason))


def likely_causes(signals: Sequence[Signal], graph: CallGraph, deploys: Sequence[Deploy] = ()) -> list[Cause]:
    """The likeliest causes of one incident's signals, the likeliest first, at most ``MOST_CAUSES``.

    The scores add up to at most 1. The order of signals and deploys doesn't matter.
    """
    signals = sorted(signals, key=lambda signal: (signal.onset_unix_nano, signal.id))
    neighbourhood = Neighbourhood(graph)
    candidates = _candidates(signals, neighbourhood)
    if not candidates:
        return []
    affected = {service for service, candidate in candidates.items() if any(map(_is_trouble, candidate.own))}
    for candidate in candidates.values():
        candidate.blamed = _blamed(candidate, candidates)
        _judge_time(candidate, signals)
        _judge_calls(candidate, affected, neighbourhood)
        _judge_words(candidate, candidates, signals)
        _judge_strength(candidate, signals)
        _judge_deploys(candidate, signals, deploys)
        if neighbourhood.is_entry(candidate.service):
            candidate.add(ENTRY)
    return _shares(candidates.values())


def _candidates(signals: Sequence[Signal], neighbourhood: Neighbourhood) -> dict[str, _Candidate]:
    own = {signal.service for signal in signals if signal.service is not None}
    services = own | neighbourhood.services
    found: dict[str, _Candidate] = {}
    for signal in signals:
        if signal.service is not None:
            found.setdefault(signal.service, _Candidate(signal.service)).own.append(signal)
        for named in named_services(text_of(signal), services) - {signal.service or ""}:
            found.setdefault(named, _Candidate(named)).blaming.append(signal)
    callers: dict[str, int] = {}
    for service in own:
        if not neighbourhood.is_entry(service):
            for callee in neighbourhood.callees(service) - own:
                callers[callee] = callers.get(callee, 0) + 1
    for service in (service for service, count in callers.items() if count >= 2):
        found.setdefault(service, _Candidate(service))
    return dict(sorted(found.items()))


def _judge_time(candidate: _Candidate, signals: Sequence[Signal]) -> None:
    shown = candidate.own or candidate.blaming
    if not shown:
        return
    onset = min(signal.onset_unix_nano for signal in shown)
    late = (onset - signals[0].onset_unix_nano) / SECOND_NANO
    reason = "it began first" if late == 0 and candidate.own else ""
    candidate.add(EARLY * exp(-late / EARLY_SECONDS), reason)


def _judge_calls(candidate: _Candidate, affected: set[str], neighbourhood: Neighbourhood) -> None:
    """What explains the trouble of those that depend on it, while it has none below: unless it only has less to do."""
    if candidate.own and candidate.service not in affected:
        return
    part = 1.0 if candidate.own else candidate.blamed
    others = affected - {candidate.service}
    above = {service for service in others if neighbourhood.steps(service, candidate.service) is not None}
    below = {service for service in others if neighbourhood.steps(candidate.service, service) is not None} - above
    if others and above:
        reason = f"{len(above)} of {len(others)} other affected services depend on it"
        candidate.add(part * EXPLAINS * len(above) / len(others), reason)
    if not below and (candidate.own or candidate.blaming):
        candidate.add(part * NOTHING_BELOW, "nothing that it calls is affected" if above else "")


def _judge_words(candidate: _Candidate, candidates: dict[str, _Candidate], signals: Sequence[Signal]) -> None:
    """Who is named is to blame; unless it blames another in turn."""
    silences = {
        service: max(signal.score for signal in other.own if _is_silence(signal))
        for service, other in candidates.items()
        if any(map(_is_silence, other.own))
    }
    if candidate.service in silences:
        share = silences[candidate.service] / max(silences.values())
        candidate.add(SILENT * share, "it says nothing any more")
    blaming = {signal.service for signal in candidate.blaming}
    if not blaming:
        return
    names = ", ".join(sorted(service for service in blaming if service))
    candidate.add(BLAMED * candidate.blamed, f"named by {names or 'alerts'}")
    if not candidate.own:
        candidate.add(UNSEEN * candidate.blamed, "it says nothing itself")


def _judge_strength(candidate: _Candidate, signals: Sequence[Signal]) -> None:
    total = sum(_strength(signal) for signal in signals)
    share = sum(_strength(signal) for signal in candidate.own) / total
    reason = f"{len(candidate.own)} of {len(signals)} signals are its own" if share >= 0.3 else ""
    candidate.add(STRONG * share, reason)


def _judge_deploys(candidate: _Candidate, signals: Sequence[Signal], deploys: Sequence[Deploy]) -> None:
    onset = min((signal.onset_unix_nano for signal in candidate.own), default=signals[0].onset_unix_nano)
    for deploy in sorted(deploys, key=lambda deploy: (-deploy.at_unix_nano, deploy.version)):
        seconds = (onset - deploy.at_unix_nano) / SECOND_NANO
        if deploy.service == candidate.service and -60 <= seconds <= DEPLOY_SECONDS:
            candidate.deploy = deploy.version
            before = f"{seconds:.0f} s before" if seconds > 0 else "at the same time"
            candidate.add(DEPLOYED, f"version {deploy.version} was deployed {before}")
            return


def _blamed(candidate: _Candidate, candidates: dict[str, _Candidate]) -> float:
    """The share of services that name it, each as far as its own signals do."""
    naming = {signal.service for signal in candidate.blaming}
    others = [other for service, other in candidates.items() if other.own and service != candidate.service]
    if not others:
        return 1.0 if naming else 0.0
    parts = [
        sum(_strength(signal) for signal in other.own if signal in candidate.blaming)
        / sum(_strength(signal) for signal in other.own)
        for other in others
    ]
    alerts = any(service is None for service in naming)
    return min(1.0, (sum(parts) + alerts) / len(others))


def _is_silence(signal: Signal) -> bool:
    """Whether a whole service says nothing any more."""
    return signal.kind == FindingKind.SILENCE and signal.pattern is None


def _is_trouble(signal: Signal) -> bool:
    """Whether it shows trouble, and not only that there is less to do."""
    return not is_absence(signal) or _is_silence(signal)


def _strength(signal: Signal) -> float:
    return _LEVEL_WEIGHT[signal.level] * (0.2 + log1p(max(0.0, signal.score)))


def _shares(candidates: Iterable[_Candidate]) -> list[Cause]:
    ranked = sorted(candidates, key=lambda candidate: (-candidate.points, candidate.service))
    odds = [exp(1.5 * (candidate.points - ranked[0].points)) for candidate in ranked]
    shares = [SURE * value / sum(odds) for value in odds]
    causes = [
        Cause(
            service=candidate.service,
            pattern=_pattern(candidate),
            deploy=candidate.deploy,
            score=int(share * 10_000) / 10_000,
            reasons=tuple(reason for _, reason in sorted(candidate.reasons, key=lambda reason: -reason[0])),
        )
        for candidate, share in zip(ranked, shares, strict=True)
    ]
    return [cause for number, cause in enumerate(causes) if cause.score >= SCORE_FLOOR or number == 0][:MOST_CAUSES]


def _pattern(candidate: _Candidate) -> int | None:
    """Of its own signals, the pattern that says most: the strongest, of equals the first."""
    patterned = [signal for signal in candidate.own if signal.pattern is not None]
    return max(patterned, key=_strength).pattern if patterned else None
