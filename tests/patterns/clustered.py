"""Messages → clusters, as tests write them."""

from collections.abc import Iterable, Sequence

from tocsin.logmodel.masking import masked_texts, shape_of
from tocsin.patterns.clustering.clusterer import PatternClusterer
from tocsin.patterns.contracts import ShapeText


def shape_texts(messages: Sequence[str]) -> list[ShapeText]:
    return [
        ShapeText(shape_of(message), masked, message)
        for message, masked in zip(messages, masked_texts(messages), strict=True)
    ]


def clustered(messages: Iterable[str]) -> dict[str, set[str]]:
    """The templates, each with the messages of its cluster."""
    given = list(messages)
    clusterer = PatternClusterer()
    clusterer.add(shape_texts(given))
    return {
        cluster.template: {message for message in given if shape_of(message) in cluster.shapes}
        for cluster in clusterer.clusters()
    }


def templates(messages: Iterable[str]) -> set[str]:
    return set(clustered(messages))
