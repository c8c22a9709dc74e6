from typing import Any

import httpx
import pytest


@pytest.fixture
async def description(client: httpx.AsyncClient) -> dict[str, Any]:
    answer = await client.get("/openapi.json")
    parsed: dict[str, Any] = answer.raise_for_status().json()
    return parsed


def references(node: Any) -> set[str]:
    """Every ``$ref`` in the description."""
    if isinstance(node, dict):
        found = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
        return found.union(*(references(child) for child in node.values()))
    return set().union(*(references(child) for child in node)) if isinstance(node, list) else set()


def operations(description: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation)
        for path, item in description["paths"].items()
        for method, operation in item.items()
        if method in {"get", "post", "put", "patch", "delete"}
    ]


async def test_description_has_the_endpoints_of_every_room(description: dict[str, Any]) -> None:
    assert description["openapi"].startswith("3.1")
    assert {"/v1/ingest", "/v1/logs", "/v1/auth/login", "/v1/keys", "/healthz", "/metrics"} <= set(description["paths"])


async def test_every_reference_leads_somewhere(description: dict[str, Any]) -> None:
    for reference in references(description):
        node: Any = description
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]


async def test_operation_ids_are_unique(description: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(description)]
    assert len(ids) == len(set(ids))


async def test_every_operation_has_a_summary_and_a_tag_that_is_described(description: dict[str, Any]) -> None:
    described = {tag["name"] for tag in description["tags"]}
    for path, method, operation in operations(description):
        assert operation.get("summary"), (path, method)
        assert set(operation.get("tags", [])) <= described, (path, method)
        assert operation.get("tags"), (path, method)


async def test_only_public_operations_need_no_credentials(description: dict[str, Any]) -> None:
    public = {path for path, _, operation in operations(description) if not operation.get("security")}
    signing_in = {f"/v1/auth/{step}" for step in ("login", "refresh", "reset-password", "accept-invitation")}
    assert public == {"/healthz", "/readyz", "/metrics"} | signing_in


async def test_every_scheme_that_operations_name_is_described(description: dict[str, Any]) -> None:
    described = set(description["components"]["securitySchemes"])
    for path, _, operation in operations(description):
        for requirement in operation.get("security") or []:
            assert set(requirement) <= described, path
