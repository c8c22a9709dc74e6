"""BM25 over rows: what search by meaning is held against. Nothing of the product uses it."""

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from tocsin.query.tokens import tokens_of

K1, B = 1.2, 0.75

Floats = npt.NDArray[np.float64]


class Bm25:
    """Scores documents.

    Source: Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond, equations 3.3 and 3.15, with
    1 added in the logarithm, so that no weight is negative.
    """

    def __init__(
        self,
        documents: Sequence[str],
        *,
        tokens: Callable[[str], Sequence[str]] = tokens_of,
        k1: float = K1,
        b: float = B,
    ) -> None:
        self._tokens = tokens
        self._count = len(documents)
        frequencies = [Counter(tokens(document)) for document in documents]
        lengths = np.array([each.total() for each in frequencies], dtype=np.float64)
        self._norms = k1 * (1 - b + b * lengths / max(float(lengths.mean()), 1.0))
        self._k1 = k1
        postings: dict[str, list[tuple[int, int]]] = {}
        for number, document in enumerate(frequencies):
            for token, frequency in document.items():
                postings.setdefault(token, []).append((number, frequency))
        self._postings = {token: np.array(each, dtype=np.int64).T for token, each in postings.items()}

    def scores(self, question: str) -> Floats:
        """One for each document, shape ``(n_documents,)``; a token that the question repeats counts each time."""
        scores = np.zeros(self._count)
        for token in self._tokens(question):
            if token in self._postings:
                numbers, frequencies = self._postings[token]
                weight = np.log1p((self._count - len(numbers) + 0.5) / (len(numbers) + 0.5))
                scores[numbers] += weight * frequencies * (self._k1 + 1) / (frequencies + self._norms[numbers])
        return scores

    def best(self, question: str, k: int) -> list[int]:
        """The documents with the highest scores; of equal ones the first."""
        best: list[int] = np.argsort(-self.scores(question), kind="stable")[:k].tolist()
        return best
