"""No model, on purpose."""

from collections.abc import Sequence

from tocsin.embeddings.ports import EmbeddingsUnavailable, Vectors


class AbsentModel:
    """An ``EmbeddingModel`` that only says why there is none."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    @property
    def version(self) -> str:
        """No model's."""
        return "none"

    @property
    def dimensions(self) -> int:
        """None."""
        return 0

    @property
    def unavailable_reason(self) -> str:
        """What it was made with."""
        return self._reason

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Raises ``EmbeddingsUnavailable``."""
        raise EmbeddingsUnavailable(self._reason)
