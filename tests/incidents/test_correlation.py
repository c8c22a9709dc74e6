"""Which signals become one incident, and that people's corrections hold."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from random import Random
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from tests.incidents.signals import SECOND, SHOP, calls, cascades, make_signal, many_signals
from tocsin.incidents.contracts import Correction, Deploy, Edge, Signal
from tocsin.incidents.correlation import Group, correlate, regroup
from tocsin.incidents.ranking import likely_causes
from tocsin.topology.contracts import CallGraph


def partition(groups: Iterable[Group]) -> set[frozenset[int]]:
    return {frozenset(signal.id.int for signal in group.signals) for group in groups}


def named(groups: Sequence[Group], first: int = 1000) -> list[Group]:
    """As the repository would: each new group gets an id."""
    return [replace(group, id=group.id or UUID(int=first + number)) for number, group in enumerate(groups)]


def ids(*numbers: int) -> frozenset[UUID]:
    return frozenset(UUID(int=number) for number in numbers)


@given(cascades())
def test_a_cascade_is_one_incident_whose_cause_is_where_it_began(case: tuple[CallGraph, list[Signal], str]) -> None:
    graph, signals, failing = case
    groups = correlate([], signals, graph=graph)
    assert len(groups) == 1
    assert likely_causes(groups[0].signals, graph)[0].service == failing


@given(cascades(), st.data())
def test_a_cascade_that_comes_in_parts_is_one_incident(
    case: tuple[CallGraph, list[Signal], str], data: st.DataObject
) -> None:
    graph, signals, _ = case
    cut = data.draw(st.integers(0, len(signals)))
    first = named(correlate([], signals[:cut], graph=graph))
    assert len(correlate(first, signals[cut:], graph=graph)) == 1


@given(cascades("a", 1), cascades("b", 101))
def test_faults_in_parts_that_do_not_call_each_other_are_two_incidents(
    left: tuple[CallGraph, list[Signal], str], right: tuple[CallGraph, list[Signal], str]
) -> None:
    graph = CallGraph({**left[0].calls, **right[0].calls})
    groups = correlate([], [*left[1], *right[1]], graph=graph)
    assert partition(groups) == partition([Group(id=None, signals=left[1]), Group(id=None, signals=right[1])])


@given(many_signals(), st.randoms())
def test_the_order_of_signals_and_groups_does_not_matter(signals: list[Signal], random: Random) -> None:
    half = len(signals) // 2
    before = named(correlate([], signals[:half], graph=SHOP))
    expected = correlate(before, signals[half:], graph=SHOP)
    shuffled_groups, shuffled = list(before), signals[half:]
    random.shuffle(shuffled_groups)
    random.shuffle(shuffled)
    assert correlate(shuffled_groups, shuffled, graph=SHOP) == expected


@given(many_signals())
def test_every_signal_is_in_one_group_and_every_edge_explains_one_of_its_group(signals: list[Signal]) -> None:
    groups = correlate([], signals, graph=SHOP)
    assert sorted(signal.id for group in groups for signal in group.signals) == sorted(signal.id for signal in signals)
    for group in groups:
        members = {signal.id for signal in group.signals}
        assert len(group.edges) == len(members) - 1
        assert all(edge.first in members and edge.second in members for edge in group.edges)
        assert all(0.5 <= edge.weight <= 1 and edge.reason for edge in group.edges)


@given(many_signals())
def test_the_same_again_changes_nothing(signals: list[Signal]) -> None:
    groups = named(correlate([], signals, graph=SHOP))
    assert partition(correlate(groups, [], graph=SHOP)) == partition(groups)
    assert regroup(groups, []) == groups


@given(many_signals(), st.data())
def test_the_latest_correction_holds_when_signals_come_later(signals: list[Signal], data: st.DataObject) -> None:
    half = (len(signals) + 1) // 2
    sides = data.draw(st.lists(st.integers(0, 2), min_size=half, max_size=half))
    earlier = Correction(sides=(frozenset(signal.id for signal in data.draw(st.permutations(signals))[:3]),))
    latest = Correction(
        sides=tuple(
            frozenset(signal.id for signal, its in zip(signals, sides, strict=False) if its == side) for side in (0, 1)
        )
    )
    before = named(correlate([], signals[:half], graph=SHOP))
    groups = correlate(before, signals[half:], graph=SHOP, corrections=[earlier, latest])
    homes = {signal.id: number for number, group in enumerate(groups) for signal in group.signals}
    found = [{homes[id_] for id_ in side} for side in latest.sides]
    assert all(len(side) <= 1 for side in found)
    assert found[0].isdisjoint(found[1])


@given(many_signals(), st.data())
def test_undoing_a_correction_restores_what_was(signals: list[Signal], data: st.DataObject) -> None:
    before = named(correlate([], signals, graph=SHOP))
    sides = data.draw(st.lists(st.booleans(), min_size=len(signals), max_size=len(signals)))
    moved = frozenset(signal.id for signal, is_moved in zip(signals, sides, strict=True) if is_moved)
    stays = frozenset(signal.id for signal in signals) - moved
    corrected = named(correlate(before, [], graph=SHOP, corrections=[Correction(sides=(moved, stays))]), 2000)
    assert partition(corrected) == {frozenset(id_.int for id_ in side) for side in (moved, stays) if side}
    assert partition(regroup(corrected, [])) == partition(before)


def test_a_gateway_does_not_tie_two_incidents_together() -> None:
    graph = calls("gateway>search", "gateway>mail", "gateway>cart")
    signals = [
        make_signal(1, "search", 0, traces="a b"),
        make_signal(2, "mail", 5, traces="c d"),
        make_signal(3, "gateway", 8, traces="a b", pattern=1),
        make_signal(4, "gateway", 9, traces="c d", pattern=2),
    ]
    groups = correlate([], signals, graph=graph)
    assert partition(groups) == {frozenset({1, 3}), frozenset({2, 4})}


def test_a_signal_that_explains_the_heads_of_two_incidents_makes_them_one() -> None:
    graph = calls("cart>stock", "checkout>stock", "web>cart", "web>checkout", "web>news")
    first = named(correlate([], [make_signal(1, "cart", 10), make_signal(2, "checkout", 200)], graph=graph))
    assert partition(first) == {frozenset({1}), frozenset({2})}
    late = make_signal(3, "stock", 0, lasts=600, traces="t1 t2")
    first = [replace(group, signals=[replace(group.signals[0], trace_ids=late.trace_ids)]) for group in first]
    groups = correlate(first, [late], graph=graph)
    assert partition(groups) == {frozenset({1, 2, 3})}
    assert groups[0].id == first[0].id
    assert groups[0].absorbed == (first[1].id,)


def test_an_incident_that_lasts_for_hours_does_not_swallow_a_new_fault() -> None:
    old = named(correlate([], [make_signal(1, "payment", 0, lasts=4 * 3600, pattern=1)], graph=SHOP))
    assert len(correlate(old, [make_signal(2, "checkout", 3 * 3600, pattern=2)], graph=SHOP)) == 2
    assert len(correlate(old, [make_signal(2, "checkout", 60, pattern=2)], graph=SHOP)) == 1


def test_a_resolved_incident_takes_only_what_is_very_likely_its_own() -> None:
    open_ = named(correlate([], [make_signal(1, "payment", 0, traces="t1 t2 t3")], graph=SHOP))
    resolved = [replace(open_[0], resolved_unix_nano=open_[0].signals[0].last_unix_nano + SECOND)]
    weak = make_signal(2, "checkout", 30)
    strong = make_signal(3, "checkout", 30, traces="t1 t2 t3")
    assert len(correlate(open_, [weak], graph=SHOP)) == 1
    assert len(correlate(resolved, [weak], graph=SHOP)) == 2
    again = correlate(resolved, [strong], graph=SHOP)
    assert len(again) == 1
    assert again[0].resolved_unix_nano is not None


def test_a_signal_that_comes_again_replaces_the_earlier_one() -> None:
    groups = named(correlate([], [make_signal(1, "payment", 0, lasts=10)], graph=SHOP))
    longer = make_signal(1, "payment", 0, lasts=500)
    assert [list(group.signals) for group in correlate(groups, [longer], graph=SHOP)] == [[longer]]


def test_callers_of_one_silent_service_are_one_incident_because_they_name_it() -> None:
    graph = calls("search>catalog", "cart>catalog", "web>search", "web>cart", "web>news")
    signals = [
        make_signal(1, "search", 0, title="rpc catalog deadline exceeded"),
        make_signal(2, "cart", 10, title="catalog did not answer within 900 ms"),
    ]
    [group] = correlate([], signals, graph=graph)
    assert "both name catalog" in only(group.edges).reason
    assert likely_causes(group.signals, graph)[0].service == "catalog"


def test_an_edge_says_why() -> None:
    signals = [make_signal(1, "payment", 0, traces="t1 t2"), make_signal(2, "checkout", 20, traces="t1 t2")]
    deploy = Deploy(service="payment", version="7.1.0", at_unix_nano=signals[0].onset_unix_nano - 30 * SECOND)
    [group] = correlate([], signals, graph=SHOP, deploys=[deploy])
    edge = only(group.edges)
    assert (edge.first, edge.second) == (signals[0].id, signals[1].id)
    assert edge.reason == "2 requests met both; checkout calls payment; began 20 s apart"


def only(edges: Sequence[Edge]) -> Edge:
    [edge] = edges
    return edge


def test_who_has_less_to_do_joins_the_trouble_above() -> None:
    graph = calls("gateway>checkout", "checkout>payment")
    signals = [
        make_signal(1, "checkout", 0, lasts=600, score=100.0),
        make_signal(2, "payment", 20, lasts=600, kind="silence"),
    ]
    assert len(correlate([], signals, graph=graph)) == 1


def test_requests_that_fail_in_two_places_do_not_make_the_caller_the_cause() -> None:
    graph = calls("gateway>cart", "gateway>shipping")
    signals = [
        make_signal(1, "cart", 0, lasts=600, traces="t1 t2 t3"),
        make_signal(2, "gateway", 5, lasts=600, traces="t1 t2 t3 t4"),
        make_signal(3, "shipping", 120, lasts=600, traces="t4"),
    ]
    assert len(correlate([], signals, graph=graph)) == 2
