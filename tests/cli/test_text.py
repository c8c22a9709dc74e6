import pytest

from tocsin.cli.text import bytes_shown, harmless


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\ttext", "plain\ttext"),
        ("grüße 日本 🎉", "grüße 日本 🎉"),
        ("\x1b]0;title\x07", "\\e]0;title\\x07"),
        ("a\nb\rc", "a\\nb\\rc"),
        ("\x9b31m", "\\x9b31m"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("a\u2028b", "a\\u2028b"),
        ("[red]not markup[/red]", "[red]not markup[/red]"),
    ],
)
def test_text_is_spelled_out_when_a_terminal_would_obey_it(text: str, shown: str) -> None:
    assert harmless(text) == shown


@pytest.mark.parametrize(
    ("count", "shown"), [(0, "0 bytes"), (1023, "1023 bytes"), (1536, "1.5 KiB"), (2**41, "2.0 TiB")]
)
def test_bytes_are_shown_in_the_unit_that_fits(count: int, shown: str) -> None:
    assert bytes_shown(count) == shown
