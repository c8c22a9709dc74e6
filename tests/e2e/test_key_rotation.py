"""Keys are replaced while logs come in with them, and no sender is refused."""

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import count

import httpx

from tests.support.server import API_KEY, TocsinServer

SENDERS = 4
ROTATIONS = 4
OVERLAP_SECONDS = 3

#: By then every process has heard of a key's end.
HEARD_SECONDS = OVERLAP_SECONDS + 6


@dataclass
class Senders:
    """Threads that send without a pause, each with the newest key that it was given."""

    server: TocsinServer
    secret: str
    statuses: Counter[int] = field(default_factory=Counter)
    _stop: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> "Senders":
        self._threads = [threading.Thread(target=self._send, args=(name,)) for name in range(SENDERS)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _send(self, name: int) -> None:
        with self.server.client() as client:
            for number in count():
                if self._stop.is_set():
                    return
                log = {"message": f"sender {name} says {number}", "service": "rotation"}
                # A sender learns of its new key late: half of them keep the old one for most of the overlap.
                secret = self.secret
                time.sleep(0.01 if name % 2 else 0.2)
                status = client.post("/v1/ingest", headers={"X-API-Key": secret}, json=log).status_code
                with self._lock:
                    self.statuses[status] += 1


def rotate(admin: httpx.Client, key_id: str) -> tuple[str, str]:
    answer = admin.post(f"/v1/keys/{key_id}/rotate", json={"overlap_seconds": OVERLAP_SECONDS}).raise_for_status()
    return answer.json()["key"]["id"], answer.json()["secret"]


def test_no_sender_is_refused_when_its_key_is_rotated_under_load(server: TocsinServer) -> None:
    with server.reader() as admin, Senders(server, API_KEY) as senders:
        [key] = admin.get("/v1/keys").raise_for_status().json()["keys"]
        key_id, old = key["id"], API_KEY
        for _ in range(ROTATIONS):
            key_id, new = rotate(admin, key_id)
            senders.secret = new
            time.sleep(OVERLAP_SECONDS / 2)
        time.sleep(HEARD_SECONDS)
        before = senders.statuses.total()
        time.sleep(0.5)
    assert set(senders.statuses) == {200}
    assert senders.statuses.total() > before > SENDERS * ROTATIONS
    with server.client() as client:
        refused = client.post("/v1/ingest", headers={"X-API-Key": old}, json={"message": "too late"})
    assert (refused.status_code, refused.json()["detail"]) == (401, "the API key has expired")
    server.await_logs("service:rotation", senders.statuses[200])


def test_a_revoked_key_is_refused_at_once_by_the_process_that_revoked_it(server: TocsinServer) -> None:
    with server.reader() as admin, server.client() as client:
        made = admin.post("/v1/keys", json={"name": "short-lived", "default_service": "rotation"}).json()
        headers = {"X-API-Key": made["secret"]}
        assert client.post("/v1/ingest", headers=headers, json={"message": "a"}).status_code == 200
        assert admin.delete(f"/v1/keys/{made['key']['id']}").status_code == 204
        assert client.post("/v1/ingest", headers=headers, json={"message": "b"}).status_code == 401
