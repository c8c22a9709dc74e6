import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.query.tokens import fold, tokens_of


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", ()),
        ("—!?", ()),
        ("Payment declined", ("payment", "declined")),
        ("a_b-c.d", ("a_b", "c", "d")),
        ("payment—declined", ("payment", "declined")),
        ("ÉCLAIR日本語", ("éclair日本語",)),
        ("½ Ⅷ ٣", ("½", "ⅷ", "٣")),
        ("e\u0301a", ("e", "a")),
        ("İstanbul", ("İstanbul",)),
    ],
)
def test_tokens_are_runs_of_letters_digits_and_underscores(text: str, tokens: tuple[str, ...]) -> None:
    assert tokens_of(text) == tokens


@pytest.mark.parametrize(
    ("text", "folded"), [("ΟΔΟΣ", "οδοσ"), ("ς", "ς"), ("İI", "İi"), ("ẞ", "ß"), ("ABC é", "abc é")]
)
def test_fold_lowers_each_character_on_its_own(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(st.text(), st.text())
def test_fold_neither_looks_at_neighbours_nor_changes_lengths(left: str, right: str) -> None:
    assert fold(left + right) == fold(left) + fold(right)
    assert len(fold(left)) == len(left)


@given(st.text())
def test_folding_and_tokenising_may_be_done_in_any_order(text: str) -> None:
    assert tokens_of(fold(text)) == tokens_of(text)
