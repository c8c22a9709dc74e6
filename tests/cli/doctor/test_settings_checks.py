from pathlib import Path

import pytest

from tocsin.cli.doctor.findings import Level
from tocsin.cli.doctor.settings_checks import check_settings
from tocsin.kit.settings import read_settings

RANDOM_KEY = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
STRONG = "tN4v9QwLz7Xc2m"


def levels(variables: dict[str, str], about: str) -> list[Level]:
    """The levels of the findings whose text has this in it."""
    settings = read_settings({f"TOCSIN_{name}": value for name, value in variables.items()}, Path("/nowhere"))
    return [finding.level for finding in check_settings(settings) if about in finding.what]


def test_nothing_is_to_be_done_when_nothing_is_set() -> None:
    assert {finding.level for finding in check_settings(read_settings({}, Path("/nowhere")))} == {Level.FINE}


@pytest.mark.parametrize(
    ("variables", "about", "level"),
    [
        ({"HOST": "0.0.0.0"}, "the server listens", Level.UNSAFE),
        ({"HOST": "::"}, "the server listens", Level.UNSAFE),
        ({"HOST": "logs.example.com"}, "the server listens", Level.UNSAFE),
        ({"HOST": "0.0.0.0", "TRUSTED_PROXIES": "10.0.0.7"}, "the server listens", Level.WORTH_A_LOOK),
        ({"HOST": "::1"}, "the server listens", Level.FINE),
        ({"HOST": "127.1.2.3"}, "the server listens", Level.FINE),
        ({"TRUSTED_PROXIES": "0.0.0.0/0"}, "0.0.0.0/0", Level.UNSAFE),
        ({"TRUSTED_PROXIES": "::/0"}, "::/0", Level.UNSAFE),
        ({"TRUSTED_PROXIES": "10.0.0.0/8"}, "10.0.0.0/8", Level.FINE),
        ({"CORS_ORIGINS": "http://logs.example.com"}, "http://logs", Level.UNSAFE),
        ({"CORS_ORIGINS": "http://localhost:5173"}, "http://localhost", Level.WORTH_A_LOOK),
        ({"CORS_ORIGINS": "https://logs.example.com"}, "https://logs", Level.FINE),
        ({"SIGNING_KEY": "x" * 40}, "SIGNING_KEY", Level.UNSAFE),
        ({"SIGNING_KEY": f"changeme{RANDOM_KEY}"}, "SIGNING_KEY", Level.UNSAFE),
        ({"SIGNING_KEY": RANDOM_KEY}, "SIGNING_KEY", Level.FINE),
        ({"SIGNING_KEY": f"{RANDOM_KEY},{'x' * 40}"}, "key 1 of", Level.FINE),
        ({"SIGNING_KEY": f"{RANDOM_KEY},{'x' * 40}"}, "key 2 of", Level.UNSAFE),
        ({"SIGNING_KEY": f"{RANDOM_KEY}, {RANDOM_KEY[::-1]}"}, "key 2 of", Level.FINE),
        ({"PUBLIC_URL": "http://logs.example.com"}, "PUBLIC_URL", Level.UNSAFE),
        ({"PUBLIC_URL": "http://localhost:3000"}, "PUBLIC_URL", Level.FINE),
        ({"PUBLIC_URL": "https://logs.example.com"}, "PUBLIC_URL", Level.FINE),
        ({"MIN_FREE_DISK_BYTES": "0"}, "MIN_FREE_DISK_BYTES", Level.WORTH_A_LOOK),
        ({"RATE_LIMIT_SIGN_IN": "off"}, "RATE_LIMIT_SIGN_IN", Level.WORTH_A_LOOK),
        ({"DATABASE_URL": f"postgresql://t:{STRONG}@db/t"}, "nothing says", Level.UNSAFE),
        ({"DATABASE_URL": f"postgresql://t:{STRONG}@db/t?sslmode=prefer"}, "nothing says", Level.UNSAFE),
        ({"DATABASE_URL": f"postgresql://t:{STRONG}@/t?host=db"}, "goes to db", Level.UNSAFE),
        ({"DATABASE_URL": f"postgresql://t:{STRONG}@db/t?sslmode=require"}, "sslmode", Level.WORTH_A_LOOK),
        ({"DATABASE_URL": f"postgresql://t:{STRONG}@db/t?sslmode=verify-full"}, "encrypted", Level.FINE),
        ({"DATABASE_URL": "postgresql://t:t@localhost/t"}, "DATABASE_URL", Level.FINE),
        ({"DATABASE_URL": "postgresql:///t?host=/run/postgresql"}, "DATABASE_URL", Level.FINE),
        ({"DATABASE_URL": "postgresql://t:short@db/t"}, "password", Level.UNSAFE),
        ({"DATABASE_URL": "postgresql://long-user-name:long-user-name@db/t"}, "password", Level.UNSAFE),
        ({"DATABASE_URL": "postgresql://t@/t?host=db"}, "password", Level.WORTH_A_LOOK),
        ({"LOGSTORE_URL": "postgresql://t@db/t"}, "no password", Level.WORTH_A_LOOK),
        ({"LOGSTORE_URL": "memory:"}, "memory:", Level.UNSAFE),
        ({"LOGSTORE_URL": f"clickhouse://t:{STRONG}@ch:8123/t"}, "nothing says", Level.UNSAFE),
        ({"LOGSTORE_URL": "clickhouse://ch:8123/t"}, "no password", Level.WORTH_A_LOOK),
        ({"LOGSTORE_URL": "clickhouse://t:t@localhost:8123/t"}, "LOGSTORE_URL", Level.FINE),
        ({"LOGSTORE_URL": f"clickhouses://t:{STRONG}@ch:8443/t"}, "LOGSTORE_URL", Level.FINE),
        ({"FSYNC": "off"}, "FSYNC", Level.WORTH_A_LOOK),
        ({"LOG_LEVEL": "debug"}, "LOG_LEVEL", Level.WORTH_A_LOOK),
        ({"OTLP_ENDPOINT": "http://collector:4318"}, "traces", Level.WORTH_A_LOOK),
        ({"OTLP_ENDPOINT": "http://127.0.0.1:4318"}, "traces", Level.FINE),
        ({"OTLP_ENDPOINT": "https://collector:4318"}, "traces", Level.FINE),
    ],
)
def test_setting_is_judged(variables: dict[str, str], about: str, level: Level) -> None:
    assert levels(variables, about) == [level]


def test_finding_says_why_and_what_to_do_unless_it_is_fine() -> None:
    variables = {
        "HOST": "0.0.0.0",
        "TRUSTED_PROXIES": "0.0.0.0/0",
        "CORS_ORIGINS": "http://a.example",
        "SIGNING_KEY": "x" * 40,
        "DATABASE_URL": "postgresql://t:hunter2@db/t",
        "LOGSTORE_URL": "clickhouse://t:hunter2@ch/t",
        "FSYNC": "off",
        "LOG_LEVEL": "debug",
        "OTLP_ENDPOINT": "http://collector",
        "PUBLIC_URL": "http://logs.example.com",
        "MIN_FREE_DISK_BYTES": "0",
        "RATE_LIMIT_SIGN_IN": "off",
    }
    settings = read_settings({f"TOCSIN_{name}": value for name, value in variables.items()}, Path("/nowhere"))
    for finding in check_settings(settings):
        assert bool(finding.why) == bool(finding.remedy) == (finding.level is not Level.FINE), finding
        assert "hunter2" not in str(finding)
