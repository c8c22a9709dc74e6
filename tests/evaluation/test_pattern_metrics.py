import pytest

from tocsin.evaluation.pattern_metrics import PatternFigures, mean_figures, normalised, pattern_figures


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("took <*>  ms", "took <*> ms"),
        ("at /<*> and -<*> or #<*>", "at <*> and <*> or <*>"),
        ("from <*>:<*>, <*> <*> to <*>", "from <*> to <*>"),
        ("<*><*>", "<*>"),
        ("name '<*>' is \"<*>\"", "name <*> is <*>"),
        ("a=<*>, b=<*>", "a=<*>, b=<*>"),
        ("it's '<*> and'", "it's '<*> and'"),
    ],
)
def test_what_labels_do_not_agree_on_is_taken_away(template: str, expected: str) -> None:
    assert normalised(template) == expected


def test_everything_is_right_when_groups_and_templates_are() -> None:
    figures = pattern_figures([5, 5, 7], ["a <*>", "a <*>", "b"], ["a  <*>", "a  <*>", "b"])
    assert figures == PatternFigures(ga=1, ga_j95=1, fga=1, pa=1, fta=1, fta_n1=1)


def test_a_split_group_is_wrong_and_so_is_a_merged_one() -> None:
    true = ["a <*>"] * 2 + ["b"] + ["c"]
    figures = pattern_figures([0, 1, 2, 2], ["a 1", "a 2", "<*>", "<*>"], true)
    assert (figures.ga, figures.ga_j95, figures.fga, figures.pa, figures.fta) == (0, 0, 0, 0, 0)


def test_a_group_that_lacks_one_row_of_many_is_nearly_right() -> None:
    true = ["a"] * 40 + ["b"]
    figures = pattern_figures([0] * 39 + [1, 2], ["a"] * 41, true)
    assert figures.ga == pytest.approx(1 / 41)
    assert figures.ga_j95 == pytest.approx(40 / 41)
    assert figures.fga == pytest.approx(2 * 1 / (3 + 2))


def test_a_template_is_wrong_when_some_of_its_rows_have_another() -> None:
    figures = pattern_figures([0, 1, 1], ["a", "b <*>", "b <*>"], ["a", "b <*>", "b c"])
    assert figures.pa == pytest.approx(2 / 3)
    assert figures.fta == pytest.approx(2 * 1 / (2 + 3))


def test_signs_before_a_wildcard_count_in_fta_alone() -> None:
    figures = pattern_figures([0], ["a <*>"], ["a -<*>"])
    assert (figures.pa, figures.fta, figures.fta_n1) == (0, 0, 1)


def test_the_mean_counts_every_system_alike() -> None:
    one = PatternFigures(ga=1, ga_j95=1, fga=1, pa=1, fta=1, fta_n1=1)
    none = PatternFigures(ga=0, ga_j95=0, fga=0, pa=0, fta=0, fta_n1=0)
    assert mean_figures([one, none]).fga == 0.5
