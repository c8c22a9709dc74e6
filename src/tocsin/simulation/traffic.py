"""Who comes to the shop, when, and what they do there: sessions by the hour and the day, and some who are no customers.

Nothing here depends on how the shop fares, so that two runs with one seed differ only by their faults.
"""

import math
from dataclasses import dataclass
from random import Random

from tocsin.simulation.values import Values

SESSIONS_A_SECOND = 2.2
"""New sessions at the busiest hour of an ordinary day, at traffic 1: about 60 logs a second."""

_HOURS = (
    *(0.30, 0.22, 0.17, 0.14, 0.13, 0.16, 0.25, 0.38, 0.52, 0.62, 0.68, 0.72),
    *(0.76, 0.72, 0.68, 0.69, 0.74, 0.82, 0.91, 0.98, 1.00, 0.92, 0.70, 0.46),
)
_DAYS = (0.97, 0.93, 0.92, 0.95, 0.90, 1.02, 1.15)
_DAY_SECONDS, _HOUR_SECONDS = 86_400, 3600
_EPOCH_WEEKDAY = 3
_NOISE_SECONDS = 300
_NOISE = 0.09
_BOT_SHARE = 0.035
"""Of all requests."""

_THINK_SECONDS = 11.0
_LONGEST_THINK_SECONDS = 120
_LONGEST_VISIT_SECONDS = 300

#: What comes after what, with which probability; what is missing to one: the user leaves.
_NEXT: dict[str, tuple[tuple[str, float], ...]] = {
    "home": (("browse", 0.42), ("search", 0.34), ("login", 0.13)),
    "browse": (("product", 0.55), ("browse", 0.2), ("search", 0.1)),
    "search": (("product", 0.6), ("search", 0.22), ("browse", 0.05)),
    "product": (("product", 0.26), ("add_to_cart", 0.2), ("browse", 0.18), ("search", 0.13)),
    "login": (("browse", 0.4), ("view_cart", 0.2), ("order_status", 0.24)),
    "add_to_cart": (("view_cart", 0.5), ("product", 0.26), ("browse", 0.1)),
    "view_cart": (("checkout", 0.5), ("browse", 0.2), ("product", 0.1)),
    "checkout": (("order_status", 0.35), ("home", 0.08)),
    "order_status": (("track", 0.5), ("home", 0.1)),
    "track": (("home", 0.1),),
}
_STARTS = (("home", 0.5), ("product", 0.28), ("search", 0.12), ("track", 0.06), ("login", 0.04))


@dataclass(slots=True)
class Session:
    """Somebody who is in the shop."""

    user: str
    address: str
    agent: str
    session: str
    cart: str
    action: str


@dataclass(slots=True)
class Request:
    """What somebody asks the gateway for, so many nanoseconds after the second began."""

    operation: str
    after_nano: int
    seed: int
    session: Session | None
    #: The rejection that it is after.
    forced: str = ""


def busyness(second: int, seed: int) -> float:
    """How much goes on, 1 at the usual peak: by the hour, the day of the week, and chance."""
    day, of_day = divmod(second, _DAY_SECONDS)
    hour, of_hour = divmod(of_day, _HOUR_SECONDS)
    part = of_hour / _HOUR_SECONDS
    level = _HOURS[hour] * (1 - part) + _HOURS[(hour + 1) % 24] * part
    number, of_noise = divmod(second, _NOISE_SECONDS)
    part = of_noise / _NOISE_SECONDS
    noise = _noise(number, seed) * (1 - part) + _noise(number + 1, seed) * part
    return level * _DAYS[(day + _EPOCH_WEEKDAY) % 7] * math.exp(_NOISE * noise)


def _noise(number: int, seed: int) -> float:
    return 2 * Random(f"noise/{seed}/{number}").random() - 1  # noqa: S311  # a simulation's


class Traffic:
    """Who comes, second by second; seconds must be asked for in order, from the first on."""

    def __init__(self, seed: int, factor: float, start_second: int) -> None:
        self._seed = seed
        self._factor = factor
        self._random = Random()  # noqa: S311  # a simulation's
        self._due: dict[int, list[Session]] = {}
        self._level = (-1, 0.0)
        # The shop has been open for long: somebody is in it already.
        for second in range(start_second - _LONGEST_VISIT_SECONDS, start_second):
            self.requests(second)

    def level(self, second: int) -> float:
        """``busyness`` to the nearest ten seconds."""
        rounded = second // 10
        if self._level[0] != rounded:
            self._level = rounded, busyness(rounded * 10, self._seed)
        return self._level[1]

    def requests(self, second: int) -> list[Request]:
        """All of a second."""
        random = self._random
        random.seed((self._seed << 40) ^ second)
        rate = SESSIONS_A_SECOND * self._factor * self.level(second)
        going = self._due.pop(second, [])
        going += [self._arrival() for _ in range(poisson(rate, random))]
        found = []
        for session in going:
            found.append(Request(session.action, int(random.random() * 1e9), random.getrandbits(62), session))
            action = _choice(_NEXT[session.action], random)
            if action is not None:
                session.action = action
                pause = 1 + int(min(random.expovariate(1 / _THINK_SECONDS), _LONGEST_THINK_SECONDS))
                self._due.setdefault(second + pause, []).append(session)
        for _ in range(poisson(_BOT_SHARE * (rate * 6 + 0.5 * self._factor), random)):
            found.append(Request("stray", int(random.random() * 1e9), random.getrandbits(62), None))
        return found

    def _arrival(self) -> Session:
        values = Values(self._random.random)
        action = _choice(_STARTS, self._random) or "home"
        return Session(values["user"], values["ip"], values["agent"], values["session"], values["cart"], action)


def poisson(rate: float, random: Random) -> int:
    """How many there are, where ``rate`` are expected."""
    if rate > 30:
        return max(0, round(random.gauss(rate, math.sqrt(rate))))
    limit, count, product = math.exp(-rate), 0, random.random()
    while product > limit:
        count += 1
        product *= random.random()
    return count


def _choice(options: tuple[tuple[str, float], ...], random: Random) -> str | None:
    draw = random.random()
    for name, share in options:
        if draw < share:
            return name
        draw -= share
    return None
