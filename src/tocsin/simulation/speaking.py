"""One service at work on one request, and what it says about it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from random import Random

from tocsin.simulation.plans import ErrorFormat, OperationPlan
from tocsin.simulation.state import MILLISECOND_NANO, Host, Trouble
from tocsin.simulation.values import Values
from tocsin.simulation.vocabulary import Line
from tocsin.simulation.writing import SECOND_NANO, Writer

_LINE_NANO, _ODD_NANO = 1500, 4095
"""Between two lines of one moment: at least the first, and an odd part of the second."""

_LINES_NANO = 30_000
"""Before a deadline, so that all lines of a moment fit."""


class Visit:
    """One service at work on one request. ``causes`` are the faults that have had a part in it so far."""

    __slots__ = ("begin", "causes", "deadline", "host", "plan", "span", "trouble", "values")

    def __init__(self, plan: OperationPlan, values: Values, span: str, host: Host, begin: int, deadline: int) -> None:
        self.plan = plan
        self.values = values
        self.span = span
        self.host = host
        self.trouble: Trouble | None = plan.state.trouble
        self.begin = begin
        self.deadline = deadline
        self.causes = 0


class Speaker:
    """Writes lines where it is their turn."""

    def __init__(self, writer: Writer, random: Random) -> None:
        self.draw = random.random
        #: What errors tell that no request knows: when a certificate ran out.
        self.facts: dict[str, str] = {}
        self._writer = writer
        self._seconds = writer.seconds

    def say(self, visit: Visit, lines: Sequence[Line], at: int) -> None:
        """Write those of the lines whose turn it is; never after the deadline."""
        values = visit.values
        values["span"] = visit.span
        if at > visit.deadline - _LINES_NANO:
            at = max(visit.begin, visit.deadline - _LINES_NANO)
        trouble = visit.trouble
        if trouble is not None and (trouble.is_quiet or trouble.skew_nano):
            self.say_oddly(lines, at, values, visit.host, trouble)
            return
        draw, tail = self.draw, visit.host.tail
        written = self._seconds[at // SECOND_NANO]
        for share, body, pick in lines:
            if share == 1.0 or draw() < share:
                written.append((at, body % pick(values) + tail))
                at += _LINE_NANO + (at & _ODD_NANO)

    def say_oddly(self, lines: Sequence[Line], at: int, values: Values, host: Host, trouble: Trouble | None) -> None:
        """Write lines of a host whose clock may be wrong, or that may write nothing."""
        for share, body, pick in lines:
            if share == 1.0 or self.draw() < share:
                text = body % pick(values) + host.tail
                if trouble is None or not trouble.is_quiet:
                    self._writer.add(at, text, 0 if trouble is None else trouble.skew_nano)

    def fail(self, visit: Visit, forms: ErrorFormat, since: int, now: int) -> None:
        """Put an error into the words that lines may want."""
        values = visit.values
        values["span"] = visit.span
        values["now"] = f"{datetime.fromtimestamp(now // SECOND_NANO, UTC):%Y-%m-%dT%H:%M:%SZ}"
        values |= self.facts
        values["error"], values["stack"] = forms[0] % values, forms[1] % values
        values["ms"] = f"{(now - since) / MILLISECOND_NANO:.1f}"
