import pytest

from tocsin.logmodel.levels import SEVERITY_BY_NAME, SEVERITY_RANGES, Level, level_of, severity_of


def test_every_severity_number_has_one_level() -> None:
    covered = [number for first, last in SEVERITY_RANGES.values() for number in range(first, last + 1)]
    assert covered == list(range(1, 25))
    for level, (first, last) in SEVERITY_RANGES.items():
        assert level_of(first) is level_of(last) is level


@pytest.mark.parametrize("level", list(Level))
def test_a_level_name_is_its_first_or_plain_severity(level: Level) -> None:
    severity = severity_of(level.value)
    assert severity is not None
    assert level_of(severity) is level


@pytest.mark.parametrize(
    ("written", "severity"),
    [("ERROR", 17), (" Warning ", 13), ("crit", 21), ("notice", 10), ("trace", 1), ("verbose", 1), ("emerg", 24),
     (3, 17), (0, 24), (7, 5), (30, 9), (60, 21)],
)  # fmt: skip
def test_levels_are_read_as_the_common_libraries_write_them(written: object, severity: int) -> None:
    assert severity_of(written) == severity


@pytest.mark.parametrize("written", ["", "purple", 8, 35, True, None, 3.0, ["ERROR"]])
def test_an_unknown_level_has_no_severity(written: object) -> None:
    assert severity_of(written) is None


def test_level_names_are_lower_case_and_known() -> None:
    assert all(name == name.lower() and 1 <= number <= 24 for name, number in SEVERITY_BY_NAME.items())
