from pathlib import Path

import pytest

from tocsin.kit.errors import InvalidSettings
from tocsin.kit.rates import Rate
from tocsin.kit.settings import read_settings
from tocsin.kit.settings_reference import dotenv_example, with_table

REPOSITORY = Path(__file__).parents[2]


def test_settings_have_their_defaults_when_nothing_is_set(tmp_path: Path) -> None:
    settings = read_settings({}, tmp_path)
    assert (settings.server.host, settings.server.port) == ("127.0.0.1", 3000)
    assert settings.server.data_dir == (tmp_path / "tocsin-data").resolve()
    assert settings.logstore.fsync is True
    assert settings.ingest.max_body_bytes == 32 * 2**20
    assert settings.accounts.signing_key is None


def test_rate_limits_are_rates_or_off(tmp_path: Path) -> None:
    limits = read_settings({"TOCSIN_RATE_LIMIT_READ": "off", "TOCSIN_RATE_LIMIT_WRITE": "5/s"}, tmp_path).limits
    assert (limits.read, limits.write, limits.sign_in) == (None, Rate(5, 1), Rate(20, 60))


def test_database_is_sqlite_in_the_data_directory_when_no_url_is_set(tmp_path: Path) -> None:
    settings = read_settings({"TOCSIN_DATA_DIR": "kept"}, tmp_path)
    assert settings.database_url == f"sqlite:///{tmp_path.resolve()}/kept/tocsin.sqlite3"


def test_environment_wins_when_dotenv_says_otherwise(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("TOCSIN_PORT=1111\nTOCSIN_HOST=::1\n")
    settings = read_settings({"TOCSIN_PORT": "2222"}, tmp_path)
    assert (settings.server.host, settings.server.port) == ("::1", 2222)


@pytest.mark.parametrize(
    "line",
    [
        "TOCSIN_HOST=example",
        "export TOCSIN_HOST=example",
        "TOCSIN_HOST = example",
        'TOCSIN_HOST="example"',
        "TOCSIN_HOST='example' # why",
        "TOCSIN_HOST=example # why",
        "# other\n\nOTHER_PORT=x\nTOCSIN_HOST=example",
    ],
)
def test_dotenv_line_is_read_when_written_in_any_usual_way(tmp_path: Path, line: str) -> None:
    (tmp_path / ".env").write_text(line)
    assert read_settings({}, tmp_path).server.host == "example"


def test_dotenv_keeps_number_sign_when_it_is_part_of_the_value(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("TOCSIN_BOOTSTRAP_PASSWORD=with#number#sign")
    password = read_settings({}, tmp_path).accounts.bootstrap_password
    assert password is not None
    assert password.reveal() == "with#number#sign"


def test_empty_value_counts_as_left_out(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("TOCSIN_PORT=\nTOCSIN_OTLP_ENDPOINT= # later\n")
    settings = read_settings({"TOCSIN_SIGNING_KEY": ""}, tmp_path)
    assert settings.server.port == 3000
    assert settings.telemetry.otlp_endpoint is None
    assert settings.accounts.signing_key is None


def test_every_bad_setting_is_named_when_several_are_bad(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings) as caught:
        read_settings({"TOCSIN_PORT": "70000", "TOCSIN_FSYNC": "perhaps"}, tmp_path)
    assert "TOCSIN_PORT is '70000'; it must be a whole number from 1 to 65535" in caught.value.detail
    assert "TOCSIN_FSYNC is 'perhaps'; it must be `on` or `off`" in caught.value.detail


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TOCSIN_PORT", "0"),
        ("TOCSIN_PORT", "3e3"),
        ("TOCSIN_PORT", "٣٠٠٠"),
        ("TOCSIN_SEARCH_TIMEOUT_SECONDS", "nan"),
        ("TOCSIN_SEARCH_TIMEOUT_SECONDS", "0"),
        ("TOCSIN_INGEST_MAX_BODY_BYTES", "32MB"),
        ("TOCSIN_INGEST_MAX_BODY_BYTES", "-1"),
        ("TOCSIN_LOG_LEVEL", "loud"),
        ("TOCSIN_OTLP_ENDPOINT", "collector:4318"),
        ("TOCSIN_LOGSTORE_URL", "loki://x"),
        ("TOCSIN_RATE_LIMIT_READ", "many"),
        ("TOCSIN_INGEST_DAILY_QUOTA_BYTES", "off"),
    ],
)
def test_value_is_refused_when_it_is_not_allowed(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(InvalidSettings, match=name):
        read_settings({name: value}, tmp_path)


@pytest.mark.parametrize(
    ("name", "value", "hidden"),
    [
        ("TOCSIN_SIGNING_KEY", "hunter2", "hunter2"),
        ("TOCSIN_DATABASE_URL", "mysql://root:hunter2@db/x", "hunter2"),
        ("TOCSIN_DATABASE_URL", "hunter2", "hunter2"),
    ],
)
def test_secret_is_not_shown_when_it_is_refused(tmp_path: Path, name: str, value: str, hidden: str) -> None:
    with pytest.raises(InvalidSettings, match=name) as caught:
        read_settings({name: value}, tmp_path)
    assert hidden not in caught.value.detail


def test_secret_is_not_shown_when_settings_are_printed(tmp_path: Path) -> None:
    assert "x" * 40 not in repr(read_settings({"TOCSIN_SIGNING_KEY": "x" * 40}, tmp_path))


def test_closest_name_is_suggested_when_a_name_is_unknown(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match="TOCSIN_PROT is not a setting; did you mean TOCSIN_PORT"):
        read_settings({"TOCSIN_PROT": "1"}, tmp_path)


def test_limits_are_refused_when_they_contradict_each_other(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match="TOCSIN_INGEST_MAX_PENDING_BYTES is 1048576; it must be at least"):
        read_settings({"TOCSIN_INGEST_MAX_PENDING_BYTES": "1MiB"}, tmp_path)


@pytest.mark.parametrize(("written", "count"), [("4096", 4096), ("64KiB", 65_536), ("1 MiB", 2**20), ("1gib", 2**30)])
def test_byte_count_is_read_when_it_has_a_unit(tmp_path: Path, written: str, count: int) -> None:
    settings = read_settings({"TOCSIN_MIN_FREE_DISK_BYTES": written}, tmp_path)
    assert settings.logstore.min_free_disk_bytes == count


def test_documentation_agrees_with_the_settings() -> None:
    page = (REPOSITORY / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert page == with_table(page), "run `make docs`"
    assert (REPOSITORY / ".env.example").read_text(encoding="utf-8") == dotenv_example(), "run `make docs`"


@pytest.mark.parametrize(
    ("written", "origins"),
    [
        ("", ()),
        ("https://logs.example.com", ("https://logs.example.com",)),
        ("https://A.example:8443 , http://localhost:5173,", ("https://a.example:8443", "http://localhost:5173")),
        ("https://a.example,https://a.example:443", ("https://a.example",)),
        ("http://[::1]:3000", ("http://[::1]:3000",)),
    ],
)
def test_origins_are_read_as_a_browser_says_them(tmp_path: Path, written: str, origins: tuple[str, ...]) -> None:
    assert read_settings({"TOCSIN_CORS_ORIGINS": written}, tmp_path).edge.cors_origins == origins


@pytest.mark.parametrize(
    "written",
    [
        "*",
        "https://*.example.com",
        "logs.example.com",
        "https://a.example/",
        "https://me@a.example",
        "null",
        "ftp://a",
        "https://a.example, *",
        "https://a.example:port",
        "https://",
    ],
)
def test_origin_is_refused_when_a_browser_would_never_say_it(tmp_path: Path, written: str) -> None:
    with pytest.raises(InvalidSettings, match=r"TOCSIN_CORS_ORIGINS is .* never `\*`"):
        read_settings({"TOCSIN_CORS_ORIGINS": written}, tmp_path)


def test_proxies_are_addresses_and_networks(tmp_path: Path) -> None:
    settings = read_settings({"TOCSIN_TRUSTED_PROXIES": "10.0.0.0/8, 192.0.2.7, ::1"}, tmp_path)
    assert settings.edge.trusted_proxies == ("10.0.0.0/8", "192.0.2.7", "::1")
    assert read_settings({}, tmp_path).edge.trusted_proxies == ()


@pytest.mark.parametrize("written", ["*", "proxy.example", "10.0.0.1/8", "10.0.0.0/8;10.1.0.0/16"])
def test_proxy_is_refused_when_it_is_no_address(tmp_path: Path, written: str) -> None:
    with pytest.raises(InvalidSettings, match="TOCSIN_TRUSTED_PROXIES"):
        read_settings({"TOCSIN_TRUSTED_PROXIES": written}, tmp_path)
