"""The way around the router ends where the router would have ended."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.routing import Match

from serving.http.endpoint import Endpoint
from tests.serving.http.rig import Service

SERVICE = Service()
APP: Any = SERVICE.app
PATHS = (
    *("/", "/predict", "/users/scores", "/v1/customer", "/metrics", "/v2", "/openapi.json"),
    *("/users/3f2a-7", "/users/a b", "/users/é", "/users/..", "/users/3f2a-7/features"),
    *("/users", "/users/", "/users//", "/users/a/b", "//users/a", "/users/a/", "/nothing", ""),
    *("/v2/models/subscription_churn/infer", "/v2/models/other/infer", "/v2/models/telecom_churn"),
    *("/v2/models/", "/v2/models//infer", "/v2/models/a/ready", "/docs", "/docs/", "/docs/x"),
)


def routed(method: str, path: str) -> tuple[Any, dict[str, Any]] | None:
    """Where the router ends."""
    for route in APP.router.routes:
        scope = {"type": "http", "method": method, "path": path}
        match, found = route.matches(scope)
        if match is Match.FULL:
            return found["endpoint"], found["path_params"]
    return None


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "DELETE"])
@pytest.mark.parametrize("path", PATHS)
def test_what_is_found_directly_is_what_the_router_finds(method: str, path: str) -> None:
    found = APP.directory.find(method, path)
    if found is not None:
        assert (found.endpoint, found.parameters) == routed(method, path)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/predict"),
        ("POST", "/v2/models/subscription_churn/infer"),
        ("GET", "/users/3f2a-7"),
        ("GET", "/v2/health/live"),
    ],
)
def test_what_is_asked_for_most_is_found_directly(method: str, path: str) -> None:
    found = APP.directory.find(method, path)
    assert found is not None
    assert isinstance(found.endpoint, Endpoint)


async def test_with_and_without_the_router_the_answer_is_the_same() -> None:
    async with SERVICE.caller() as caller:
        direct = await caller.get("/users/nobody")
        routed = await caller.get("/users/nobody/features")
    assert (direct.status_code, routed.status_code) == (404, 404)
    assert direct.headers.keys() == routed.headers.keys()
    assert direct.json()["errors"] == routed.json()["errors"]
