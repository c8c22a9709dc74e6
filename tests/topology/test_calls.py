import polars as pl

from tocsin.topology.calls import calls_of

MS = 1_000_000
COLUMNS = ("trace_id", "span_id", "service", "parent_span_id", "timestamp")


def logs(*rows: tuple[str, str, str, str, int]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=dict.fromkeys(COLUMNS[:4], pl.String) | {"timestamp": pl.Int64}, orient="row")


def span(span_id: str, service: str, start: int, end: int, *, trace: str = "t", parent: str = "") -> pl.DataFrame:
    return logs((trace, span_id, service, parent, start * MS), (trace, span_id, service, parent, end * MS))


def test_the_tightest_enclosing_service_is_the_caller() -> None:
    nested = pl.concat([span("1", "web", 0, 100), span("2", "cart", 20, 80), span("3", "stock", 40, 60)])
    assert calls_of(nested) == {("web", "cart"): 1, ("cart", "stock"): 1}


def test_clocks_may_be_off_by_some_milliseconds() -> None:
    assert calls_of(pl.concat([span("1", "web", 0, 100), span("2", "cart", -4, 90)])) == {("web", "cart"): 1}
    assert calls_of(pl.concat([span("1", "web", 0, 100), span("2", "cart", -9, 90)])) == {}


def test_a_parent_id_wins_over_time() -> None:
    named = pl.concat([span("1", "web", 0, 100), span("2", "cart", 20, 80), span("3", "auth", 40, 60, parent="1")])
    assert calls_of(named) == {("web", "auth"): 1, ("web", "cart"): 1}


def test_other_traces_and_logs_without_one_show_nothing() -> None:
    apart = pl.concat([span("1", "web", 0, 100, trace="a"), span("2", "cart", 20, 80, trace="b")])
    assert calls_of(apart) == {}
    assert calls_of(apart.with_columns(trace_id=pl.lit(""))) == {}
