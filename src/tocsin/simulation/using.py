"""What becomes of a service's uses of its databases, caches, queues, disks and third parties."""

from collections.abc import Callable, Sequence
from random import Random

from tocsin.simulation.plans import QUANTILES, StepPlan
from tocsin.simulation.speaking import Speaker, Visit
from tocsin.simulation.state import MILLISECOND_NANO, Chance, PartState, Trouble

INSTANT_NANO = 3 * MILLISECOND_NANO
"""How soon it is known that there is nobody: a refused connection, a bad certificate."""

_RESOLVER_NANO = 4_000 * MILLISECOND_NANO
_FAST = frozenset({"refused", "certificate", "status-503"})

Used = tuple[int, str]
"""When a use is over, and what went wrong with it."""


def chance(draw: Callable[[], float], chances: Sequence[Chance], operation: str) -> tuple[str, int]:
    """What goes wrong this time, if anything, and the fault that is why."""
    for share, kind, bit, only in chances:
        if (not only or only == operation) and draw() < share:
            return kind, bit
    return "", 0


def time_until_known(draw: Callable[[], float], failure: str, limit: int) -> float:
    """How long it takes to learn that something can't be reached."""
    if failure in _FAST:
        return INSTANT_NANO * (0.3 + draw())
    return min(limit, _RESOLVER_NANO) * (0.9 + 0.1 * draw()) if failure == "dns" else limit


class PartUser:
    """Lets services use their parts."""

    def __init__(self, random: Random, speaker: Speaker) -> None:
        self._draw = random.random
        self._speaker = speaker

    def use(self, visit: Visit, step: StepPlan, now: int) -> Used:
        """Use a part; its causes become the visit's."""
        part = step.part
        assert part is not None
        pool, begin, failure, bits = part.pool, now, "", 0
        if pool.wait:
            bits = pool.causes
            wait = int(pool.wait * (0.4 + self._draw()))
            if wait > pool.limit:
                wait, failure = pool.limit, "pool-timeout"
            now += wait
        if not failure:
            latency = step.median * step.table[int(self._draw() * QUANTILES)]
            if part.trouble is None and pool.slowdown == 1.0 and not part.full_causes:
                now += int(latency)
                pool.work += int(latency)
            else:
                now, failure, bits = self._use_troubled(visit, step, part, now, latency, bits)
        visit.causes |= bits
        if failure or step.done or now - begin > step.slow:
            self._tell(visit, step, begin, now, failure)
        if failure or not step.on_miss or self._draw() < part.hit_share:
            return now, failure
        return self._miss(visit, step, part, now)

    def _use_troubled(
        self, visit: Visit, step: StepPlan, part: PartState, now: int, latency: float, bits: int
    ) -> tuple[int, str, int]:
        pool, failure = part.pool, ""
        if pool.slowdown > 1.0:
            latency *= pool.slowdown
            bits |= pool.causes
        if part.trouble is not None:
            latency, failure, more = self._trouble(visit.plan.name, part, part.trouble, latency)
            bits |= more
        if part.full_causes and step.is_write and not failure:
            latency, failure = INSTANT_NANO, "disk-full"
            bits |= part.full_causes
        if latency > part.limit:
            latency, failure = part.limit, failure or "timeout"
        pool.work += int(latency)
        pool.taint |= bits
        return now + int(latency), failure, bits

    def _trouble(self, operation: str, part: PartState, trouble: Trouble, latency: float) -> tuple[float, str, int]:
        draw = self._draw
        failure, bit = chance(draw, trouble.unreachable, operation)
        if failure:
            return time_until_known(draw, failure, part.limit), failure, bit
        if trouble.is_silent:
            return part.limit, "timeout", trouble.silence_causes
        failure, bit = chance(draw, trouble.errors, operation)
        if trouble.slow_causes and draw() < trouble.slow_share:
            return latency * trouble.factor + trouble.added_nano, failure, bit | trouble.slow_causes
        return latency, failure, bit

    def _miss(self, visit: Visit, step: StepPlan, part: PartState, now: int) -> Used:
        trouble = part.trouble
        if trouble is not None and trouble.hit_share is not None:
            visit.causes |= trouble.config_causes
            for inner in step.on_miss:
                if inner.part is not None:
                    inner.part.pool.taint |= trouble.config_causes
        self._speaker.say(visit, step.missed, now)
        for inner in step.on_miss:
            now, failure = self.use(visit, inner, now)
            if failure:
                return now, failure
        return now, ""

    def _tell(self, visit: Visit, step: StepPlan, begin: int, now: int, failure: str) -> None:
        if failure:
            self._speaker.fail(visit, step.errors[failure], begin, now)
            self._speaker.say(visit, step.failed, now)
            return
        visit.values["ms"] = f"{(now - begin) / MILLISECOND_NANO:.1f}"
        self._speaker.say(visit, step.lagged if now - begin > step.slow else step.done, now)
