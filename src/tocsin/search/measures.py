"""What may be computed over logs, as it is written: ``count``, ``rate``, ``distinct:user_id``, ``p95:duration_ms``."""

import re
from dataclasses import dataclass
from decimal import Decimal

from tocsin.kit.errors import InvalidRequest
from tocsin.logstore.ports import Measure, Statistic
from tocsin.search.field_names import field_named

MAX_MEASURES = 20

_COUNTED = {"count": False, "rate": True}
_OF_A_FIELD = {
    "distinct": Statistic.DISTINCT,
    "min": Statistic.MIN,
    "max": Statistic.MAX,
    "avg": Statistic.AVERAGE,
}
_PERCENTILE = re.compile(r"p(\d{1,3}(?:\.\d{1,6})?)")
_FORMS = "count, rate, and distinct, min, max, avg, p50 or any other percentile of a field, as in p95:duration_ms"


@dataclass(frozen=True, slots=True)
class NamedMeasure:
    """A measure, under the name that it was asked for by."""

    name: str
    measure: Measure
    #: A count that is shown for each second.
    is_rate: bool = False


def measure_named(name: str) -> NamedMeasure:
    """The measure that is written so.

    Raises:
        InvalidRequest: nothing is.
    """
    if name in _COUNTED:
        return NamedMeasure(name, Measure(Statistic.COUNT), is_rate=_COUNTED[name])
    statistic, _, field_name = name.partition(":")
    percentile = _PERCENTILE.fullmatch(statistic)
    if not field_name or (statistic not in _OF_A_FIELD and percentile is None):
        raise InvalidRequest(f"{name!r} is no measure: there are {_FORMS}")
    field = field_named(field_name)
    if percentile is None:
        return NamedMeasure(name, Measure(_OF_A_FIELD[statistic], field))
    share = float(Decimal(percentile[1]) / 100)
    if not 0 < share <= 1:
        raise InvalidRequest(f"{statistic} is no percentile: they are more than p0 and at most p100")
    return NamedMeasure(name, Measure(Statistic.PERCENTILE, field, share))
