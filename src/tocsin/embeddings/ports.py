"""What a model of embeddings promises."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
"""Shape ``(n_texts, dimensions)``; every row has length 1, so a product of two is their cosine."""


class EmbeddingsUnavailable(Exception):
    """There is no model, or it can't run; ``reason`` says why to a person."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class EmbeddingModel(Protocol):
    """Turns texts into vectors. Safe to share among tasks of one event loop, which it never holds up."""

    @property
    def version(self) -> str:
        """The model's name, and its version: another text for every model whose vectors differ."""
        ...

    @property
    def dimensions(self) -> int:
        """How many numbers a vector has."""
        ...

    @property
    def unavailable_reason(self) -> str | None:
        """Why there is no model, as far as is known; None while nothing speaks against it."""
        ...

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """One vector for each text, in order. Only the beginning of a long text counts.

        Raises:
            EmbeddingsUnavailable: the model is not there or can't run.
        """
        ...
