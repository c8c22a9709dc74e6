import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.search.comparison.special import (
    log_gamma,
    normal_quantile_of_tail,
    normal_tail,
    regularised_beta,
    student_two_sided,
)


def one(value: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([value])


@given(st.floats(0.01, 1e6))
def test_log_gamma_is_that_of_the_standard_library(x: float) -> None:
    assert log_gamma(one(x))[0] == pytest.approx(math.lgamma(x), rel=1e-10, abs=1e-10)


@given(st.integers(1, 60), st.integers(0, 60), st.floats(0.01, 0.99))
def test_the_beta_function_sums_binomial_tails(events: int, least: int, share: float) -> None:
    least = min(least, events)
    tail = sum(math.comb(events, n) * share**n * (1 - share) ** (events - n) for n in range(least, events + 1))
    found = regularised_beta(one(least), one(events - least + 1), one(share))[0]
    assert found == pytest.approx(tail, rel=1e-9, abs=1e-14)


@given(st.floats(1e-290, 0.5))
def test_the_normal_quantile_is_the_inverse_of_the_tail(p: float) -> None:
    assert normal_tail(normal_quantile_of_tail(one(p)))[0] == pytest.approx(p, rel=1e-6)


@pytest.mark.parametrize(
    ("t", "degrees", "p"), [(2.228, 10, 0.05), (12.706, 1, 0.05), (4.032, 5, 0.01), (1.96, 1e7, 0.05), (0.0, 3, 1.0)]
)
def test_students_tails_are_those_of_the_tables(t: float, degrees: float, p: float) -> None:
    assert student_two_sided(one(t), one(degrees))[0] == pytest.approx(p, rel=2e-3)
