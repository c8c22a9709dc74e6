"""A request's way through the shop: spans, lines and failures, each at the time at which it would be.

Whoever is called answers before its caller stops waiting: a call carries its deadline, and is cancelled there, as
gRPC and most HTTP stacks do. Messages wait in a queue until their consumer has time.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from tocsin.simulation.failures import STATUS, UNAVAILABLE
from tocsin.simulation.plans import QUANTILES, OperationPlan, StepPlan
from tocsin.simulation.state import MILLISECOND_NANO, Chance, Host, ServiceState, Trouble
from tocsin.simulation.topology import PartKind, Style
from tocsin.simulation.values import Values
from tocsin.simulation.vocabulary import Line
from tocsin.simulation.writing import SECOND_NANO, Writer, common_log_time

CANCELLED = 499
"""What nginx calls it: whoever asked doesn't wait any more."""

FAILED = 500
"""From this status on, an answer is a failure."""

MAX_DELIVERIES = 5
"""After so many, a message that can't be worked on is put aside."""

_NETWORK_NANO = 400_000
_INSTANT_NANO = 3 * MILLISECOND_NANO
"""How soon it is known that there is nobody: a refused connection, a bad certificate."""

_RESOLVER_NANO = 4_000 * MILLISECOND_NANO
_BACKOFF_NANO = 60 * MILLISECOND_NANO
_FAST = frozenset({"refused", "certificate", "disk-full", "status-503", "schema"})


class Span(NamedTuple):
    """What one service did for one request."""

    trace: str
    span: str
    parent: str
    service: str
    operation: str
    begin: int
    end: int
    status: int
    causes: int
    is_message: bool


@dataclass(slots=True)
class Message:
    """What waits in a queue."""

    plan: OperationPlan
    at: int
    parent: str
    values: Values
    seed: int
    deliveries: int = 0
    poison_causes: int = 0


Observer = Callable[[Span], None]


class Walker:
    """Walks requests. ``affected`` has, for each service, the faults that made its calls fail or slow."""

    def __init__(self, services: int, writer: Writer, publish: Callable[[Message], None]) -> None:
        self.random = Random()  # noqa: S311  # a simulation's
        self.draw = self.random.random
        self.bits = self.random.getrandbits
        self.affected = [0] * services
        self.observer: Observer | None = None
        self._writer = writer
        self._publish = publish
        self._poison = 0

    def say(
        self, lines: Sequence[Line], at: int, span: str, values: Values, host: Host, trouble: Trouble | None
    ) -> None:
        """Write those of the lines whose turn it is."""
        skew = 0
        if trouble is not None:
            if trouble.is_quiet:
                return
            skew = trouble.skew_nano
        values["span"] = span
        for line in lines:
            if line.share >= 1.0 or self.draw() < line.share:
                self._writer.add(at, line.body % values + host.tail, skew)

    def operate(
        self, plan: OperationPlan, at: int, deadline: int, values: Values, parent: str, is_message: bool = False
    ) -> tuple[int, int, int]:
        """Do an operation: when it ended, with which status, and the faults that had a part in how."""
        state = plan.state
        draw = self.draw
        span = "%016x" % self.bits(64)
        host = state.up[int(draw() * len(state.up))]
        trouble = state.trouble
        now, causes, failure = at, 0, ""
        if state.workers.wait:
            now, failure = self._queue_for_worker(state, now)
            causes = state.workers.causes
        begin = now
        work = plan.median * plan.table[int(draw() * QUANTILES)] * state.workers.slowdown
        if self._poison:
            failure, causes, self._poison = "poison", causes | self._poison, 0
        elif trouble is not None and not failure:
            work, causes, failure = self._own_trouble(plan, trouble, work, causes)
        gap = int(work / (len(plan.steps) + 2))
        now += gap
        if plan.started and now < deadline:
            self.say(plan.started, now, span, values, host, trouble)
        status, ended_early = plan.status, False
        if failure:
            values["error"], values["stack"] = (form % values for form in plan.errors[failure])
        else:
            for rejection in plan.rejections:
                if draw() < rejection.share or values.forced == rejection.name:
                    status, ended_early = rejection.status, True
                    now += gap
                    self._tell_end(rejection.lines, now, begin, deadline, span, values, host, trouble)
                    break
            if not ended_early:
                now, status, causes, failure = self._steps(plan, now, gap, deadline, span, values, host, causes)
        now += gap
        if now >= deadline:
            now, status, failure = deadline, CANCELLED, ""
        if failure:
            status = self._status_of(failure)
        self._finish(plan, (begin, now, deadline), status, causes, span, values, host, ended_early)
        state.workers.work += now - begin
        if causes:
            state.workers.taint |= causes
            if status >= CANCELLED or now - at > plan.slow:
                self.affected[state.index] |= causes
        if self.observer is not None:
            self.observer(
                Span(values["trace"], span, parent, state.service.name, plan.name, at, now, status, causes, is_message)
            )
        return now, status, causes

    def deliver(self, message: Message, at: int, deadline: int) -> tuple[int, int, int]:
        """Let a consumer work on a message, as ``operate`` does."""
        self._poison = message.poison_causes
        return self.operate(message.plan, at, deadline, message.values, message.parent, is_message=True)

    def put_aside(self, message: Message, at: int) -> None:
        """Say that a message is given up."""
        state = message.plan.state
        if state.up:
            self.say(message.plan.dead, at, "%016x" % self.bits(64), message.values, state.up[0], state.trouble)

    def _queue_for_worker(self, state: ServiceState, now: int) -> tuple[int, str]:
        pool = state.workers
        wait = int(pool.wait * (0.4 + self.draw()))
        if wait > pool.limit:
            return now + pool.limit // 50, "overload"
        return now + wait, ""

    def _own_trouble(self, plan: OperationPlan, trouble: Trouble, work: float, causes: int) -> tuple[float, int, str]:
        if trouble.slow_causes and self.draw() < trouble.slow_share:
            work = work * trouble.factor + trouble.added_nano
            causes |= trouble.slow_causes
        failure, bit = self._chance(trouble.errors, plan.name)
        return work, causes | bit, failure

    def _chance(self, chances: Sequence[Chance], operation: str) -> tuple[str, int]:
        for share, kind, bit, only in chances:
            if (not only or only == operation) and self.draw() < share:
                return kind, bit
        return "", 0

    def _steps(
        self,
        plan: OperationPlan,
        now: int,
        gap: int,
        deadline: int,
        span: str,
        values: Values,
        host: Host,
        causes: int,
    ) -> tuple[int, int, int, str]:
        draw = self.draw
        for step in plan.steps:
            if step.share < 1.0 and draw() >= step.share:
                continue
            if step.timeout:
                now, status, more, failure = self._call(plan, step, now, deadline, span, values, host)
            else:
                now, failure, more = self._use(plan, step, now, deadline, span, values, host)
                status = plan.status
            causes |= more
            now += gap
            if now >= deadline:
                return now, CANCELLED, causes, ""
            if failure:
                if not step.is_optional:
                    return now, FAILED, causes, failure
                self.say(step.given_up, now, span, values, host, plan.state.trouble)
            elif status >= 400 and not step.is_optional:
                return now, status, causes, ""
        return now, plan.status, causes, ""

    def _use(
        self, plan: OperationPlan, step: StepPlan, now: int, deadline: int, span: str, values: Values, host: Host
    ) -> tuple[int, str, int]:
        """Use a part: when that is done, what went wrong, and why."""
        part = step.part
        assert part is not None
        pool, trouble = part.pool, part.trouble
        causes, failure = 0, ""
        begin = now
        if pool.wait:
            causes = pool.causes
            wait = int(pool.wait * (0.4 + self.draw()))
            if wait > pool.limit:
                wait, failure = pool.limit, "pool-timeout"
            now += wait
        if not failure:
            latency = part.median * step.weight * step.table[int(self.draw() * QUANTILES)] * pool.slowdown
            if pool.causes and pool.slowdown > 1.0:
                causes |= pool.causes
            if trouble is not None:
                latency, failure, bits = self._part_trouble(plan, step, trouble, latency)
                causes |= bits
            if part.full_causes and not failure and self._writes(step):
                latency, failure = _INSTANT_NANO, "disk-full"
                causes |= part.full_causes
            if latency > part.limit:
                latency, failure = part.limit, failure or "timeout"
            now += int(latency)
            pool.work += int(latency)
            pool.taint |= causes
        if failure or now - begin > step.slow or step.done:
            self._tell_use(plan, step, begin, min(now, deadline - 1), failure, span, values, host)
        if failure:
            self._failed_step(plan, causes)
            return now, failure, causes
        if step.on_miss and self.draw() >= part.hit_share:
            if trouble is not None and trouble.hit_share is not None:
                causes |= trouble.config_causes
            self.say(step.missed, min(now, deadline - 1), span, values, host, plan.state.trouble)
            for inner in step.on_miss:
                now, failure, more = self._use(plan, inner, now, deadline, span, values, host)
                causes |= more
        if step.target is not None and now < deadline:
            self._send(step, now, span, values)
        return now, failure, causes

    def _send(self, step: StepPlan, now: int, span: str, values: Values) -> None:
        assert step.target is not None
        message = Message(step.target, now + 2 * _NETWORK_NANO, span, values, self.bits(64))
        trouble = step.target.state.trouble
        if trouble is not None and trouble.poison_share and self.draw() < trouble.poison_share:
            message.poison_causes = trouble.poison_causes
        self._publish(message)

    def _part_trouble(
        self, plan: OperationPlan, step: StepPlan, trouble: Trouble, latency: float
    ) -> tuple[float, str, int]:
        part = step.part
        assert part is not None
        failure, bit = self._chance(trouble.unreachable, plan.name)
        if failure:
            return self._time_until_known(failure, part.limit), failure, bit
        if trouble.is_silent:
            return part.limit, "timeout", trouble.silence_causes
        failure, bit = self._chance(trouble.errors, plan.name)
        if trouble.poison_share and not failure and self.draw() < trouble.poison_share:
            failure, bit = "poison", trouble.poison_causes
        if trouble.slow_causes and self.draw() < trouble.slow_share:
            return latency * trouble.factor + trouble.added_nano, failure, bit | trouble.slow_causes
        return latency, failure, bit

    def _time_until_known(self, failure: str, limit: int) -> float:
        if failure in _FAST:
            return _INSTANT_NANO * (0.3 + self.draw())
        return min(limit, _RESOLVER_NANO) * (0.9 + 0.1 * self.draw()) if failure == "dns" else limit

    def _writes(self, step: StepPlan) -> bool:
        kind, statement = step.part.part.kind if step.part else None, getattr(step.step, "statement", "")
        return kind is not PartKind.DATABASE or not statement.lower().startswith(("select", "_search", "copy"))

    def _call(
        self, plan: OperationPlan, step: StepPlan, now: int, deadline: int, span: str, values: Values, host: Host
    ) -> tuple[int, int, int, str]:
        """Call another service, again where that may help: when it answered, what, why, and what went wrong."""
        trouble = plan.state.trouble
        retries, timeout, causes = step.retries, step.timeout, 0
        if trouble is not None and trouble.config_causes:
            retries = step.retries if trouble.retries is None else trouble.retries
            timeout = int(step.timeout * trouble.timeout_factor)
        attempt = 0
        while True:
            begin = now
            limit = min(deadline, now + timeout)
            now, status, more, failure = self._attempt(step, now, limit, span, values)
            causes |= more
            if not failure or now >= deadline:
                break
            values["error"], values["stack"] = (form % values for form in step.errors[failure])
            values["ms"] = f"{(now - begin) / MILLISECOND_NANO:.1f}"
            if trouble is not None and trouble.timeout_factor < 1:
                causes |= trouble.config_causes
            self._failed_step(plan, causes)
            if attempt >= retries:
                self.say(step.failed, now, span, values, host, trouble)
                break
            attempt += 1
            values["attempt"] = str(attempt)
            values["retries"] = str(retries)
            self.say(step.retried, now, span, values, host, trouble)
            now += int(_BACKOFF_NANO * attempt * (0.5 + self.draw()))
            if now >= deadline:
                break
        return now, status, causes, failure

    def _attempt(self, step: StepPlan, now: int, limit: int, span: str, values: Values) -> tuple[int, int, int, str]:
        target = step.target
        assert target is not None
        state = target.state
        trouble = state.trouble
        failure, bit = "", 0
        if limit - now < 4 * _NETWORK_NANO:
            return limit, CANCELLED, 0, "timeout"
        if state.gone_share and self.draw() < state.gone_share:
            failure, bit = "refused", state.gone_causes
        elif trouble is not None:
            if trouble.is_silent:
                failure, bit = "unreachable", trouble.silence_causes
            else:
                failure, bit = self._chance(trouble.unreachable, target.name)
        if failure:
            self.affected[state.index] |= bit
            return int(min(limit, now + self._time_until_known(failure, limit - now))), UNAVAILABLE, bit, failure
        end, status, causes = self.operate(target, now + _NETWORK_NANO, limit - _NETWORK_NANO, values, span)
        if status == CANCELLED:
            return limit, CANCELLED, causes, "timeout"
        if status >= FAILED:
            known = status if status in (503, 504) else FAILED
            return end + _NETWORK_NANO, status, causes, f"status-{known}"
        return end + _NETWORK_NANO, status, causes, ""

    def _failed_step(self, plan: OperationPlan, causes: int) -> None:
        if causes:
            self.affected[plan.state.index] |= causes

    def _tell_use(
        self,
        plan: OperationPlan,
        step: StepPlan,
        begin: int,
        now: int,
        failure: str,
        span: str,
        values: Values,
        host: Host,
    ) -> None:
        values["ms"] = f"{(now - begin) / MILLISECOND_NANO:.1f}"
        lines = step.done
        if failure:
            values["error"], values["stack"] = (form % values for form in step.errors[failure])
            lines = step.failed
        elif now - begin > step.slow:
            lines = step.lagged
        self.say(lines, now, span, values, host, plan.state.trouble)

    def _tell_end(
        self,
        lines: Sequence[Line],
        now: int,
        begin: int,
        deadline: int,
        span: str,
        values: Values,
        host: Host,
        trouble: Trouble | None,
    ) -> None:
        values["ms"] = f"{(now - begin) / MILLISECOND_NANO:.1f}"
        self.say(lines, min(now, deadline - 1), span, values, host, trouble)

    def _finish(
        self,
        plan: OperationPlan,
        times: tuple[int, int, int],
        status: int,
        causes: int,
        span: str,
        values: Values,
        host: Host,
        ended_early: bool,
    ) -> None:
        begin, now, deadline = times
        if status == CANCELLED:
            lines = plan.cancelled
        elif status >= FAILED:
            lines = plan.failed
        elif status >= 400:
            lines = plan.rejected
        else:
            lines = plan.done
        if lines:
            values["status"] = str(status)
            if plan.state.service.style is Style.NGINX:
                values["clf"] = common_log_time(now // SECOND_NANO)
            values["seconds"] = f"{(now - begin) / 1e9:.3f}"
            self._tell_end(lines, now - 1000, begin, deadline, span, values, host, plan.state.trouble)
        trouble = plan.state.trouble
        if trouble is not None and trouble.debug_share and plan.debug and self.draw() < trouble.debug_share:
            self._tell_end(plan.debug, now - 2000, begin, deadline, span, values, host, trouble)

    @staticmethod
    def _status_of(failure: str) -> int:
        return STATUS.get(failure, FAILED if failure == "status-500" else UNAVAILABLE)
