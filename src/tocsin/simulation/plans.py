"""Operations made ready to be walked: every line, error and number that doesn't change is worked out here, once."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import NormalDist

from tocsin.simulation.failures import KINDS, OWN, SERVICE, FailureWords
from tocsin.simulation.state import MILLISECOND_NANO, PartState, ServiceState
from tocsin.simulation.styles import ErrorText, as_format, short, stack
from tocsin.simulation.topology import Call, Operation, PartKind, Publish, ShopMap, Step, Style, Use
from tocsin.simulation.vocabulary import Line, Vocabulary

QUANTILES = 1024
"""Steps of a latency's distribution."""

_TAIL = 2.6
"""Standard deviations: hardly any call takes longer while nothing is wrong."""

_SLACK = 1.5

ErrorFormat = tuple[str, str]
"""In one line, and the stack; both ``%``-formats."""


@dataclass(slots=True, eq=False)
class StepPlan:
    """One step of an operation. Of ``part`` and ``target``, a use has the first, a call the second, a message both."""

    step: Step
    part: PartState | None = None
    target: "OperationPlan | None" = None
    share: float = 1.0
    is_optional: bool = False
    timeout: int = 0
    retries: int = 0
    #: Nanoseconds.
    median: float = 0.0
    is_write: bool = False
    table: tuple[float, ...] = ()
    #: Nanoseconds; a use that takes longer is worth a line.
    slow: int = 0
    on_miss: tuple["StepPlan", ...] = ()
    errors: dict[str, ErrorFormat] = field(default_factory=dict)
    done: tuple[Line, ...] = ()
    missed: tuple[Line, ...] = ()
    lagged: tuple[Line, ...] = ()
    failed: tuple[Line, ...] = ()
    retried: tuple[Line, ...] = ()
    given_up: tuple[Line, ...] = ()


@dataclass(slots=True, eq=False)
class RejectionPlan:
    """An early end."""

    name: str
    share: float
    status: int
    lines: tuple[Line, ...]


@dataclass(slots=True, eq=False)
class OperationPlan:
    """One operation of a service."""

    state: ServiceState
    operation: Operation
    name: str
    median: float
    table: tuple[float, ...]
    status: int
    steps: tuple[StepPlan, ...] = ()
    #: Between its steps and around them: what its own work is divided by.
    gaps: int = 2
    is_access_logged: bool = False
    rejections: tuple[RejectionPlan, ...] = ()
    #: Nanoseconds that it hardly ever takes while nothing is wrong.
    slow: int = 0
    errors: dict[str, ErrorFormat] = field(default_factory=dict)
    started: tuple[Line, ...] = ()
    done: tuple[Line, ...] = ()
    failed: tuple[Line, ...] = ()
    rejected: tuple[Line, ...] = ()
    cancelled: tuple[Line, ...] = ()
    overloaded: tuple[Line, ...] = ()
    dead: tuple[Line, ...] = ()
    debug: tuple[Line, ...] = ()


def latency_table(sigma: float) -> tuple[float, ...]:
    """Quantiles of a lognormal distribution with median 1: one is drawn by its number."""
    normal = NormalDist(0, sigma)
    quantiles = [normal.inv_cdf((number + 0.5) / QUANTILES) for number in range(QUANTILES)]
    return tuple(math.exp(quantile) for quantile in quantiles)


class Planner:
    """Makes the plans of a shop."""

    def __init__(self, shop: ShopMap, states: Mapping[str, ServiceState]) -> None:
        self._states = states
        self._words = FailureWords()
        self._tables: dict[float, tuple[float, ...]] = {}
        self.vocabularies = {service.name: Vocabulary(service) for service in shop.services}
        self.plans: dict[tuple[str, str], OperationPlan] = {}
        for service in shop.services:
            for operation in service.operations:
                self.plans[service.name, operation.name] = self._operation(states[service.name], operation)
        for plan in self.plans.values():
            plan.steps = tuple(self._step(plan, step) for step in plan.operation.steps)
            plan.gaps = len(plan.steps) + 2
        for plan in self.plans.values():
            plan.slow = int(_SLACK * self._usual_longest(plan))

    def _table(self, sigma: float) -> tuple[float, ...]:
        if sigma not in self._tables:
            self._tables[sigma] = latency_table(sigma)
        return self._tables[sigma]

    def _operation(self, state: ServiceState, operation: Operation) -> OperationPlan:
        service = state.service
        vocabulary = self.vocabularies[service.name]
        words = {
            "operation": operation.name,
            "method": operation.method,
            "path": operation.route,
            "route": operation.route,
            "workers": str(service.workers),
            "good_status": str(operation.status),
            # Where the service fails by itself in a way that is usual with others.
            "peer": service.name,
            "peer_method": operation.method,
            "peer_route": operation.route,
            "address": f"{service.name}.shop.svc.cluster.local",
            "target_port": str(service.port),
            "statement": operation.route,
            "topic": "order-events",
            "places": str(service.workers),
            "timeout_ms": "2000",
            "limit_ms": "2000",
            "wait_ms": "2000",
        }

        def lines(moment: str) -> tuple[Line, ...]:
            return vocabulary.lines(f"{operation.name}.{moment}", words) + vocabulary.lines(moment, words)

        return OperationPlan(
            state=state,
            operation=operation,
            name=operation.name,
            median=operation.median_ms * MILLISECOND_NANO,
            table=self._table(operation.sigma),
            status=operation.status,
            is_access_logged=service.style is Style.NGINX,
            rejections=tuple(
                RejectionPlan(one.name, one.share, one.status, lines(one.name)) for one in operation.rejections
            ),
            errors=self._errors(state, operation.name, OWN, words),
            started=lines("start"),
            done=lines("ok"),
            failed=lines("failed"),
            rejected=lines("rejected"),
            cancelled=lines("cancelled"),
            overloaded=lines("overloaded"),
            dead=lines("dead"),
            debug=lines("debug"),
        )

    def _step(self, plan: OperationPlan, step: Step) -> StepPlan:
        words = self._step_words(plan.state, step)
        vocabulary = self.vocabularies[plan.state.service.name]
        engine = SERVICE
        made = StepPlan(step, share=step.share, is_optional=step.is_optional)
        if isinstance(step, Call | Publish):
            made.target = self.plans[step.service, step.operation]
        if isinstance(step, Call):
            made.timeout = int(step.timeout_ms * MILLISECOND_NANO)
            made.retries = step.retries
        else:
            made.part = plan.state.parts[step.part]
            engine = made.part.part.engine
            made.table = self._table(made.part.part.sigma)
            made.median, made.is_write = made.part.median, True
        if isinstance(step, Use) and made.part is not None:
            made.median = made.part.median * step.weight
            made.is_write = _writes(step, made.part)
            made.on_miss = tuple(self._step(plan, inner) for inner in step.on_miss)
        if made.part is not None:
            made.slow = int(made.median * made.table[-1] * 2 + 20 * MILLISECOND_NANO)
        made.errors = self._errors(plan.state, plan.name, engine, words)
        kind = "call" if isinstance(step, Call) else made.part.part.kind.value if made.part else ""
        made.done = vocabulary.lines(f"{plan.name}.{kind}", words) + vocabulary.lines(kind, words)
        made.missed = vocabulary.lines("miss", words)
        made.lagged = vocabulary.lines("slow", words)
        made.failed = vocabulary.lines("step-failed", words)
        made.retried = vocabulary.lines("retry", words)
        made.given_up = vocabulary.lines("fallback", words)
        return made

    def _step_words(self, state: ServiceState, step: Step) -> dict[str, str]:
        words = {"workers": str(state.service.workers), "topic": getattr(step, "topic", "order-events")}
        if isinstance(step, Call):
            target = self._states[step.service].service
            operation = next(one for one in target.operations if one.name == step.operation)
            return words | {
                "peer": step.service,
                "peer_method": operation.method,
                "peer_route": operation.route,
                "address": f"{step.service}.shop.svc.cluster.local",
                "target_port": str(target.port),
                "timeout_ms": f"{step.timeout_ms:.0f}",
                "limit_ms": f"{step.timeout_ms:.0f}",
                "statement": f"{operation.method} {operation.route}",
                "places": "64",
                "wait_ms": "3000",
                "attempts": str(step.retries + 1),
            }
        part = state.parts[step.part].part
        host, _, port = part.address.partition(":")
        return words | {
            "peer": part.name if part.engine == "https" else part.engine,
            "peer_method": "POST",
            "peer_route": "",
            "address": host if part.engine == "https" else part.address,
            "target_port": port or "443",
            "timeout_ms": f"{part.limit_ms:.0f}",
            "limit_ms": f"{part.limit_ms:.0f}",
            "wait_ms": f"{part.wait_limit_ms:.0f}",
            "places": str(part.places),
            "statement": step.statement if isinstance(step, Use) else f"publish {step.topic}",
            "attempts": "1",
        }

    def _errors(
        self, state: ServiceState, operation: str, engine: str, words: Mapping[str, str]
    ) -> dict[str, ErrorFormat]:
        style = state.service.style
        made = {}
        for kind in KINDS:
            error = _filled(self._words.error(kind, engine, style), words)
            line = short(error, style).replace("\n", " ")
            if style is Style.GO:
                line = line.replace("\\", "\\\\").replace('"', '\\"')
            made[kind] = (as_format(line), as_format(stack(error, state.service, operation)))
        return made

    def _usual_longest(self, plan: OperationPlan) -> float:
        total = plan.median * math.exp(plan.operation.sigma * _TAIL)
        for step in plan.steps:
            total += self._step_longest(step)
        return total

    def _step_longest(self, step: StepPlan) -> float:
        if isinstance(step.step, Call) and step.target is not None:
            return self._usual_longest(step.target)
        if step.part is None:
            return 0.0
        own = step.median * math.exp(step.part.part.sigma * _TAIL)
        return own + sum(map(self._step_longest, step.on_miss))


def _writes(step: Use, part: PartState) -> bool:
    reads = ("select", "_search", "copy")
    return part.part.kind is not PartKind.DATABASE or not step.statement.lower().startswith(reads)


def _filled(error: ErrorText, words: Mapping[str, str]) -> ErrorText:
    text = error.text
    for _ in range(2):
        for name, value in words.items():
            text = text.replace(f"{{{name}}}", value)
    cause = _filled(error.cause, words) if error.cause else None
    return ErrorText(error.name, text.replace("\\n", "\n"), cause)
