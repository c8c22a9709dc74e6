"""Reads everything that a server has stored."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

_PAGE_LOGS = 5_000


def all_logs(reader: httpx.Client) -> list[dict[str, Any]]:
    """Every log, newest first."""
    logs: list[dict[str, Any]] = []
    parameters = all_time() | {"limit": str(_PAGE_LOGS)}
    while True:
        page = reader.get("/v1/logs", params=parameters).raise_for_status().json()
        logs += page["logs"]
        if page["next_cursor"] is None:
            return logs
        parameters["cursor"] = page["next_cursor"]


def all_time() -> dict[str, str]:
    """The parameters of a read that leaves nothing out."""
    now = datetime.now(UTC)
    return {"from": (now - timedelta(days=60)).isoformat(), "to": (now + timedelta(days=1)).isoformat()}
