from pathlib import Path

import pytest

from tocsin.cli.doctor.findings import Level
from tocsin.cli.doctor.surroundings import Seen
from tocsin.cli.doctor.surroundings_checks import check_surroundings
from tocsin.database.roles import DatabaseRole
from tocsin.kit.settings import read_settings

KEY = Path("/data/signing.key")
BOOTSTRAP = {"TOCSIN_BOOTSTRAP_PASSWORD": "correct horse battery"}
OPEN = {"TOCSIN_HOST": "0.0.0.0"}
PROXIED = {"TOCSIN_TRUSTED_PROXIES": "127.0.0.1"}
MIB = 2**20


@pytest.mark.parametrize(
    ("variables", "seen", "about", "levels"),
    [
        ({}, Seen(modes={KEY: 0o644}), "signing.key", [Level.UNSAFE]),
        ({}, Seen(modes={KEY: 0o640}), "signing.key", [Level.UNSAFE]),
        ({}, Seen(modes={KEY: 0o600}), "signing.key", [Level.FINE]),
        ({}, Seen(), "signing.key", []),
        ({}, Seen(free_disk_bytes=255 * MIB), "disk", [Level.UNSAFE]),
        ({}, Seen(free_disk_bytes=257 * MIB), "disk", [Level.WORTH_A_LOOK]),
        ({}, Seen(free_disk_bytes=2048 * MIB), "disk", [Level.FINE]),
        (BOOTSTRAP, Seen(has_started_before=True), "BOOTSTRAP_PASSWORD", [Level.WORTH_A_LOOK]),
        (BOOTSTRAP, Seen(), "BOOTSTRAP_PASSWORD", []),
        ({"TOCSIN_BOOTSTRAP_API_KEY": "k" * 40}, Seen(has_started_before=True), "API_KEY", [Level.WORTH_A_LOOK]),
        ({}, Seen(role=DatabaseRole("t", sees_all_rows=True)), "role t", [Level.UNSAFE]),
        ({}, Seen(role=DatabaseRole("t", sees_all_rows=False)), "role t", [Level.FINE]),
        ({}, Seen(database_problem="no route"), "could not be asked", [Level.WORTH_A_LOOK]),
        ({}, Seen(first_password_pending=True), "first administrator", [Level.UNSAFE]),
        ({}, Seen(first_password_pending=False), "first administrator", [Level.FINE]),
        ({}, Seen(), "first administrator", []),
        (OPEN, Seen(), "/metrics", [Level.WORTH_A_LOOK]),
        (OPEN, Seen(metrics_are_open=True), "/metrics", [Level.WORTH_A_LOOK]),
        (OPEN, Seen(metrics_are_open=False), "/metrics", [Level.FINE]),
        ({}, Seen(metrics_are_open=True), "/metrics", [Level.FINE]),
        (PROXIED, Seen(metrics_are_open=True), "/metrics", [Level.WORTH_A_LOOK]),
        (PROXIED, Seen(), "/metrics", [Level.WORTH_A_LOOK]),
        (PROXIED, Seen(metrics_are_open=False), "/metrics", [Level.FINE]),
        ({}, Seen(server_version="1.2"), "1.2 answers", [Level.FINE]),
        ({}, Seen(), "no server answers", [Level.FINE]),
    ],
)
def test_surroundings_are_judged(variables: dict[str, str], seen: Seen, about: str, levels: list[Level]) -> None:
    findings = check_surroundings(read_settings(variables, Path("/nowhere")), seen)
    assert [finding.level for finding in findings if about in finding.what] == levels


def test_remedy_of_an_open_file_closes_it() -> None:
    seen = Seen(modes={Path("/data"): 0o755})
    (finding, *_) = check_surroundings(read_settings({}, Path("/nowhere")), seen)
    assert finding.remedy == "chmod 700 /data"
