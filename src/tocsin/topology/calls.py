"""Logs of traces → which service called which. Pure; works on columns.

Logs seldom say who called: a span is known by the moments of its few logs, often by its last one alone. So what all
traces show together decides. Each trace is taken for a tree of calls; all trees are weighed at once, by how well each
call goes with the moments and by how often it is found in the other traces, in turns until both agree.

Source: expectation maximization over spanning trees; the sum over all trees is the determinant of the matrix-tree
theorem, and its derivatives are the probabilities of the calls (Koo et al. 2007, section 3).
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import polars as pl

from tocsin.topology.contracts import CallCount, CallCounts
from tocsin.topology.spans import Traces, spans_of, traces_of

CLOCK_SLACK_NANO = 5_000_000
"""How far clocks of two machines may be apart. More of it finds calls between worse clocks, and more wrong ones."""

ROUNDING_NANO = 200_000
"""How much later than its callee a caller may seem to begin, by the rounding of the duration that it names."""

TURNS = 12
"""More of them change nothing to speak of."""

# How well a caller goes with a callee. Only the order of magnitude matters.
_ENCLOSES = 1.0
#: Heard of once, later: it may have been there before.
_ENDS_LATER = 0.15
#: Goes on when the callee begins, and is over before it: of a message, or it says nothing at its end.
_OVERLAPS = 0.15
_ENCLOSES_WITH_SLACK = 0.2
#: Heard of once, earlier.
_BEGINS_EARLIER = 0.02
#: Over before the callee begins; or begun after it, and over later.
_APART = 0.01
_ELSE = 0.0005
#: Called by nobody of whom there are logs.
_NOBODY = 0.05
#: For each other span that stands between the two.
_STEP_INSIDE, _STEP_LATER = 0.05, 0.2
_MOST_STEPS = 8

#: So many ancestors further than the caller are counted as indirect callers.
_GENERATIONS = 3
#: Less of a call is none.
_SMALLEST = 0.01
#: What every pair of services that meets in a trace counts before anything is known.
_UNSEEN = 1e-3

Floats = npt.NDArray[np.float64]


@dataclass(slots=True)
class _Weighed:
    """Traces, and what is known of each pair of their spans: callers in the rows, callees in the columns."""

    traces: Traces
    #: Shape ``(n_traces, n_spans, n_spans)``: how well the pair goes together, 0 where it can't.
    fit: Floats
    #: Shape ``(n_traces, n_spans)``: the same of a span that nobody called.
    nobody: Floats
    #: The same shape as ``fit``: how probable the call is.
    calls: Floats
    #: The same shapes as ``fit`` and ``nobody``: which pair of services it is, see ``_Edges``.
    edge: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    nobody_edge: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))


@dataclass(frozen=True, slots=True)
class _Edges:
    """The pairs of services that occur, numbered: ``caller * n_services + callee``, and a last caller for nobody."""

    codes: npt.NDArray[np.int64]
    services: list[str]

    @property
    def callee(self) -> npt.NDArray[np.int64]:
        return self.codes % len(self.services)


def calls_of(logs: pl.DataFrame) -> CallCounts:
    """Count the calls between services that the logs of some complete traces show, as far as they are probable.

    The caller of a span is the span that its parent id names, where logs carry one that is known. Counts are of the
    span's whole kind of trace where only some traces were looked at, see ``spans``.

    Args:
        logs: as ``reading.span_logs`` has them, in any order.
    """
    spans = spans_of(logs)
    if spans.is_empty():
        return {}
    services = sorted(set(spans["service"]))
    weighed = [_weigh(traces) for traces in traces_of(spans, services)]
    edges = _numbered(weighed, services)
    _settle(weighed, edges)
    return _counted(weighed, edges)


def _weigh(traces: Traces) -> _Weighed:
    n_spans = traces.there.shape[1]
    possible = traces.there[:, :, None] & traces.there[:, None, :] & ~np.eye(n_spans, dtype=bool)
    fit = _fit(traces, possible)
    nobody = np.full(traces.there.shape, _NOBODY)
    trace, callee = np.nonzero(traces.parent >= 0)
    fit[trace, :, callee] = 0.0
    fit[trace, traces.parent[trace, callee], callee] = 1.0
    # Not quite certain, since ids of parents that go in a circle would leave no tree.
    nobody[trace, callee] = 1e-6
    return _Weighed(traces, fit, nobody, fit)


def _fit(traces: Traces, possible: npt.NDArray[np.bool_]) -> Floats:
    start, end = traces.start[:, :, None], traces.end[:, :, None]
    callee_start, callee_end = traces.start[:, None, :], traces.end[:, None, :]
    length, callee_length = end - start, callee_end - callee_start
    is_moment = length == 0
    earlier, later = start <= callee_start + ROUNDING_NANO, end > callee_end
    encloses = earlier & later & ~is_moment & (length > callee_length - 2 * ROUNDING_NANO) & possible
    overlaps = earlier & ~later & ~is_moment & (callee_start <= end) & possible
    encloses_with_slack = (
        (length > callee_length) & (start <= callee_start + CLOCK_SLACK_NANO) & (end >= callee_end - CLOCK_SLACK_NANO)
    )
    fit = np.full(possible.shape, _ELSE)
    # From the worst to the best.
    fit[(earlier | later) & ~is_moment] = _APART
    fit[earlier & ~later & is_moment] = _BEGINS_EARLIER
    fit[overlaps] = _OVERLAPS
    fit[later & is_moment] = _ENDS_LATER
    fit[encloses_with_slack] = _ENCLOSES_WITH_SLACK
    fit[encloses] = _ENCLOSES
    inside = encloses.astype(np.float32)
    between = np.where(encloses, inside @ inside, inside @ overlaps.astype(np.float32))
    behind = (later & possible).astype(np.float32)
    steps = np.where(
        encloses | overlaps,
        _STEP_INSIDE ** np.minimum(between, _MOST_STEPS),
        _STEP_LATER ** np.minimum(behind @ behind, _MOST_STEPS),
    )
    return np.asarray(fit * steps * possible, dtype=np.float64)


def _numbered(weighed: list[_Weighed], services: list[str]) -> _Edges:
    """Number the pairs of services that occur, since of many services few call each other."""
    n_services = len(services)
    for each in weighed:
        service = each.traces.service
        each.edge = service[:, :, None] * n_services + service[:, None, :]
        each.nobody_edge = n_services * n_services + service
    codes = np.unique(np.concatenate([np.unique(edge) for w in weighed for edge in (w.edge, w.nobody_edge)]))
    for each in weighed:
        each.edge = np.searchsorted(codes, each.edge)
        each.nobody_edge = np.searchsorted(codes, each.nobody_edge)
    return _Edges(codes, services)


def _settle(weighed: list[_Weighed], edges: _Edges) -> None:
    """Let what all traces show and what each one shows agree."""
    n_edges, n_services = len(edges.codes), len(edges.services)
    shares = np.full(n_edges, 1.0 / (n_services + 1))
    for _ in range(TURNS):
        counts = np.full(n_edges, _UNSEEN)
        for each in weighed:
            each.calls, nobody = _probable(each, shares[each.edge], shares[each.nobody_edge])
            weight = each.traces.weight[:, None]
            counts += np.bincount(each.edge.ravel(), (each.calls * weight[:, :, None]).ravel(), n_edges)
            counts += np.bincount(each.nobody_edge.ravel(), (nobody * weight).ravel(), n_edges)
        shares = counts / np.bincount(edges.callee, counts, n_services)[edges.callee]


def _probable(each: _Weighed, share: Floats, share_of_nobody: Floats) -> tuple[Floats, Floats]:
    """How probable each call is, and that nobody called; shapes ``(n_traces, n_spans, n_spans)``, ``(…, n_spans)``."""
    calls, nobody = each.fit * share, each.nobody * share_of_nobody
    total = calls.sum(axis=1) + nobody
    calls = calls / total[:, None, :]
    nobody = np.where(each.traces.there, nobody / total, 1.0)
    span = np.arange(calls.shape[1])
    laplacian = -calls
    laplacian[:, span, span] = nobody + calls.sum(axis=1)
    inverse = np.linalg.inv(laplacian)
    own = inverse[:, span, span]
    probable = np.clip(calls * (own[:, None, :] - inverse.transpose(0, 2, 1)), 0.0, 1.0)
    return probable, np.clip(nobody * own, 0.0, 1.0) * each.traces.there


def _counted(weighed: list[_Weighed], edges: _Edges) -> CallCounts:
    counts = np.zeros((3, len(edges.codes)))
    for each in weighed:
        service = each.traces.service
        is_other = service[:, :, None] != service[:, None, :]
        failed = each.calls * each.traces.has_error[:, None, :]
        between = each.calls * is_other
        indirect = np.zeros_like(between)
        for _ in range(_GENERATIONS):
            between = each.calls @ between
            indirect += between
        weight = is_other * each.traces.weight[:, None, None]
        for row, found in enumerate((each.calls, failed, indirect)):
            counts[row] += np.bincount(each.edge.ravel(), (found * weight).ravel(), len(edges.codes))
    names = edges.services
    return {
        (names[code // len(names)], names[code % len(names)]): CallCount(*counts[:, place].tolist())
        for place, code in enumerate(edges.codes.tolist())
        if code < len(names) ** 2 and counts[0, place] >= _SMALLEST
    }
