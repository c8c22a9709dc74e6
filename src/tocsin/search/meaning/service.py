"""``MeaningSearch``: finds the logs that answer a question in a person's words."""

import asyncio
from collections.abc import Sequence

import numpy as np
import polars as pl
import pyarrow as pa

from tocsin.embeddings.ports import EmbeddingModel, EmbeddingsUnavailable
from tocsin.kit.errors import InvalidRequest
from tocsin.logmodel.masking import masked_texts
from tocsin.logstore.ports import LogStore, Selection
from tocsin.patterns.contracts import Pattern
from tocsin.search.contracts import Question
from tocsin.search.limits import QueryLimits
from tocsin.search.meaning.candidates import BEST_PATTERNS, CandidateFinder, Candidates
from tocsin.search.meaning.contracts import Reason, RelevantLogs
from tocsin.search.meaning.embedder import PatternEmbedder
from tocsin.search.meaning.index import Floats, PatternIndex, Vector, combined
from tocsin.search.meaning.ranking import RankedRow, matches_of, ranked
from tocsin.search.meaning.words import Term, readable, terms_of
from tocsin.search.questions import Catalogues, Questions, check_limit

DEFAULT_K, MAX_K = 10, 100

MAX_QUESTION_CHARACTERS = 1_000


class MeaningSearch:
    """Answers questions by the words and the meaning of patterns, and by the words of rows.

    Its relevance is the mean of two shares. Words: of the weight of the question's words and values, how much is in the
    row. Meaning: the cosine between the embedding of the question and that of the row's pattern, both without values.
    """

    def __init__(
        self,
        store: LogStore,
        catalogues: Catalogues,
        questions: Questions,
        embedder: PatternEmbedder,
        model: EmbeddingModel,
        *,
        limits: QueryLimits,
    ) -> None:
        self._store = store
        self._catalogues = catalogues
        self._questions = questions
        self._embedder = embedder
        self._model = model
        self._limits = limits

    async def search(self, asked: str, within: Question, *, k: int = DEFAULT_K) -> RelevantLogs:
        """The k logs that answer best what is asked, among those of a question in the query language.

        Raises what ``SearchService`` does.
        """
        check_limit(k, MAX_K)
        asked = _checked(asked)
        selection = await self._questions.selection(within, timeout_seconds=self._limits.timeout_seconds)
        catalogue = await self._catalogues.catalogue(within.organization_id)
        index = await self._embedder.index(within.organization_id, catalogue)
        terms = terms_of(asked)
        async with self._limits.slot(selection):
            semantic, candidates, degraded_reason = await self._candidates(selection, asked, terms, index)
        rows = candidates.table()
        best = await asyncio.to_thread(_best, rows, terms, index, semantic, k)
        return RelevantLogs(
            time_range=selection.time_range,
            rows=rows.take(pa.array([each.row for each in best], pa.int64())),
            reasons=[_reason(each, rows, index) for each in best],
            degraded_reason=degraded_reason,
            given_up=tuple(candidates.given_up),
        )

    async def _candidates(
        self, selection: Selection, asked: str, terms: Sequence[Term], index: PatternIndex
    ) -> tuple[Floats | None, Candidates, str | None]:
        finder = CandidateFinder(self._store, selection)
        (vector, degraded_reason), candidates = await asyncio.gather(
            self._vector(asked, index), finder.with_values(terms, index)
        )
        semantic = None if vector is None else index.semantic(vector)
        patterns = _best_patterns(combined(index.lexical(terms), semantic), index)
        await finder.of_patterns(candidates, patterns)
        return semantic, candidates, degraded_reason

    async def _vector(self, asked: str, index: PatternIndex) -> tuple[Vector | None, str | None]:
        """The question's vector, and why meaning counts less than it might."""
        if self._model.unavailable_reason is not None:
            return None, self._model.unavailable_reason
        without_values = readable(masked_texts([asked])[0]) or asked
        try:
            (vector,) = await self._model.embed([without_values])
        except EmbeddingsUnavailable as error:
            return None, error.reason
        missing = len(index) - int(index.has_vector.sum())
        reason = f"{missing:,} of {len(index):,} patterns have no embedding yet" if missing else None
        return vector, reason


def _checked(asked: str) -> str:
    if not asked.strip():
        raise InvalidRequest("the question is empty: ask for what you want to find, in your own words")
    if len(asked) > MAX_QUESTION_CHARACTERS:
        raise InvalidRequest(
            f"the question has {len(asked):,} characters; it may have {MAX_QUESTION_CHARACTERS:,} at most"
        )
    return asked


def _best_patterns(relevance: Floats, index: PatternIndex) -> list[Pattern]:
    order = np.argsort(-relevance, kind="stable")[:BEST_PATTERNS]
    return [index.patterns[number] for number in order.tolist() if relevance[number] > 0]


def _best(
    rows: pa.Table, terms: Sequence[Term], index: PatternIndex, semantic: Floats | None, k: int
) -> list[RankedRow]:
    columns = pl.from_arrow(rows.select(["service", "message"]))
    assert isinstance(columns, pl.DataFrame)
    numbers = [index.number_of_shape(shape) for shape in rows["shape"].to_pylist()]
    frame = columns.with_columns(pattern=pl.Series(numbers, dtype=pl.Int64))
    matches = matches_of(terms, frame["service"], frame["message"])
    return ranked(frame, matches, index, semantic, k)


def _reason(ranked_row: RankedRow, rows: pa.Table, index: PatternIndex) -> Reason:
    number = index.number_of_shape(rows["shape"][ranked_row.row].as_py())
    return Reason(
        relevance=ranked_row.relevance,
        words=ranked_row.lexical,
        meaning=ranked_row.semantic,
        matched=tuple(term.text for term in ranked_row.matched),
        pattern=None if number < 0 else index.patterns[number],
    )
