"""What is surprising in counts that come as in life."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pytest

from tests.support.logs import NOON_UNIX_NANO
from tocsin.detection.contracts import Finding, FindingKind
from tocsin.detection.core import Detection, new_detection
from tocsin.detection.episodes import ONGOING_BUCKETS
from tocsin.detection.windows import INTERVAL_NANO, INTERVAL_SECONDS
from tocsin.logstore.ports import RECENT_COUNTS_SCHEMA, SHAPE_COUNTS_SCHEMA
from tocsin.patterns.contracts import Pattern, PatternCatalogue

INFO, WARN, ERROR = 9, 13, 17
WARM_MINUTES = 150

#: Service, shape, severity number, and logs a minute.
Rates = Mapping[tuple[str, int, int], float]
USUAL: Rates = {
    ("cart", 1, INFO): 120.0,
    ("cart", 2, ERROR): 1.0,
    ("payment", 3, INFO): 60.0,
    ("payment", 4, WARN): 2.0,
    ("search", 5, INFO): 90.0,
    ("search", 6, INFO): 30.0,
}


def catalogue(*, version: int = 1, merged: Mapping[int, int] | None = None, muted: int = 0) -> PatternCatalogue:
    merged = merged or {}
    ids = {shape: merged.get(shape, shape) for shape in range(1, 21)}
    patterns = {
        pattern: Pattern(
            id=pattern,
            template=f"pattern {pattern}",
            shapes=frozenset(shape for shape, of in ids.items() if of == pattern),
            first_seen_unix_nano=0,
            is_muted=pattern == muted,
        )
        for pattern in set(ids.values())
    }
    return PatternCatalogue(patterns=patterns, pattern_ids=ids, version=version)


class Life:
    """Logs come by chance, at rates; each step is an interval."""

    def __init__(self, dump: bytes | None = None, *, now_unix_nano: int = NOON_UNIX_NANO, seed: int = 1) -> None:
        self.state = new_detection(dump, 1.0)
        self.now_unix_nano = now_unix_nano
        self.catalogue = catalogue()
        self.told: list[Finding] = []
        self._random = np.random.default_rng(seed)

    def go_on(self, minutes: float, rates: Rates) -> list[Finding]:
        """What is told in so many minutes."""
        told: list[Finding] = []
        for _ in range(round(minutes * 60 / INTERVAL_SECONDS)):
            counted = [
                (*key, count)
                for key, rate in rates.items()
                if (count := self._random.poisson(rate * INTERVAL_SECONDS / 60))
            ]
            told += self.step(counted)
        return told

    def step(self, counted: Sequence[tuple[str, int, int, int]]) -> list[Finding]:
        rows = [
            {"service": service, "shape": shape, "severity_number": severity, "start": self.now_unix_nano, "count": n}
            for service, shape, severity, n in counted
        ]
        self.now_unix_nano += INTERVAL_NANO
        counts = pa.Table.from_pylist(rows, schema=RECENT_COUNTS_SCHEMA)
        told = self.state.take(counts, self.catalogue, self.now_unix_nano - 1)
        self.told += told
        return told


def opening(told: Sequence[Finding]) -> list[Finding]:
    return [finding for finding in told if finding.opens]


@pytest.fixture(scope="module")
def warm() -> tuple[bytes, int]:
    """What is known after some usual hours, and when that is."""
    life = Life()
    assert opening(life.go_on(WARM_MINUTES, USUAL)) == []
    return life.state.dump(), life.now_unix_nano


@pytest.fixture
def life(warm: tuple[bytes, int]) -> Life:
    dump, now_unix_nano = warm
    return Life(dump, now_unix_nano=now_unix_nano, seed=2)


def test_the_usual_opens_nothing(life: Life) -> None:
    assert opening(life.go_on(120, USUAL)) == []


def test_many_errors_open_within_half_a_minute(life: Life) -> None:
    onset = life.now_unix_nano
    told = opening(life.go_on(0.5, {**USUAL, ("cart", 2, ERROR): 60.0}))
    first = next(finding for finding in told if finding.kind is FindingKind.SPIKE)
    assert (first.service, first.pattern) == ("cart", 2)
    assert abs(first.onset_unix_nano - onset) <= INTERVAL_NANO
    assert first.observed > 5 * first.expected


def test_the_share_of_errors_of_the_service_is_told_as_well(life: Life) -> None:
    told = opening(life.go_on(1, {**USUAL, ("cart", 2, ERROR): 60.0}))
    assert any(finding.kind is FindingKind.ERROR_RATIO and finding.pattern is None for finding in told)


def test_an_error_that_was_never_seen_is_a_new_pattern(life: Life) -> None:
    told = opening(life.go_on(5, {**USUAL, ("payment", 9, ERROR): 12.0}))
    assert {finding.kind for finding in told if finding.pattern == 9} == {FindingKind.NEW_PATTERN}


def test_faint_errors_are_found_in_a_longer_window(life: Life) -> None:
    told = opening(life.go_on(10, {**USUAL, ("payment", 9, ERROR): 2.0}))
    assert any(finding.service == "payment" for finding in told)


def test_a_burst_within_one_interval_opens_nothing(life: Life) -> None:
    life.step([("payment", 9, ERROR, 300), ("cart", 2, ERROR, 300)])
    assert opening(life.go_on(15, USUAL)) == []


def test_more_of_what_is_no_trouble_is_told_and_opens_nothing(life: Life) -> None:
    told = life.go_on(3, {**USUAL, ("search", 6, INFO): 900.0})
    assert opening(told) == []
    assert any(finding.pattern == 6 for finding in told)


def test_three_times_the_customers_with_three_times_the_errors_open_nothing(life: Life) -> None:
    assert opening(life.go_on(30, {key: 2.5 * rate for key, rate in USUAL.items()})) == []


def test_a_silent_service_opens_within_a_minute_and_a_half(life: Life) -> None:
    quiet = {key: rate for key, rate in USUAL.items() if key[0] != "search"}
    told = opening(life.go_on(1.5, quiet))
    assert {(finding.service, finding.pattern) for finding in told} == {("search", None)}
    assert opening(life.go_on(2, quiet))[-1].kind is FindingKind.SILENCE


def test_a_step_that_does_not_come_any_more_is_told(life: Life) -> None:
    told = life.go_on(8, {key: rate for key, rate in USUAL.items() if key[1] != 6})
    assert any(finding.kind is FindingKind.MISSING_STEP and finding.pattern == 6 for finding in told)
    assert opening(told) == []


def test_a_first_start_opens_nothing() -> None:
    assert opening(Life().go_on(20, USUAL)) == []


def test_a_new_service_opens_nothing_before_it_is_known(life: Life) -> None:
    young = {("mail", 10, INFO): 60.0, ("mail", 11, ERROR): 30.0}
    assert opening(life.go_on(12, {**USUAL, **young})) == []


def test_after_a_gap_nothing_is_missing(life: Life) -> None:
    life.now_unix_nano += 3_600 * 10**9
    assert opening(life.go_on(1, {("cart", 1, INFO): 120.0})) == []


def test_it_is_told_under_one_id_until_it_is_over(life: Life) -> None:
    life.go_on(6, {**USUAL, ("payment", 9, ERROR): 30.0})
    life.go_on(20, USUAL)
    told = [finding for finding in life.told if finding.pattern == 9]
    assert len({finding.id for finding in told}) == 1
    assert [finding.is_over for finding in told] == [False] * (len(told) - 1) + [True]
    lasts = [finding.last_unix_nano for finding in told]
    assert lasts == sorted(lasts)


def test_what_is_over_may_come_again_under_another_id(life: Life) -> None:
    trouble = {**USUAL, ("payment", 9, ERROR): 30.0}
    life.go_on(4, trouble)
    life.go_on(25, USUAL)
    life.go_on(4, trouble)
    assert len({finding.id for finding in life.told if finding.pattern == 9}) == 2


def test_a_merged_pattern_is_not_new(life: Life) -> None:
    life.catalogue = catalogue(version=2, merged={2: 8})
    told = life.go_on(4, {**USUAL, ("cart", 8, ERROR): 30.0})
    assert {finding.kind for finding in told if finding.pattern == 8} == {FindingKind.SPIKE}


def test_who_mutes_a_pattern_hears_no_more_of_it(life: Life) -> None:
    life.catalogue = catalogue(version=2, muted=9)
    told = life.go_on(3, {**USUAL, ("payment", 9, ERROR): 30.0})
    assert all(finding.pattern != 9 for finding in told)


def test_a_dump_goes_on_as_the_state_would(life: Life) -> None:
    trouble = {**USUAL, ("payment", 9, ERROR): 30.0}
    life.go_on(2, trouble)
    other = Life(life.state.dump(), now_unix_nano=life.now_unix_nano, seed=5)
    life._random = np.random.default_rng(5)
    expected = life.go_on(ONGOING_BUCKETS / 6 + 3, USUAL)
    found = other.go_on(ONGOING_BUCKETS / 6 + 3, USUAL)
    assert [(each.id, each.is_over) for each in found] == [(each.id, each.is_over) for each in expected]


@pytest.mark.parametrize("dump", [b"", b"garbage", b"x\x9c\x03\x00\x00\x00\x00\x01"])
def test_a_damaged_dump_begins_anew(dump: bytes) -> None:
    assert opening(Life(dump).go_on(1, USUAL)) == []


def test_a_dump_that_can_not_be_read_says_so() -> None:
    with pytest.raises(ValueError, match="state of detection"):
        Detection.load(b"garbage", 1.0)


def history(minutes: range, rates: Rates) -> pa.Table:
    random = np.random.default_rng(3)
    rows = []
    for (service, shape, severity), rate in rates.items():
        counts = random.poisson(rate, len(minutes))
        rows.append(
            {
                "service": service,
                "shape": shape,
                "severity_number": severity,
                "count": int(counts.sum()),
                "first_timestamp": 0,
                "last_timestamp": 0,
                "counts": counts.tolist(),
            }
        )
    return pa.Table.from_pylist(rows, schema=SHAPE_COUNTS_SCHEMA)


def taught() -> Life:
    life = Life()
    assert life.state.wanted_history() is None
    life.go_on(1, USUAL)
    wanted = life.state.wanted_history()
    assert wanted is not None
    life.state.learn_history(history(wanted, USUAL), wanted, life.catalogue)
    assert life.state.wanted_history() is None
    return life


def test_who_was_taught_by_history_finds_trouble_at_once() -> None:
    life = taught()
    told = opening(life.go_on(1, {**USUAL, ("cart", 2, ERROR): 60.0, ("payment", 9, ERROR): 60.0}))
    assert {finding.pattern for finding in told} >= {2, 9}


def test_who_was_taught_by_history_is_not_surprised_by_the_usual() -> None:
    assert opening(taught().go_on(60, USUAL)) == []


def test_an_empty_history_teaches_nothing() -> None:
    life = Life()
    life.go_on(1, USUAL)
    wanted = life.state.wanted_history()
    assert wanted is not None
    life.state.learn_history(SHAPE_COUNTS_SCHEMA.empty_table(), wanted, life.catalogue)
    assert life.state.wanted_history() == wanted
