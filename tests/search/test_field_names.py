"""Names of fields and of measures."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.kit.errors import InvalidRequest
from tocsin.logstore.ports import Field, LogColumn, Measure, MetadataKey, Statistic
from tocsin.query.fields import NAMED_FIELDS
from tocsin.query.tree import And, Everything, Or, Phrase, ServiceIs
from tocsin.search.field_names import both, field_named, name_of
from tocsin.search.measures import measure_named

_keys = st.one_of(st.text(max_size=8), st.sampled_from([*NAMED_FIELDS, "metadata.", "metadata.level", "http.status"]))


@given(st.one_of(st.sampled_from(LogColumn), _keys.map(MetadataKey)))
def test_every_field_has_a_name_of_its_own(field: Field) -> None:
    assert field_named(name_of(field)) == field


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("service", LogColumn.SERVICE),
        ("level", LogColumn.LEVEL),
        ("metadata.level", MetadataKey("level")),
        ("http.status", MetadataKey("http.status")),
        ("metadata.http.status", MetadataKey("http.status")),
    ],
)
def test_a_name_means_what_it_means_in_queries(name: str, field: Field) -> None:
    assert field_named(name) == field


@pytest.mark.parametrize("name", ["", *sorted(set(NAMED_FIELDS) - set(LogColumn))])
def test_a_field_whose_values_can_not_be_counted_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest):
        field_named(name)


@pytest.mark.parametrize(
    ("name", "measure", "is_rate"),
    [
        ("count", Measure(Statistic.COUNT), False),
        ("rate", Measure(Statistic.COUNT), True),
        ("distinct:level", Measure(Statistic.DISTINCT, LogColumn.LEVEL), False),
        ("avg:http:ms", Measure(Statistic.AVERAGE, MetadataKey("http:ms")), False),
        ("p50:ms", Measure(Statistic.PERCENTILE, MetadataKey("ms"), 0.5), False),
        ("p99.9:ms", Measure(Statistic.PERCENTILE, MetadataKey("ms"), 0.999), False),
        ("p100:ms", Measure(Statistic.PERCENTILE, MetadataKey("ms"), 1.0), False),
    ],
)
def test_a_measure_is_what_its_name_says(name: str, measure: Measure, is_rate: bool) -> None:
    named = measure_named(name)
    assert (named.name, named.measure, named.is_rate) == (name, measure, is_rate)


@pytest.mark.parametrize(
    "name", ["", "counts", "count:ms", "max", "max:", "p:ms", "p0:ms", "p101:ms", "px:ms", "max:message"]
)
def test_what_is_no_measure_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest):
        measure_named(name)


def test_conditions_are_joined_without_nesting() -> None:
    word, service = Phrase(("word",)), ServiceIs("a")
    assert both(Everything(), word) == word == both(word, Everything())
    assert both(And((word, service)), word) == And((word, service, word))
    assert both(Or((word, service)), word) == And((Or((word, service)), word))
    assert both(Everything(), Everything()) == Everything()
