"""Ranks patterns: by the words that they share with a question, and by what both mean. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from tocsin.embeddings.ports import Vectors
from tocsin.patterns.contracts import Pattern, PatternCatalogue
from tocsin.search.meaning.words import Term, template_words

Floats = npt.NDArray[np.float64]
Vector = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class PatternIndex:
    """The patterns of one organization at one moment, in a form that they can be ranked in; never changed."""

    catalogue: PatternCatalogue
    patterns: Sequence[Pattern]
    #: For each constant word, the numbers of the patterns that have it.
    postings: Mapping[str, Integers]
    #: Shape ``(len(patterns), dimensions)``; a row of zeros where there is no vector yet.
    vectors: Vectors
    #: Shape ``(len(patterns),)``.
    has_vector: npt.NDArray[np.bool_]

    @staticmethod
    def of(catalogue: PatternCatalogue, vectors: Mapping[bytes, Vector], dimensions: int) -> "PatternIndex":
        """An index of a catalogue, with the vectors there are, by ``TemplateWords.text_hash``."""
        patterns = tuple(catalogue.patterns.values())
        matrix = np.zeros((len(patterns), dimensions), dtype=np.float32)
        has_vector = np.zeros(len(patterns), dtype=np.bool_)
        having: dict[str, list[int]] = {}
        for number, pattern in enumerate(patterns):
            words = template_words(pattern.template)
            vector = vectors.get(words.text_hash)
            if vector is not None:
                matrix[number] = vector
                has_vector[number] = True
            for word in words.constants:
                having.setdefault(word, []).append(number)
        postings = {word: np.array(numbers, dtype=np.int64) for word, numbers in having.items()}
        return PatternIndex(catalogue, patterns, postings, matrix, has_vector)

    def __len__(self) -> int:
        return len(self.patterns)

    @cached_property
    def _numbers(self) -> Mapping[int, int]:
        return {pattern.id: number for number, pattern in enumerate(self.patterns)}

    def number_of_shape(self, shape: int) -> int:
        """The number of the pattern that a shape belongs to; -1 where the registry has not seen the shape."""
        pattern_id = self.catalogue.pattern_of(shape)
        return -1 if pattern_id is None else self._numbers[pattern_id]

    def is_constant(self, term: Term) -> bool:
        """Whether a pattern has this word wherever it occurs; a phrase has values in it."""
        return len(term.tokens) == 1 and term.tokens[0] in self.postings

    def weight(self, term: Term) -> float:
        """How much a constant word tells, as BM25 has it: the fewer patterns have it, the more.

        Source: Robertson and Zaragoza, The Probabilistic Relevance Framework, section 3.5, with 1 added in the
        logarithm, which keeps it above 0.
        """
        return rarity(len(self.postings[term.tokens[0]]), of=len(self.patterns))

    def lexical(self, terms: Sequence[Term]) -> Floats:
        """For each pattern, its share of the weight of those terms that are constant words somewhere."""
        scores = np.zeros(len(self.patterns))
        total = 0.0
        for term in terms:
            if self.is_constant(term):
                weight = self.weight(term)
                scores[self.postings[term.tokens[0]]] += weight
                total += weight
        return scores / total if total else scores

    def semantic(self, question: Vector) -> Floats:
        """For each pattern, the cosine of its vector and the question's, from 0; NaN where it has none."""
        cosines = (self.vectors @ question).astype(np.float64)
        cosines = np.clip(cosines, 0.0, 1.0)
        cosines[~self.has_vector] = np.nan
        return cosines


def rarity(documents: int, *, of: int) -> float:
    """BM25's weight of a term that so many of all documents have."""
    return float(np.log1p((max(of - documents, 0) + 0.5) / (documents + 0.5)))


def combined(lexical: Floats, semantic: Floats | None) -> Floats:
    """Relevance from 0 to 1: the mean of both; of words alone where nothing is known of the meaning."""
    if semantic is None:
        return lexical
    return np.where(np.isnan(semantic), lexical, (lexical + np.nan_to_num(semantic)) / 2)
