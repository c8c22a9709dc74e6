import pytest

from tocsin.embeddings.backends.minilm import MiniLmModel


@pytest.fixture(scope="session")
def model() -> MiniLmModel:
    """The real one, loaded once."""
    return MiniLmModel()
