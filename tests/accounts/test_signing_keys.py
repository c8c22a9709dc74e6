import multiprocessing
import stat
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import pytest

from tocsin.accounts.signing_keys import (
    SIGNING_KEY_FILE,
    SigningKey,
    SigningKeys,
    add_signing_key,
    drop_old_signing_keys,
    load_signing_keys,
)
from tocsin.kit.errors import InvalidSettings, StartupError

CONFIGURED = "a key that is long enough to be one"


def test_load_makes_a_key_once_that_only_its_owner_can_read(tmp_path: Path) -> None:
    [key] = load_signing_keys(tmp_path)
    assert len(key.secret) == 64
    assert len(set(key.secret)) > 32
    assert stat.S_IMODE((tmp_path / SIGNING_KEY_FILE).stat().st_mode) == 0o600
    assert [*load_signing_keys(tmp_path)] == [key]
    assert [path.name for path in tmp_path.iterdir()] == [SIGNING_KEY_FILE]


def test_load_makes_another_key_when_the_directory_is_another(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    assert [*load_signing_keys(tmp_path)] != [*load_signing_keys(other)]


def test_load_gives_every_process_the_same_key_when_they_start_at_once(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        keys = pool.map(load_signing_keys, [tmp_path] * 16)
    assert {*chain(*keys)} == {*load_signing_keys(tmp_path)}
    assert [path.name for path in tmp_path.iterdir()] == [SIGNING_KEY_FILE]


def test_load_keeps_the_key_when_another_process_was_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [key] = load_signing_keys(tmp_path)
    monkeypatch.setattr(Path, "exists", lambda path: False)
    assert [*load_signing_keys(tmp_path)] == [key]
    assert [path.name for path in tmp_path.iterdir()] == [SIGNING_KEY_FILE]


def test_load_takes_the_configured_key_when_there_is_one(tmp_path: Path) -> None:
    [key] = load_signing_keys(tmp_path, configured=CONFIGURED)
    assert len(key.secret) == 64
    assert [key] == [*load_signing_keys(tmp_path, configured=CONFIGURED)] != [*load_signing_keys(tmp_path)]
    assert [key] != [*load_signing_keys(tmp_path, configured=CONFIGURED + "x")]


def test_load_refuses_when_the_configured_key_is_short(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings) as refusal:
        load_signing_keys(tmp_path, configured="x" * 31)
    assert "x" * 31 not in refusal.value.detail


@pytest.mark.parametrize("content", ["", "zz", "ab" * 63, "é"])
def test_load_refuses_when_the_file_holds_no_key(tmp_path: Path, content: str) -> None:
    (tmp_path / SIGNING_KEY_FILE).write_text(content, encoding="utf-8")
    with pytest.raises(StartupError):
        load_signing_keys(tmp_path)
    assert (tmp_path / SIGNING_KEY_FILE).read_text(encoding="utf-8") == content


def test_load_refuses_when_the_directory_is_missing(tmp_path: Path) -> None:
    with pytest.raises(StartupError):
        load_signing_keys(tmp_path / "missing")


def test_load_takes_several_configured_keys_in_their_order(tmp_path: Path) -> None:
    keys = load_signing_keys(tmp_path, configured=f"{CONFIGURED}, {CONFIGURED}x")
    alone = [load_signing_keys(tmp_path, configured=text).current for text in (CONFIGURED, CONFIGURED + "x")]
    assert ([*keys], keys.current) == (alone, alone[0])
    with pytest.raises(InvalidSettings):
        load_signing_keys(tmp_path, configured=f"{CONFIGURED},short")


def test_a_key_is_known_by_an_id_that_does_not_give_it_away() -> None:
    key = SigningKey.of(bytes(64))
    keys = SigningKeys.of(bytes(64), bytes([1] * 64))
    assert keys.get(key.id) == key == keys.current
    assert keys.get("another") is keys.get(None) is None
    assert len({each.id for each in keys}) == len(keys) == 2
    assert key.secret.hex() not in repr(key) + key.id


def test_a_new_key_comes_in_front_and_old_ones_are_dropped(tmp_path: Path) -> None:
    path = tmp_path / SIGNING_KEY_FILE
    [old] = load_signing_keys(tmp_path)
    added = add_signing_key(tmp_path)
    assert [*added] == [*load_signing_keys(tmp_path)] == [added.current, old]
    assert added.current != old
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [*drop_old_signing_keys(tmp_path)] == [*load_signing_keys(tmp_path)] == [added.current]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [SIGNING_KEY_FILE]


def test_the_keys_are_whole_when_putting_another_in_front_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [old] = load_signing_keys(tmp_path)

    def disk_is_full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", disk_is_full)
    with pytest.raises(StartupError, match="No space left"):
        add_signing_key(tmp_path)
    assert [*load_signing_keys(tmp_path)] == [old]


@pytest.mark.parametrize("change", [add_signing_key, drop_old_signing_keys])
def test_keys_that_are_not_there_are_not_changed(tmp_path: Path, change: Callable[[Path], object]) -> None:
    with pytest.raises(StartupError):
        change(tmp_path)
    assert not list(tmp_path.iterdir())


def test_load_takes_a_text_with_commas_for_one_key_unless_its_parts_are_keys(tmp_path: Path) -> None:
    sentence = "the same, in every process, for both"
    assert len(load_signing_keys(tmp_path, configured=sentence)) == 1
    assert len(load_signing_keys(tmp_path, configured="a" * 32 + ", " + "b" * 32)) == 2
    with pytest.raises(InvalidSettings):
        load_signing_keys(tmp_path, configured="a" * 32 + ",short")
