"""``tocsin patterns``: how patterns look in a terminal."""

import pytest

from tocsin.cli.patterns_command import SPARKLINE_COLUMNS, print_patterns, sparkline


@pytest.mark.parametrize(
    ("counts", "bars"),
    [
        ([], ""),
        ([0, 0], "  "),
        ([0, 1, 7], " ▂█"),
        ([5], "█"),
        ([1, 1000], "▁█"),
    ],
)
def test_counts_are_bars(counts: list[int], bars: str) -> None:
    assert sparkline(counts) == bars


def test_many_counts_are_added_up() -> None:
    bars = sparkline([0] * 30 + [1] * 30)
    assert bars == " " * 10 + "█" * 10
    assert len(bars) == SPARKLINE_COLUMNS


def test_a_pattern_is_one_line_whatever_its_template_holds(capsys: pytest.CaptureFixture[str]) -> None:
    pattern = {
        "id": "00000000000000ab",
        "count": 1234,
        "share": 0.5,
        "counts": [1, 2],
        "trend": "rising",
        "is_new": True,
        "is_muted": False,
        "name": "declined",
        "template": "first \x1b[31mline\nsecond",
    }
    print_patterns([pattern])
    [line] = capsys.readouterr().out.splitlines()
    assert "1,234" in line
    assert "NEW declined: first" in line
    assert "\x1b" not in line
    assert line.endswith("⏎ second")
