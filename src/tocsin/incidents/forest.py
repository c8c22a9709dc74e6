"""Sets of signals that are joined one by one, some of which must stay apart."""

from collections.abc import Iterable, Sequence
from uuid import UUID


class Forest:
    """Disjoint sets. What was decided first wins: who is apart can't be joined, who is joined can't be put apart."""

    def __init__(self, members: Iterable[UUID]) -> None:
        """Begin with each on its own."""
        self._set: dict[UUID, set[UUID]] = {member: {member} for member in members}
        self._apart: dict[UUID, set[UUID]] = {}

    def join(self, first: UUID, second: UUID) -> bool:
        """Make one set of two; False where they are one already, or must stay apart."""
        larger, smaller = self._set[first], self._set[second]
        if larger is smaller or any(not larger.isdisjoint(self._apart.get(member, ())) for member in smaller):
            return False
        if len(larger) < len(smaller):
            larger, smaller = smaller, larger
        larger |= smaller
        for member in smaller:
            self._set[member] = larger
        return True

    def join_all(self, members: Sequence[UUID]) -> None:
        """Join each to the first set among them that takes it."""
        for number, member in enumerate(members):
            for earlier in members[:number]:
                if self._set[earlier] is self._set[member] or self.join(earlier, member):
                    break

    def keep_apart(self, firsts: Iterable[UUID], seconds: Sequence[UUID]) -> None:
        """Never join these, where they aren't joined already."""
        for first in firsts:
            for second in seconds:
                if self._set[first] is not self._set[second]:
                    self._apart.setdefault(first, set()).add(second)
                    self._apart.setdefault(second, set()).add(first)

    def sets(self) -> list[set[UUID]]:
        """All sets, each once."""
        return list({id(members): members for members in self._set.values()}.values())
