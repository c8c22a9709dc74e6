"""What has been read of a question so far: its words, which of them are taken, and what they were taken for."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from tocsin.search.plain_words.contracts import NotUnderstood, Part, Understood, Vocabulary
from tocsin.search.plain_words.words import Form, Word


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What a log must be like, or must not: ``value`` is what stands behind the field's colon, or a message's query."""

    #: The words that say it, from ``first`` to just before ``last``.
    first: int
    last: int
    #: ``service``, ``level``, the name of a field, or ``message``.
    field: str
    value: str
    is_negated: bool = False


@dataclass(slots=True)
class Draft:
    """A question that is being read; each reader takes the words that it understands."""

    text: str
    words: tuple[Word, ...]
    vocabulary: Vocabulary
    conditions: list[Condition] = field(default_factory=list)
    measures: list[str] = field(default_factory=list)
    by: list[str] = field(default_factory=list)
    interval: str | None = None
    limit: int | None = None
    order: str | None = None
    is_only_new: bool = False
    #: The field of durations, where the slowest or the fastest are asked for.
    slowest: str | None = None
    notes: list[str] = field(default_factory=list)
    #: By number of a word, what it was taken for.
    taken: dict[int, Part | None] = field(default_factory=dict)
    _understood: list[tuple[int, int, Part, str]] = field(default_factory=list)
    _left: set[int] = field(default_factory=set)

    def is_free(self, index: int) -> bool:
        """Whether there is such a word, and nothing took it."""
        return 0 <= index < len(self.words) and index not in self.taken

    def word(self, index: int) -> str:
        """The folded word; empty where there is none, and where it is taken or in quotes."""
        return self.words[index].folded if self.is_free(index) else ""

    def said(self, index: int) -> str:
        """The folded word, whether it is taken or not; empty where there is none."""
        return self.words[index].folded if 0 <= index < len(self.words) else ""

    def run(self, first: int, length: int) -> tuple[str, ...]:
        """So many free words from ``first`` on; fewer where they end."""
        found: list[str] = []
        while len(found) < length and (word := self.word(first + len(found))):
            found.append(word)
        return tuple(found)

    def names(self, first: int, length: int) -> tuple[str, ...]:
        """So many free words from ``first`` on as may be one name: without signs, and no comma between them."""
        run = self.run(first, length)
        for offset in range(len(run)):
            word = self.words[first + offset]
            if word.form is not Form.PLAIN or (offset and word.is_after_break):
                return run[:offset]
        return run

    def after(self, first: int, phrases: Collection[str], *, longest: int = 4) -> int | None:
        """The place behind the longest of these phrases that stands at ``first``; None where none does."""
        run = self.run(first, longest)
        for length in range(len(run), 0, -1):
            if " ".join(run[:length]) in phrases:
                return first + length
        return None

    def past(self, first: int, phrases: Collection[str]) -> int:
        """The place behind any number of these phrases."""
        place = first
        while (behind := self.after(place, phrases)) is not None:
            place = behind
        return place

    def before(self, index: int, skipped: Collection[str] = ()) -> int:
        """The number of the word before, without those that are skipped; -1 where there is none."""
        place = index - 1
        while place >= 0 and self.words[place].folded in skipped and self.words[place].folded:
            place -= 1
        return place

    def take(self, first: int, last: int, part: Part, meaning: str) -> None:
        """The words from ``first`` to just before ``last`` mean this."""
        self._understood.append((first, last, part, meaning))
        for index in range(first, last):
            self.taken[index] = part

    def skip(self, indices: Iterable[int]) -> None:
        """These words carry no meaning of their own."""
        for index in indices:
            self.taken.setdefault(index, None)

    def leave(self, indices: Iterable[int], note: str | None = None) -> None:
        """These words mean something that can't be made use of."""
        for index in indices:
            self.taken[index] = None
            self._left.add(index)
        if note and note not in self.notes:
            self.notes.append(note)

    def untake(self, first: int, last: int) -> None:
        """Forget what these words were taken for."""
        self._understood = [each for each in self._understood if not first <= each[0] < last]
        for index in range(first, last):
            self.taken.pop(index, None)

    def add(self, condition: Condition, part: Part, meaning: str) -> None:
        """The logs must be like this; the condition's words are taken."""
        self.conditions.append(condition)
        self.take(condition.first, condition.last, part, meaning)

    def free_indices(self) -> list[int]:
        """The numbers of the words that nothing took."""
        return [index for index in range(len(self.words)) if index not in self.taken]

    def understood(self) -> tuple[Understood, ...]:
        """What the words were taken for, in their order."""
        return tuple(
            Understood(start=start, end=end, text=self.text[start:end], part=part, meaning=meaning)
            for start, end, part, meaning in sorted(
                (self.words[first].start, self.words[last - 1].end, part, meaning)
                for first, last, part, meaning in self._understood
            )
        )

    def not_understood(self) -> tuple[NotUnderstood, ...]:
        """The words that were left, in their order."""
        return tuple(
            NotUnderstood(start=word.start, end=word.end, text=self.text[word.start : word.end])
            for word in (self.words[index] for index in sorted(self._left))
        )

    def is_plain(self, index: int) -> bool:
        """Whether there is such a word, free and without quotes."""
        return self.is_free(index) and self.words[index].form is Form.PLAIN
