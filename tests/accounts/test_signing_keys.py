import multiprocessing
import stat
from pathlib import Path

import pytest

from tocsin.accounts.signing_keys import SIGNING_KEY_FILE, load_signing_keys
from tocsin.kit.errors import InvalidSettings, StartupError

CONFIGURED = "a key that is long enough to be one"


def test_load_makes_a_key_once_that_only_its_owner_can_read(tmp_path: Path) -> None:
    key = load_signing_keys(tmp_path)
    assert len(key) == 64
    assert len(set(key)) > 32
    assert stat.S_IMODE((tmp_path / SIGNING_KEY_FILE).stat().st_mode) == 0o600
    assert load_signing_keys(tmp_path) == key
    assert [path.name for path in tmp_path.iterdir()] == [SIGNING_KEY_FILE]


def test_load_makes_another_key_when_the_directory_is_another(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    assert load_signing_keys(tmp_path) != load_signing_keys(other)


def test_load_gives_every_process_the_same_key_when_they_start_at_once(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        keys = pool.map(load_signing_keys, [tmp_path] * 16)
    assert set(keys) == {load_signing_keys(tmp_path)}
    assert [path.name for path in tmp_path.iterdir()] == [SIGNING_KEY_FILE]


def test_load_keeps_the_key_when_another_process_was_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = load_signing_keys(tmp_path)
    monkeypatch.setattr(Path, "exists", lambda path: False)
    assert load_signing_keys(tmp_path) == key
    assert [path.name for path in tmp_path.iterdir()] == [SIGNING_KEY_FILE]


def test_load_takes_the_configured_key_when_there_is_one(tmp_path: Path) -> None:
    key = load_signing_keys(tmp_path, configured=CONFIGURED)
    assert len(key) == 64
    assert key == load_signing_keys(tmp_path, configured=CONFIGURED) != load_signing_keys(tmp_path)
    assert key != load_signing_keys(tmp_path, configured=CONFIGURED + "x")


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
