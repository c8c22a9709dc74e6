"""One organization's shapes in memory, and the patterns that they make. Does no I/O."""

from collections.abc import Iterable, Sequence
from types import MappingProxyType

from tocsin.logmodel.masking import masked_texts
from tocsin.patterns.clustering.clusterer import PatternClusterer
from tocsin.patterns.contracts import Edit, PatternCatalogue, RegisteredShape, ShapeText
from tocsin.patterns.grouping import Grouped, patterns_of

MAX_SHAPES = 100_000
"""Of one organization: a shape costs about a kilobyte of memory. Logs of shapes beyond are counted, without a pattern.

A service whose every message is a shape of its own fills this up; the answer to a question about patterns says so.
"""

MAX_EXEMPLAR_CHARACTERS = 4_000
"""How much of a message clustering looks at: what comes behind does not tell patterns apart."""


class PatternRegistry:
    """The shapes of one organization. What its catalogue says depends on the set of shapes and edits alone."""

    def __init__(self) -> None:
        self._shapes: dict[int, RegisteredShape] = {}
        self._clusterer = PatternClusterer()
        self._edits: tuple[Edit, ...] = ()
        self._catalogue = PatternCatalogue()
        #: How shapes read that people have put together or taken apart; each costs as much as clustering them.
        self._templates: dict[frozenset[int], str] = {}
        self._is_stale = False
        self._is_full = False

    def is_news(self, shape: int, first_seen_unix_nano: int) -> bool:
        """Whether this shape would change something: it is unknown, or has an earlier log than was known."""
        known = self._shapes.get(shape)
        if known is None:
            return not self._is_full
        return first_seen_unix_nano < known.first_seen_unix_nano

    def add(self, shapes: Iterable[RegisteredShape]) -> list[RegisteredShape]:
        """Register shapes as their earliest logs have them; returns those that there was room for."""
        added: list[RegisteredShape] = []
        for each in shapes:
            if not self.is_news(each.shape, each.first_seen_unix_nano):
                continue
            if each.shape not in self._shapes and len(self._shapes) >= MAX_SHAPES:
                self._is_full = self._is_stale = True
                continue
            if each.shape in self._shapes:
                # Its other message may read otherwise.
                self._templates.clear()
            self._shapes[each.shape] = each
            added.append(each)
        if added:
            self._is_stale = True
            masked = masked_texts([each.exemplar for each in added])
            self._clusterer.add(
                ShapeText(each.shape, text, each.exemplar) for each, text in zip(added, masked, strict=True)
            )
        return added

    def decide(self, edits: Sequence[Edit]) -> None:
        """Take these edits, oldest first, in place of those before."""
        if tuple(edits) != self._edits:
            self._edits = tuple(edits)
            self._is_stale = True

    @property
    def edits(self) -> tuple[Edit, ...]:
        """The edits that hold, oldest first."""
        return self._edits

    @property
    def current(self) -> PatternCatalogue:
        """What ``catalogue`` returned last; costs nothing, and may be read while another thread changes the rest."""
        return self._catalogue

    def catalogue(self) -> PatternCatalogue:
        """What the shapes and edits make; the same object until one of them changes."""
        if self._is_stale:
            self._is_stale = False
            self._catalogue = self._made()
        return self._catalogue

    def exemplars(self, shapes: Iterable[int]) -> dict[int, str]:
        """One message of each of these shapes, where it is registered."""
        return {shape: self._shapes[shape].exemplar for shape in shapes if shape in self._shapes}

    def _made(self) -> PatternCatalogue:
        clusters = [Grouped(each.shapes, each.template) for each in self._clusterer.clusters()]
        first_seen = {each.shape: each.first_seen_unix_nano for each in self._shapes.values()}
        before, self._templates = self._templates, {}

        def template_of(shapes: frozenset[int]) -> str:
            template = self._templates[shapes] = before.get(shapes) or self._template_of(shapes)
            return template

        patterns = patterns_of(clusters, first_seen, self._edits, template_of)
        return PatternCatalogue(
            patterns=MappingProxyType({pattern.id: pattern for pattern in patterns}),
            pattern_ids=MappingProxyType({shape: each.id for each in patterns for shape in each.shapes}),
            version=self._catalogue.version + 1,
            is_full=self._is_full,
        )

    def _template_of(self, shapes: frozenset[int]) -> str:
        """How shapes read that people have put together or taken apart."""
        known = sorted(
            (self._shapes[shape] for shape in shapes), key=lambda each: (each.first_seen_unix_nano, each.shape)
        )
        masked = masked_texts([each.exemplar for each in known])
        clusterer = PatternClusterer()
        clusterer.add(ShapeText(each.shape, text, each.exemplar) for each, text in zip(known, masked, strict=True))
        founder = known[0].shape
        return next(cluster.template for cluster in clusterer.clusters() if founder in cluster.shapes)
