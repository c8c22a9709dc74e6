import json
import re
from collections.abc import Iterator
from random import Random

import pytest

from tests.simulation.runs import START, calm, run
from tocsin.simulation.contracts import Effect, Fault, Mechanism
from tocsin.simulation.failures import KINDS, FailureWords
from tocsin.simulation.plans import OperationPlan, Planner, StepPlan
from tocsin.simulation.shop import new_states
from tocsin.simulation.shop_map import SHOP
from tocsin.simulation.styles import as_format
from tocsin.simulation.topology import Service, Style
from tocsin.simulation.values import MAKERS, POOLS, Values
from tocsin.simulation.vocabulary import Line, Vocabulary

#: What the walk and the state put into lines, besides what is drawn.
SET = (
    "trace",
    "span",
    "ms",
    "status",
    "seconds",
    "clf",
    "error",
    "stack",
    "attempt",
    "retries",
    "version",
    "delivery",
    "lag",
    "in_flight",
    "disk_percent",
    "hit_percent",
    "memory_percent",
    "heap_mb",
    "heap_before_mb",
    "heap_kb",
    "heap_bytes",
    "long_pause",
    "pool_total",
    "pool_active",
    "pool_idle",
    "pool_waiting",
    "now",
    "not_after",
    "not_after_java",
)
SERVICES = {service.name: service for service in SHOP.services}


class _Planned:
    planner = Planner(SHOP, new_states(1, 1.0))


def _values() -> Values:
    values = Values(Random(1).random)
    for name in SET:
        values[name] = "7"
    return values


def _lines_of(plan: OperationPlan | StepPlan) -> Iterator[Line]:
    for name in plan.__dataclass_fields__:
        value = getattr(plan, name)
        if isinstance(value, tuple):
            yield from (one for one in value if isinstance(one, Line))


def _all_lines(service: str) -> Iterator[Line]:
    vocabulary = _Planned.planner.vocabularies[service]
    clocked = [moment for moment in vocabulary.moments if moment.split()[0] in ("every", "about", "high")]
    for moment in (*clocked, "startup", "shutdown", "killed", "reload", "deprecated"):
        yield from vocabulary.lines(moment, has_trace=False)
    for (owner, _), plan in _Planned.planner.plans.items():
        if owner != service:
            continue
        yield from _lines_of(plan)
        for rejection in plan.rejections:
            yield from rejection.lines
        for step in plan.steps:
            yield from _lines_of(step)
            for inner in step.on_miss:
                yield from _lines_of(inner)


@pytest.mark.parametrize("service", SERVICES)
def test_every_line_is_a_record_whatever_stands_in_it(service: str) -> None:
    lines = list(_all_lines(service))
    tail = '"host.name":"h"}}'
    for line in lines:
        record = json.loads('{"timestamp":"2026-05-27T19:00:00.000000000' + line.body % line.pick(_values()) + tail)
        assert record["service"] == service
        assert record["message"].strip()
        assert "{" not in re.sub(r"\{(accept|_id|touched_at|user=|\$)|mdc=\{|\{ (Type|Addr)", "", record["message"])


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_much_to_say(service: str) -> None:
    bodies = {re.sub(r'"metadata".*', "", line.body) for line in _all_lines(service)}
    levels = {json.loads(body[body.index('"level":') + 8 : body.index(',"service"')]) for body in bodies}
    assert len(bodies) >= 15
    assert len(levels) >= 4


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("service", SERVICES)
def test_every_failure_has_words_in_every_language(service: str, kind: str) -> None:
    plans = [plan for (owner, _), plan in _Planned.planner.plans.items() if owner == service]
    for plan in plans:
        for errors in (plan.errors, *(step.errors for step in plan.steps)):
            short, stack = errors[kind]
            text = json.loads(f'"{short % _values()}"')
            assert text
            assert "\n" not in text
            json.loads(f'"{stack % _values()}"')


def test_every_value_is_safe_inside_a_json_text() -> None:
    for pool in POOLS.values():
        for value in pool:
            assert json.loads(f'"{value}"') == value
    for maker in MAKERS.values():
        draws = iter([0.0, 0.999999999, 0.5, 0.5])
        assert re.fullmatch(r"[\w-]+", maker(lambda: next(draws)))  # noqa: B023  # called at once


def test_styles_are_as_different_as_promised() -> None:
    forms = {
        "api-gateway": r'[\d.]+ - - \[\d\d/\w{3}/\d{4}:[\d:]{8} \+0000\] "(GET|POST) \S+ HTTP/1\.1" \d{3} \d+ "-" ".+"',
        "cart": r'level=\w+ caller=\w+\.go:\d+ msg="[^"]+"( \w+=\S+)+',
        "payment": r"\[nio-8080-exec-\d+\] c\.s\.payment\.\w+ : .+",
        "shipping": r"shipping\.\w+: .+",
        "search": r"\w+\.cc:\d+\] .+",
        "catalog": r"request completed: GET /products/\S+ 200 \([\d.]+ ms\)",
    }
    records = calm(300).records
    for service, form in forms.items():
        own = [record["message"] for record in records if record["service"] == service and "trace_id" in record]
        assert any(re.match(form, message) for message in own), service
    levels: dict[str, set[str]] = {}
    for record in records:
        levels.setdefault(record["service"], set()).add(record["level"])
    assert levels["search"] <= {"D", "I", "W", "E", "F"}
    assert levels["shipping"] <= {"DEBUG", "INFO", "WARNING", "ERROR"}
    assert levels["cart"] <= {"debug", "info", "warn", "error"}


def test_errors_are_written_while_nothing_is_wrong() -> None:
    alarming = [record for record in calm(300).records if record["level"].lower() in ("error", "e")]
    assert len({record["service"] for record in alarming}) >= 3


def test_nothing_is_called_slow_while_nothing_is_slow() -> None:
    text = calm(300).ndjson.decode().lower()
    assert text.count("slow statement") + text.count("slow query") + text.count("slow operation") <= 3
    assert text.count("published orderplaced") > 10


def test_one_thread_works_on_a_span() -> None:
    threads: dict[str, set[str]] = {}
    for record in calm(300).records:
        found = re.match(r"\[nio-8080-exec-(\d+)\]", record["message"])
        if found and "span_id" in record:
            threads.setdefault(record["span_id"], set()).add(found[1])
    assert threads
    assert {len(found) for found in threads.values()} == {1}


def test_certificate_ran_out_when_the_fault_began() -> None:
    effect = Effect(
        mechanism=Mechanism.DEPENDENCY, service="payment", part="acquirer", parameters={"failure": "certificate"}
    )
    text = run([Fault(name="x", kind="x", onset_seconds=5, effects=[effect])], 60).ndjson.decode()
    assert "CertificateExpiredException: NotAfter: Wed May 27 19:00:05 UTC 2026" in text
    assert START


def test_bad_line_is_refused() -> None:
    service = SERVICES["cart"]
    vocabulary = Vocabulary(service)
    with pytest.raises(ValueError, match="not a line of a vocabulary: 'HELLO 1 x'"):
        vocabulary._read("[a]\nHELLO 1 x\n")


def test_format_keeps_percent_signs_and_quotes() -> None:
    form = as_format('100 % of "{user}"\n')
    assert json.loads('"' + form % {"user": "u_1"} + '"') == '100 % of "u_1"\n'


def test_python_causes_come_first() -> None:
    error = FailureWords().error("dns", "https", Style.PYTHON)
    assert error.cause is not None
    assert isinstance(SERVICES["shipping"], Service)
