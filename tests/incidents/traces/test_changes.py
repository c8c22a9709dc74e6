import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tocsin.incidents.traces.changes import more_often


def strength(traces: int, of: int, *before: tuple[int, int]) -> float:
    hits = np.array([[float(hit)] for hit, _ in before]).reshape(len(before), 1)
    total = np.array([[float(all_)] for _, all_ in before]).reshape(len(before), 1)
    return float(more_often(np.array([float(traces)]), np.array([float(of)]), hits, total)[0])


counts = st.integers(0, 60).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of)))


@given(now=counts, before=st.lists(counts, max_size=4))
def test_only_a_larger_share_is_a_clue(now: tuple[int, int], before: list[tuple[int, int]]) -> None:
    hits, of = sum(hit for hit, _ in before), sum(of for _, of in before)
    found = strength(*now, *before)
    assert found >= 0
    if now[0] * of <= hits * now[1]:
        assert found == 0


@given(hits=st.integers(1, 40), of=st.integers(40, 80), before=st.integers(1, 200))
def test_more_of_the_same_is_more_certain(hits: int, of: int, before: int) -> None:
    assert strength(hits, of, (0, before)) <= strength(hits + 1, of + 1, (0, before)) + 1e-9
    assert strength(hits, of, (0, before)) <= strength(hits, of, (0, before + 20)) + 1e-9


@given(hits=st.integers(1, 40), before=st.integers(10, 200))
def test_an_earlier_time_that_showed_as_much_takes_it_back(hits: int, before: int) -> None:
    assert strength(hits, 40, (0, before), (hits, 40)) < 0.7


def test_the_factor_is_that_of_jeffreys_prior() -> None:
    # 1 of 1 against 0 of 1: (1/2 · 1/2) apart, B(3/2, 3/2) / B(1/2, 1/2) = 1/8 together.
    assert np.isclose(strength(1, 1, (0, 1)), np.log(2.0))
