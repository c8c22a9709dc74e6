"""Clusters and edits → patterns: a partition whatever people decide, and what they decide can be undone."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.patterns.contracts import Edit, EditKind, Pattern
from tocsin.patterns.grouping import Grouped, patterns_of

SHAPES = range(1, 13)
CLUSTERS = [Grouped(frozenset(shapes), f"cluster of {min(shapes)}") for shapes in ({1, 2, 3, 4}, {5, 6}, {7}, {8, 9})]
SEEN_IN_ORDER = {shape: shape * 10 for shape in range(1, 10)}


def edit(kind: EditKind, *shapes: int, name: str | None = None) -> Edit:
    return Edit(
        id=uuid4(),
        kind=kind,
        shapes=shapes,
        name=name,
        created_by=UUID(int=1),
        created_at=datetime(2026, 11, 25, tzinfo=UTC),
    )


def _template_of(shapes: Collection[int]) -> str:
    return f"made of {sorted(shapes)}"


def _patterns(*edits: Edit) -> dict[int, Pattern]:
    return {each.id: each for each in patterns_of(CLUSTERS, SEEN_IN_ORDER, edits, _template_of)}


def _partition(patterns: dict[int, Pattern]) -> set[frozenset[int]]:
    return {each.shapes for each in patterns.values()}


def test_a_pattern_is_named_by_the_shape_that_was_seen_first() -> None:
    seen = SEEN_IN_ORDER | {3: 1, 4: 1}
    patterns = {each.id: each for each in patterns_of(CLUSTERS, seen, [], _template_of)}
    assert patterns[3].shapes == {1, 2, 3, 4}
    assert patterns[3].first_seen_unix_nano == 1
    assert patterns[3].template == "cluster of 1"
    assert set(patterns) == {3, 5, 7, 8}


def test_a_merge_joins_whole_patterns_under_the_older_id() -> None:
    patterns = _patterns(edit(EditKind.MERGE, 7, 2))
    assert _partition(patterns) == {frozenset({1, 2, 3, 4, 7}), frozenset({5, 6}), frozenset({8, 9})}
    assert patterns[1].template == "made of [1, 2, 3, 4, 7]"


def test_a_split_makes_a_pattern_of_its_shapes() -> None:
    patterns = _patterns(edit(EditKind.SPLIT, 3, 4))
    assert patterns[1].shapes == {1, 2}
    assert patterns[3].shapes == {3, 4}
    assert patterns[3].template == "made of [3, 4]"


def test_edits_hold_in_their_order() -> None:
    apart_again = _patterns(edit(EditKind.MERGE, 1, 5), edit(EditKind.SPLIT, 5))
    assert apart_again[5].shapes == {5}
    assert apart_again[1].shapes == {1, 2, 3, 4, 6}
    together_again = _patterns(edit(EditKind.SPLIT, 4), edit(EditKind.MERGE, 4, 1))
    assert _partition(together_again) == _partition(_patterns())


def test_shapes_that_nobody_has_seen_are_left_out() -> None:
    assert _patterns(edit(EditKind.MERGE, 1, 99), edit(EditKind.SPLIT, 98), edit(EditKind.MUTE, 97)) == _patterns()


def test_the_later_name_and_mute_hold_for_the_whole_pattern() -> None:
    edits = [
        edit(EditKind.NAME, 1, name="first"),
        edit(EditKind.MUTE, 2),
        edit(EditKind.NAME, 4, name="second"),
        edit(EditKind.MUTE, 5),
        edit(EditKind.UNMUTE, 6),
    ]
    patterns = _patterns(*edits)
    assert (patterns[1].name, patterns[1].is_muted) == ("second", True)
    assert (patterns[5].name, patterns[5].is_muted) == (None, False)
    assert _patterns(*edits, edit(EditKind.NAME, 1, name=None))[1].name is None


def test_a_name_stays_with_its_shape_when_the_pattern_is_split() -> None:
    patterns = _patterns(edit(EditKind.NAME, 3, name="mine"), edit(EditKind.SPLIT, 3))
    assert patterns[3].name == "mine"
    assert patterns[1].name is None


_edits = st.lists(
    st.builds(
        lambda kind, shapes: edit(kind, *shapes),
        st.sampled_from([EditKind.MERGE, EditKind.SPLIT]),
        st.lists(st.sampled_from(SHAPES), min_size=1, max_size=4, unique=True),
    ),
    max_size=6,
)


@given(_edits)
def test_every_shape_is_in_exactly_one_pattern_whatever_people_decide(edits: Sequence[Edit]) -> None:
    patterns = _patterns(*edits)
    assert sorted(shape for each in patterns.values() for shape in each.shapes) == sorted(SEEN_IN_ORDER)
    for each in patterns.values():
        assert each.id == min(each.shapes)


@given(_edits, st.data())
def test_undoing_the_last_edit_brings_back_what_was_there(edits: Sequence[Edit], data: st.DataObject) -> None:
    last = data.draw(_edits.filter(bool))[0]
    assert _patterns(*[each for each in (*edits, last) if each is not last]) == _patterns(*edits)
    if last.kind is EditKind.MERGE:
        known = [shape for shape in last.shapes if shape in SEEN_IN_ORDER]
        merged = _patterns(*edits, last)
        assert len({each.id for each in merged.values() if each.shapes & set(known)}) <= 1


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]])
def test_the_order_of_clusters_changes_nothing(order: list[int]) -> None:
    edits = [edit(EditKind.MERGE, 1, 8), edit(EditKind.SPLIT, 2, 9)]
    clusters = [CLUSTERS[number] for number in order]
    patterns = {each.id: each for each in patterns_of(clusters, SEEN_IN_ORDER, edits, _template_of)}
    assert patterns == _patterns(*edits)
