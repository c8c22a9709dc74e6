from tocsin.topology.contracts import CallGraph

GRAPH = CallGraph({("web", "cart"): 3, ("web", "auth"): 2, ("cart", "stock"): 1, ("cron", "mail"): 1})


def test_callees_and_callers_are_direct_ones() -> None:
    assert GRAPH.callees("web") == {"cart", "auth"}
    assert GRAPH.callers("stock") == {"cart"}
    assert GRAPH.callees("stock") == GRAPH.callers("unknown") == frozenset()
    assert GRAPH.services == {"web", "cart", "auth", "stock", "cron", "mail"}


def test_distance_counts_calls_in_either_direction() -> None:
    assert GRAPH.distance("auth", "stock") == GRAPH.distance("stock", "auth") == 3
    assert GRAPH.distance("unknown", "unknown") == 0
    assert GRAPH.distance("web", "mail") is None
