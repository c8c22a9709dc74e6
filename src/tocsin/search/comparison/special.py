"""The few special functions that the tests need, over whole arrays; double precision, no dependency but numpy."""

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

SMALLEST_P = 1e-300
"""Smaller p-values are this: an order among them has no meaning."""

_MAX_TERMS = 500
_TOLERANCE = 1e-13
_TINY = 1e-300

# Source: Lanczos' approximation with g = 7 and nine terms (Press et al., Numerical Recipes, 6.1); error < 1e-14.
_LANCZOS = (
    0.99999999999980993,
    676.5203681218851,
    -1259.1392167224028,
    771.32342877765313,
    -176.61502916214059,
    12.507343278686905,
    -0.13857109526572012,
    9.9843695780195716e-6,
    1.5056327351493116e-7,
)


def log_gamma(x: Floats) -> Floats:
    """The logarithm of the gamma function for x > 0."""
    shifted = np.asarray(x, dtype=np.float64) - 1.0 + (np.asarray(x) < 0.5)
    series = np.full_like(shifted, _LANCZOS[0])
    for place, coefficient in enumerate(_LANCZOS[1:], start=1):
        series += coefficient / (shifted + place)
    t = shifted + 7.5
    result = 0.5 * math.log(2 * math.pi) + (shifted + 0.5) * np.log(t) - t + np.log(series)
    # Gamma(x) = Gamma(x + 1) / x keeps small arguments in the range of the series.
    return np.asarray(np.where(np.asarray(x) < 0.5, result - np.log(np.maximum(x, _TINY)), result))


def regularised_beta(a: Floats, b: Floats, x: Floats) -> Floats:
    """The regularised incomplete beta function I_x(a, b); 0 where b is 0 and x < 1, 1 where a is 0.

    Source: the continued fraction of Numerical Recipes, 6.4, by Lentz' method.
    """
    a, b, x = (np.array(each, dtype=np.float64) for each in np.broadcast_arrays(a, b, x))
    result = np.where(a <= 0, 1.0, np.where(b <= 0, (x >= 1).astype(np.float64), np.clip(x, 0, 1)))
    inner = (a > 0) & (b > 0) & (x > 0) & (x < 1)
    if not inner.any():
        return result
    a, b, x = a[inner], b[inner], x[inner]
    is_turned = x > (a + 1) / (a + b + 2)
    first, second = np.where(is_turned, b, a), np.where(is_turned, a, b)
    argument = np.where(is_turned, 1 - x, x)
    log_front = log_gamma(a + b) - log_gamma(a) - log_gamma(b) + first * np.log(argument) + second * np.log1p(-argument)
    value = np.exp(log_front) * _beta_fraction(first, second, argument) / first
    result[inner] = np.where(is_turned, 1 - value, value)
    return result


def _beta_fraction(a: Floats, b: Floats, x: Floats) -> Floats:
    c = np.ones_like(a)
    d = 1 / _not_zero(1 - (a + b) * x / (a + 1))
    fraction = d.copy()
    for m in range(1, _MAX_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1 / _not_zero(1 + even * d)
        c = _not_zero(1 + even / c)
        fraction *= d * c
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d = 1 / _not_zero(1 + odd * d)
        c = _not_zero(1 + odd / c)
        step = d * c
        fraction *= step
        if np.all(np.abs(step - 1) < _TOLERANCE):
            break
    return fraction


def _not_zero(values: Floats) -> Floats:
    return np.where(np.abs(values) < _TINY, _TINY, values)


def normal_tail(z: Floats) -> Floats:
    """P(Z > z) of the standard normal distribution."""
    erfc = np.frompyfunc(math.erfc, 1, 1)
    return np.asarray(erfc(np.asarray(z, dtype=np.float64) / math.sqrt(2)), dtype=np.float64) / 2


def normal_quantile_of_tail(p: Floats) -> Floats:
    """The z with P(Z > z) = p, for 0 < p <= 0.5; by Newton's method on the logarithm."""
    p = np.clip(np.asarray(p, dtype=np.float64), SMALLEST_P, 0.5)
    log_p = np.log(p)
    z = np.sqrt(np.maximum(0.0, -2 * log_p - np.log(np.maximum(1.0, -2 * log_p)) - math.log(2)))
    for _ in range(12):
        tail = np.maximum(normal_tail(z), _TINY)
        density = np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
        z = np.maximum(0.0, z + (np.log(tail) - log_p) * tail / np.maximum(density, _TINY))
    return np.asarray(z)


def student_two_sided(t: Floats, degrees: Floats) -> Floats:
    """P(|T| > |t|) of Student's distribution with these degrees of freedom."""
    t, degrees = np.asarray(t, dtype=np.float64), np.asarray(degrees, dtype=np.float64)
    square = t * t
    return np.maximum(
        regularised_beta(degrees / 2, np.full_like(degrees, 0.5), degrees / (degrees + square)), SMALLEST_P
    )
