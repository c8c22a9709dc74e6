"""Surprises that last: from proposals to findings that begin, go on and end, each under one id."""

from collections.abc import Sequence
from uuid import UUID, uuid5

import msgspec
import numpy as np

from tocsin.detection.contracts import Evidence, Finding, FindingKind
from tocsin.detection.detectors import excess, shortfall
from tocsin.detection.detectors.looking import Look, Proposal
from tocsin.detection.series import Key, What
from tocsin.detection.windows import INTERVAL_NANO, LATE_BUCKETS, RING_BUCKETS, Flags, Floats
from tocsin.logmodel.levels import SEVERITY_RANGES, Level, level_of
from tocsin.patterns.contracts import PatternCatalogue, pattern_id_text

JOINS_BELOW = 3.0
"""So much less surprising than what opens an incident may be what only joins one: more tells more, and less surely."""

LEAST_SCORE = 4.0
"""But nothing that is less surprising: one in ten thousand comes by chance."""

WARN_SPREAD = 4
ERROR_SPREAD = 2
"""In how many intervals warnings and errors have to show, to open an incident: a restart takes one or two."""

MOST_OF_A_SERVICE = 12
"""Findings that begin at once in one service: the most surprising ones tell enough."""

TELL_BUCKETS = 3
"""How often something that goes on is told again."""

LEAST_RATE = 0.01
"""Logs an interval: less can't be told from none."""

CURRENT_BUCKETS = 15
"""What has not shown for so long does not begin any more, and may be over."""

ONGOING_BUCKETS = 30
ONGOING_SCORE = 1.5
"""Something is over when the last five minutes are less surprising than this."""

_WARN, _ERROR = SEVERITY_RANGES[Level.WARN][0], SEVERITY_RANGES[Level.ERROR][0]
_NAMESPACE = UUID("6c2a9c53-6a86-4f3c-9e4c-0f6a9d0f7f0e")


class Episode(msgspec.Struct, kw_only=True):
    """A surprise that goes on."""

    key: Key
    is_more: bool
    kind: FindingKind
    onset_bucket: int
    last_bucket: int
    score: float
    expected: float
    observed: float
    buckets: int
    opens: bool
    told_bucket: int = 0
    is_over: bool = False


class Episodes:
    """Those that go on in one organization."""

    def __init__(self, kept: Sequence[Episode] = ()) -> None:
        """Go on from what ``kept`` gave."""
        self._ongoing = {(each.key, each.is_more): each for each in kept if not each.is_over}
        #: Those whose logs are still among the recent ones: what they explain does not begin anew.
        self._over = {(each.key, each.is_more): each for each in kept if each.is_over}

    @property
    def kept(self) -> Sequence[Episode]:
        """Those that go on, and those that are over and not forgotten."""
        return (*self._ongoing.values(), *self._over.values())

    def highest(self, look: Look, more: Proposal, fewer: Proposal) -> float:
        """The highest score of what could open an incident, but for what goes on already."""
        highest = 0.0
        for is_more, proposal in ((True, more), (False, fewer)):
            could = np.where(_could_open(look, proposal, is_more=is_more), proposal.score, 0.0)
            for key, of_more in self._ongoing:
                if of_more == is_more:
                    could[look.series.row_of[key]] = 0.0
            highest = max(highest, float(could.max(initial=0.0)))
        return highest

    def follow(
        self, look: Look, more: Proposal, fewer: Proposal, catalogue: PatternCatalogue, threshold: float
    ) -> list[Finding]:
        """Begin, go on and end; answers what there is to tell, the most surprising first."""
        self._go_on(look, more, is_more=True, threshold=threshold)
        self._go_on(look, fewer, is_more=False, threshold=threshold)
        self._begin(look, more, catalogue, is_more=True, threshold=threshold)
        self._begin(look, fewer, catalogue, is_more=False, threshold=threshold)
        told = [episode for episode in self._ongoing.values() if _is_news(episode, look.bucket)]
        for episode in told:
            episode.told_bucket = look.bucket
        self._over.update({name: each for name, each in self._ongoing.items() if each.is_over})
        self._over = {name: each for name, each in self._over.items() if look.bucket - each.last_bucket < RING_BUCKETS}
        self._ongoing = {name: each for name, each in self._ongoing.items() if not each.is_over}
        told.sort(key=lambda each: (-each.score, each.key, each.is_more))
        return [_finding(episode, look, catalogue) for episode in told]

    def _go_on(self, look: Look, proposal: Proposal, *, is_more: bool, threshold: float) -> None:
        episodes = [each for each in self._ongoing.values() if each.is_more == is_more]
        if not episodes:
            return
        could = _could_open(look, proposal, is_more=is_more)
        ongoing = (excess if is_more else shortfall).lasts(look, ONGOING_BUCKETS)
        for episode in episodes:
            row = look.series.row_of[episode.key]
            if proposal.score[row] > episode.score:
                _take_over(episode, proposal, row)
                if not is_more:
                    episode.kind = _kind(look, row, proposal, is_more=False)
            if could[row] and proposal.score[row] >= threshold and not episode.opens:
                episode.opens, episode.told_bucket = True, 0
            episode.last_bucket = max(episode.last_bucket, _last_bucket(look, row, is_more=is_more))
            age = look.bucket - episode.last_bucket
            episode.is_over = bool(ongoing[row] < ONGOING_SCORE and age > CURRENT_BUCKETS)

    def _begin(
        self, look: Look, proposal: Proposal, catalogue: PatternCatalogue, *, is_more: bool, threshold: float
    ) -> None:
        joins = max(LEAST_SCORE, threshold - JOINS_BELOW)
        could = _could_open(look, proposal, is_more=is_more)
        rows = np.flatnonzero((proposal.score >= joins) & _is_of_interest(look, proposal, is_more=is_more))
        of_service: dict[str, int] = {}
        for row in rows[np.argsort(-proposal.score[rows], kind="stable")]:
            key = look.series.keys[row]
            last_bucket = _last_bucket(look, row, is_more=is_more)
            is_old = look.bucket - last_bucket > CURRENT_BUCKETS
            if is_old or (key, is_more) in self._ongoing or _is_muted(key, catalogue):
                continue
            onset_bucket = _onset(look, row, proposal, is_more=is_more)
            earlier = self._over.get((key, is_more))
            if earlier is not None and onset_bucket <= earlier.last_bucket:
                continue
            of_service[key.service] = of_service.get(key.service, 0) + 1
            if of_service[key.service] > MOST_OF_A_SERVICE:
                continue
            episode = Episode(
                key=key,
                is_more=is_more,
                kind=_kind(look, row, proposal, is_more=is_more),
                onset_bucket=onset_bucket,
                last_bucket=last_bucket,
                score=0.0,
                expected=0.0,
                observed=0.0,
                buckets=0,
                opens=bool(could[row] and proposal.score[row] >= threshold),
            )
            _take_over(episode, proposal, row)
            self._ongoing[key, is_more] = episode


def _could_open(look: Look, proposal: Proposal, *, is_more: bool) -> Flags:
    """Which series are of the kind that opens incidents by itself."""
    series = look.series
    if not is_more:
        return series.are(What.SERVICE)
    levels, told = series.levels, series.are(What.PATTERN) | series.are(What.ERRORS)
    errors = (levels >= _ERROR) & (proposal.spread >= ERROR_SPREAD)
    warnings = (levels >= _WARN) & (proposal.spread >= WARN_SPREAD)
    flags: Flags = told & (errors | warnings)
    return flags


def _is_of_interest(look: Look, proposal: Proposal, *, is_more: bool) -> Flags:
    series = look.series
    if is_more:
        return series.are(What.PATTERN) | series.are(What.ERRORS)
    services = series.are(What.SERVICE)
    # What a silent service does not say needs no telling one by one.
    is_silent = services & (proposal.score >= LEAST_SCORE)
    flags: Flags = services | (series.are(What.PATTERN) & ~is_silent[series.service_row])
    return flags


def _is_muted(key: Key, catalogue: PatternCatalogue) -> bool:
    pattern = catalogue.patterns.get(key.pattern) if key.what is What.PATTERN else None
    return pattern is not None and pattern.is_muted


def _take_over(episode: Episode, proposal: Proposal, row: int) -> None:
    episode.score = float(proposal.score[row])
    episode.expected = float(proposal.expected[row])
    episode.observed = float(proposal.observed[row])
    episode.buckets = int(proposal.buckets[row])


def _kind(look: Look, row: int, proposal: Proposal, *, is_more: bool) -> FindingKind:
    what = look.series.what[row]
    if is_more:
        if what == What.ERRORS:
            return FindingKind.ERROR_RATIO
        return FindingKind.NEW_PATTERN if look.baselines.share[row] < 0.5 else FindingKind.SPIKE
    is_gone = proposal.observed[row] <= shortfall.SILENT_SHARE * proposal.expected[row]
    if what == What.PATTERN and is_gone:
        return FindingKind.MISSING_STEP
    return FindingKind.SILENCE if is_gone else FindingKind.DIP


def _onset(look: Look, row: int, proposal: Proposal, *, is_more: bool) -> int:
    """Where a change begins: from there on, what came is likeliest to have come at the new rate and not at the usual.

    Source: E. S. Page, "Continuous inspection schemes", 1954, for rates of Poisson processes.
    """
    counts = look.counts(LATE_BUCKETS)[row]
    buckets = max(1.0, float(proposal.buckets[row]))
    usual = max(float(proposal.expected[row]) / buckets, LEAST_RATE)
    now = max(float(proposal.observed[row]) / buckets, LEAST_RATE)
    if is_more:
        now = max(now, 2.0 * usual)
        beyond: Floats = counts - (now - usual) / np.log(now / usual)
    else:
        beyond = 0.5 * usual - counts
        beyond[-shortfall.LATE_BUCKETS :] = 0.0
    start = int(np.argmax(np.cumsum(beyond[::-1])[::-1]))
    return look.bucket - LATE_BUCKETS + 1 + start


def _last_bucket(look: Look, row: int, *, is_more: bool) -> int:
    """The last bucket that shows it."""
    counts = look.counts(LATE_BUCKETS)[row]
    usual = float(look.baselines.rates()[row]) / 6
    shows = counts > max(2.0 * usual, 0.5) if is_more else counts < 0.5 * usual
    found = np.flatnonzero(shows)
    return look.bucket - LATE_BUCKETS + 1 + int(found[-1]) if len(found) else 0


def _is_news(episode: Episode, bucket: int) -> bool:
    return episode.is_over or bucket - episode.told_bucket >= TELL_BUCKETS


def _finding(episode: Episode, look: Look, catalogue: PatternCatalogue) -> Finding:
    key, row = episode.key, look.series.row_of[episode.key]
    pattern = catalogue.patterns.get(key.pattern) if key.what is What.PATTERN else None
    first, last = episode.onset_bucket, max(episode.onset_bucket, episode.last_bucket)
    start, end = first * INTERVAL_NANO, (last + 1) * INTERVAL_NANO
    expected, observed = _amounts(episode, look, row, first, last)
    direction = "more" if episode.is_more else "fewer"
    name = f"{direction}/{key.what}/{key.service}/{key.pattern}/{episode.onset_bucket}"
    level = level_of(max(1, int(look.series.levels[row]))) if episode.is_more else Level.ERROR
    count = _sum(look, row, first, last)
    return Finding(
        id=uuid5(_NAMESPACE, name),
        kind=episode.kind,
        service=key.service,
        pattern=key.pattern if key.what is What.PATTERN else None,
        template="" if pattern is None else pattern.name or pattern.template,
        level=level,
        onset_unix_nano=start,
        last_unix_nano=end,
        score=round(episode.score, 2),
        expected=expected,
        observed=observed,
        evidence=Evidence(query=_query(key), start_unix_nano=start, end_unix_nano=end, count=round(count)),
        opens=episode.opens,
        is_over=episode.is_over,
    )


def _amounts(episode: Episode, look: Look, row: int, first: int, last: int) -> tuple[float, float]:
    """What is expected and what there was from a bucket to another: logs, or for errors their share of all."""
    expected = episode.expected / max(1, episode.buckets) * (last - first + 1)
    observed = _sum(look, row, first, last)
    if episode.kind is FindingKind.ERROR_RATIO:
        total = max(1.0, _sum(look, look.series.service_row[row], first, last))
        expected, observed = min(1.0, expected / total), min(1.0, observed / total)
    return round(expected, 4), round(observed, 4)


def _sum(look: Look, row: int, first: int, last: int) -> float:
    """Logs from a bucket to another, as far back as is known."""
    counts = look.counts(LATE_BUCKETS)[row]
    begin = look.bucket - LATE_BUCKETS + 1
    return float(counts[max(0, first - begin) : max(0, last + 1 - begin)].sum())


def _query(key: Key) -> str:
    service = f"service:{_quoted(key.service)}"
    if key.what is What.PATTERN:
        return f"{service} pattern:{pattern_id_text(key.pattern)}"
    return f"{service} level:>=ERROR" if key.what is What.ERRORS else service


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
