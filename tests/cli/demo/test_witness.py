from tocsin.cli.demo.witness import Trace, trace_of


def log(service: str, level: str, message: str = "") -> dict[str, str]:
    return {"service": service, "level": level, "message": message}


def test_trace_has_its_services_in_the_order_in_which_they_spoke() -> None:
    newest_first = [
        log("api-gateway", "ERROR"),
        log("payment", "WARN"),
        log("checkout", "INFO"),
        log("payment", "INFO"),
    ]
    assert trace_of("17", newest_first, part="payment") == Trace("17", ["payment", "checkout", "api-gateway"], 2)


def test_service_that_says_nothing_has_a_part_when_it_is_named() -> None:
    logs = [log("api-gateway", "ERROR", "upstream catalog: no such host"), log("search", "WARN")]
    assert trace_of("17", logs, part="catalog") is not None
    assert trace_of("17", logs, part="payment") is None


def test_trace_is_passed_over_when_little_is_wrong_in_it() -> None:
    assert trace_of("17", [log("api-gateway", "ERROR"), log("payment", "INFO")], part="payment") is None
    assert trace_of("17", [log("payment", "ERROR"), log("payment", "ERROR")], part="payment") is None
