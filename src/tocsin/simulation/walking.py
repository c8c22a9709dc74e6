"""A request's way through the shop: spans, lines and failures, each at the time at which it would be.

Whoever is called answers before its caller stops waiting: a call carries its deadline, and is cancelled there, as
gRPC and most HTTP stacks do. Messages wait in a queue until their consumer has time.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from tocsin.simulation.failures import STATUS, UNAVAILABLE
from tocsin.simulation.plans import QUANTILES, OperationPlan, RejectionPlan, StepPlan
from tocsin.simulation.speaking import Speaker, Visit
from tocsin.simulation.state import MILLISECOND_NANO, Trouble
from tocsin.simulation.using import PartUser, chance, time_until_known
from tocsin.simulation.values import Values
from tocsin.simulation.writing import SECOND_NANO, Writer, common_log_time

CANCELLED = 499
"""What nginx calls it: whoever asked doesn't wait any more."""

FAILED = 500
"""From this status on, an answer is a failure."""

_REFUSED = 400
"""From this status on, it isn't what was asked for."""

_NETWORK_NANO = 400_000
_BACKOFF_NANO = 60 * MILLISECOND_NANO
_BEFORE_END_NANO = 28_000

_SHED_SHARE = 50
"""Who finds all workers busy for too long is told so after this part of the limit."""

Ended = tuple[int, int, int]
"""When an operation ended, with which status, and the faults that had a part in it."""

_STATUS_WORDS = {status: str(status) for status in range(600)}


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
        self._random = Random()  # noqa: S311  # a simulation's
        # The one in C, which takes a number as it is.
        self.seed = super(Random, self._random).seed
        self.draw = self._random.random
        self.bits = self._random.getrandbits
        self.affected = [0] * services
        self.observer: Observer | None = None
        self.speaker = Speaker(writer, self._random)
        self._use = PartUser(self._random, self.speaker).use
        self._publish = publish

    def operate(
        self, plan: OperationPlan, at: int, deadline: int, values: Values, parent: str, message: Message | None = None
    ) -> Ended:
        """Do an operation, and say so."""
        state, draw = plan.state, self.draw
        up = state.up
        host = up[int(draw() * len(up))]
        visit = Visit(plan, values, f"{self.bits(64):016x}", host, at, deadline)
        work = plan.median * plan.table[int(draw() * QUANTILES)]
        now, failure = at, ""
        if visit.trouble is not None or message is not None or state.workers.slowdown != 1.0:
            now, work, failure = self._enter(visit, visit.trouble, at, work, message)
        begin = now
        gap = int(work / plan.gaps)
        now += gap
        if plan.started:
            self.speaker.say(visit, plan.started, now)
        status, _is_early = plan.status, False
        if failure:
            self.speaker.fail(visit, plan.errors[failure], at, now)
        else:
            rejection = self._rejection(plan, values) if plan.rejections else None
            if rejection is None:
                now, status, failure = self._steps(visit, now, gap)
            else:
                status, _is_early = rejection.status, True
                values["ms"] = f"{(now - at) / MILLISECOND_NANO:.1f}"
                self.speaker.say(visit, rejection.lines, now)
        now += gap
        if now >= deadline:
            now, status = deadline, CANCELLED
        elif failure:
            status = STATUS.get(failure, FAILED if failure == "status-500" else UNAVAILABLE)
        self._finish(visit, now, status, failure)
        state.workers.work += now - begin
        if visit.causes:
            self._attribute(visit, now, FAILED if failure else status)
        if self.observer is not None:
            trace, span, name = values["trace"], visit.span, state.service.name
            is_message = message is not None
            self.observer(Span(trace, span, parent, name, plan.name, at, now, status, visit.causes, is_message))
        return now, status, visit.causes

    def put_aside(self, message: Message, at: int) -> None:
        """Say that a message is given up."""
        state = message.plan.state
        if state.up:
            span = f"{self.bits(64):016x}"
            visit = Visit(message.plan, message.values, span, state.up[0], at, at + SECOND_NANO)
            self.speaker.say(visit, message.plan.dead, at)

    def _enter(
        self, visit: Visit, trouble: Trouble | None, now: int, work: float, message: Message | None
    ) -> tuple[int, float, str]:
        """Wait for a worker, and meet what is wrong with the service itself."""
        pool, failure = visit.plan.state.workers, ""
        if pool.slowdown != 1.0:
            work *= pool.slowdown
            visit.causes |= pool.causes
            wait = int(pool.wait * (0.4 + self.draw()))
            if wait > pool.limit:
                return now + pool.limit // _SHED_SHARE, work, "overload"
            now += wait
        if message is not None and message.poison_causes:
            visit.causes |= message.poison_causes
            return now, work, "poison"
        if trouble is not None:
            if trouble.slow_causes and self.draw() < trouble.slow_share:
                work = work * trouble.factor + trouble.added_nano
                visit.causes |= trouble.slow_causes
            failure, bit = chance(self.draw, trouble.errors, visit.plan.name)
            visit.causes |= bit
        return now, work, failure

    def _rejection(self, plan: OperationPlan, values: Values) -> RejectionPlan | None:
        for rejection in plan.rejections:
            if values.forced == rejection.name or self.draw() < rejection.share:
                return rejection
        return None

    def _steps(self, visit: Visit, now: int, gap: int) -> tuple[int, int, str]:
        """Do one step after the other: when that was done, with which status, and what went wrong."""
        draw, usual = self.draw, visit.plan.status
        for step in visit.plan.steps:
            if step.share < 1.0 and draw() >= step.share:
                continue
            if step.timeout:
                now, status, failure = self._call(visit, step, now)
            else:
                now, failure = self._use(visit, step, now)
                status = usual
                if step.target is not None and not failure and now < visit.deadline:
                    self._send(visit, step, now)
            now += gap
            if now >= visit.deadline:
                return now, CANCELLED, ""
            if failure:
                if not step.is_optional:
                    return now, FAILED, failure
                self.speaker.say(visit, step.given_up, now)
            elif status >= _REFUSED and not step.is_optional:
                return now, status, ""
        return now, usual, ""

    def _send(self, visit: Visit, step: StepPlan, now: int) -> None:
        assert step.target is not None
        message = Message(step.target, now + 2 * _NETWORK_NANO, visit.span, visit.values, self.bits(62))
        trouble = step.target.state.trouble
        if trouble is not None and trouble.poison_share and self.draw() < trouble.poison_share:
            message.poison_causes = trouble.poison_causes
        self._publish(message)

    def _call(self, visit: Visit, step: StepPlan, now: int) -> tuple[int, int, str]:
        """Call another service, again where that may help: when it answered, what, and what went wrong."""
        trouble, retries, timeout, attempt = visit.trouble, step.retries, step.timeout, 0
        if trouble is not None and trouble.config_causes:
            retries = step.retries if trouble.retries is None else trouble.retries
            timeout = int(step.timeout * trouble.timeout_factor)
        while True:
            begin = now
            now, status, failure = self._attempt(visit, step, now, min(visit.deadline, now + timeout))
            if not failure or now >= visit.deadline:
                return now, status, failure
            if trouble is not None and timeout < step.timeout:
                visit.causes |= trouble.config_causes
            self.speaker.fail(visit, step.errors[failure], begin, now)
            self._attribute(visit, now, FAILED)
            if attempt >= retries:
                self.speaker.say(visit, step.failed, now)
                return now, status, failure
            attempt += 1
            visit.values["attempt"], visit.values["retries"] = str(attempt), str(retries)
            self.speaker.say(visit, step.retried, now)
            now += int(_BACKOFF_NANO * attempt * (0.5 + self.draw()))
            if now >= visit.deadline:
                return now, status, failure

    def _attempt(self, visit: Visit, step: StepPlan, now: int, limit: int) -> tuple[int, int, str]:
        target = step.target
        assert target is not None
        state = target.state
        if limit - now < 4 * _NETWORK_NANO:
            return limit, CANCELLED, "timeout"
        if state.trouble is not None or state.gone_share:
            failure, bit = self._unreachable(target)
            if failure:
                visit.causes |= bit
                self.affected[state.index] |= bit
                known = int(time_until_known(self.draw, failure, limit - now))
                return min(limit, now + known), UNAVAILABLE, failure
        end, status, causes = self.operate(target, now + _NETWORK_NANO, limit - _NETWORK_NANO, visit.values, visit.span)
        visit.causes |= causes
        if status == CANCELLED:
            return limit, CANCELLED, "timeout"
        if status >= FAILED:
            return end + _NETWORK_NANO, status, f"status-{status if status > FAILED else FAILED}"
        return end + _NETWORK_NANO, status, ""

    def _unreachable(self, target: OperationPlan) -> tuple[str, int]:
        state = target.state
        if state.gone_share and self.draw() < state.gone_share:
            return "refused", state.gone_causes
        trouble = state.trouble
        if trouble is None:
            return "", 0
        if trouble.is_silent:
            return "unreachable", trouble.silence_causes
        return chance(self.draw, trouble.unreachable, target.name)

    def _attribute(self, visit: Visit, now: int, status: int) -> None:
        """Remember which faults made a service's calls fail or slow, and its work longer."""
        state = visit.plan.state
        state.workers.taint |= visit.causes
        if status >= CANCELLED or now - visit.begin > visit.plan.slow:
            self.affected[state.index] |= visit.causes

    def _finish(self, visit: Visit, now: int, status: int, failure: str) -> None:
        plan, values = visit.plan, visit.values
        if status < _REFUSED:
            lines = plan.done
        elif status == CANCELLED:
            lines = plan.cancelled
        else:
            lines = plan.failed if failure else plan.rejected
        taken = now - visit.begin
        if lines:
            values["ms"] = f"{taken / MILLISECOND_NANO:.1f}"
            values["status"] = _STATUS_WORDS[status]
            if plan.is_access_logged:
                values["seconds"] = f"{taken / SECOND_NANO:.3f}"
                values["clf"] = common_log_time(now // SECOND_NANO)
            self.speaker.say(visit, lines, max(visit.begin, now - _BEFORE_END_NANO))
        trouble = visit.trouble
        if trouble is not None and trouble.debug_share and self.draw() < trouble.debug_share:
            self.speaker.say(visit, plan.debug, max(visit.begin, now - 2 * _BEFORE_END_NANO))
