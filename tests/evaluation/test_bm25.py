"""BM25, held against a calculation by hand."""

import math

import pytest

from tocsin.evaluation.bm25 import Bm25

DOCUMENTS = ("disk full", "disk disk failed on node", "user logged in")


def test_scores_are_those_of_a_calculation_by_hand() -> None:
    scores = Bm25(DOCUMENTS, k1=1.2, b=0.75).scores("Disk node")
    # Lengths are 2, 5 and 3; their mean is 10/3. Two of three documents have "disk", one has "node".
    disk, node = math.log(1 + 1.5 / 2.5), math.log(1 + 2.5 / 1.5)
    short_norm = 1.2 * (0.25 + 0.75 * 2 / (10 / 3))
    long_norm = 1.2 * (0.25 + 0.75 * 5 / (10 / 3))
    assert scores[0] == pytest.approx(disk * 1 * 2.2 / (1 + short_norm))
    assert scores[1] == pytest.approx(disk * 2 * 2.2 / (2 + long_norm) + node * 1 * 2.2 / (1 + long_norm))
    assert scores[2] == 0


def test_best_are_in_order_and_the_first_of_equals_comes_first() -> None:
    bm25 = Bm25(["user a", "disk", "user b", "user user"])
    assert bm25.best("user", 3) == [3, 0, 2]
    assert bm25.best("nothing of this", 2) == [0, 1]
