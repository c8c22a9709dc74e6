"""The page behind the links of invitations and resets; what it does with a link is the API's, tested elsewhere."""

import re

import pytest

from tests.support.server import TocsinServer
from tocsin.accounts.passwords import MINIMUM_CHARACTERS


def test_page_loads_only_its_own_files_and_forbids_the_rest(server: TocsinServer) -> None:
    with server.client() as client:
        page = client.get("/set-password").raise_for_status()
        loaded = [url for url in re.findall(r'(?:src|href)="([^"]+)"', page.text) if url.startswith("/set-password")]
        kinds = {client.get(url).raise_for_status().headers["Content-Type"].partition(";")[0] for url in loaded}
    assert page.headers["Content-Type"].startswith("text/html")
    assert kinds == {"text/javascript", "text/css"}
    # A script or style within the page would need 'unsafe-inline'.
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "connect-src 'self'" in page.headers["Content-Security-Policy"]
    assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son[a-z]+=", page.text)


@pytest.mark.parametrize("path", ["", "/form.js", "/form.css"])
def test_answers_of_the_page_neither_leak_nor_are_taken_for_something_else(server: TocsinServer, path: str) -> None:
    with server.client() as client:
        headers = client.get(f"/set-password{path}").raise_for_status().headers
    assert set(headers.get_list("Referrer-Policy")) == {"no-referrer"}
    assert set(headers.get_list("X-Content-Type-Options")) == {"nosniff"}
    assert re.search("no-store|no-cache", headers["Cache-Control"])


@pytest.mark.parametrize("name", ["page.html", "nothing.js", "..%2fscalar.html", "%2e%2e"])
def test_nothing_else_is_served_beside_the_page(server: TocsinServer, name: str) -> None:
    with server.client() as client:
        assert client.get(f"/set-password/{name}").status_code in {404, 405}


def test_script_says_the_minimum_length_that_the_server_wants(server: TocsinServer) -> None:
    with server.client() as client:
        page, script = client.get("/set-password").text, client.get("/set-password/form.js").text
    assert f"At least {MINIMUM_CHARACTERS} characters" in page
    assert f"MINIMUM_CHARACTERS = {MINIMUM_CHARACTERS};" in script
