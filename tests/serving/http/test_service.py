"""What holds for every route: a rule, an id, a form of errors, limits, metrics, its documents."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY
from starlette.routing import Route
from structlog.testing import capture_logs

from pipeline.errors import SettingsError
from pipeline.settings import HttpSettings
from pipeline.store.store import Snapshot
from serving.http.endpoint import Endpoint
from serving.http.operation import Access
from tests.serving.http.rig import FAR, USER, Service, folded, reasons
from tests.support.fakes import FakeStore


def operations(service: Service) -> list[Any]:
    endpoints: list[Any] = [
        route.endpoint for route in service.app.routes if isinstance(route, Route)
    ]
    return [one.operation for one in endpoints if isinstance(one, Endpoint)]


def test_there_is_no_route_without_its_rule() -> None:
    for route in Service().app.routes:
        assert isinstance(route, Route), route
        endpoint: Any = route.endpoint
        assert isinstance(endpoint, Endpoint), route.path
        assert isinstance(endpoint.operation.access, Access)


def test_a_file_of_keys_that_is_not_there_refuses_the_start(tmp_path: Path) -> None:
    settings = HttpSettings(keys_file=str(tmp_path / "keys.json"))
    with pytest.raises(SettingsError, match="pipeline keys add"):
        _ = Service(settings=settings).app


async def test_a_stranger_without_a_key_gets_no_more_than_what_is_meant_for_strangers() -> None:
    service = Service(settings=HttpSettings(host="0.0.0.0", address_rate=1000))
    async with service.caller(FAR, "churn.example") as caller:
        for one in operations(service):
            path = one.path.replace("{", "").replace("}", "")
            answer = await caller.request(one.method, path)
            assert (answer.status_code == 403) == (not one.access.strangers), one.path


def test_stored_features_and_events_are_not_for_strangers() -> None:
    guarded = {one.path for one in operations(Service()) if not one.access.strangers}
    users = {"/users/{user_id}", "/users/{user_id}/features", "/users/scores"}
    assert guarded == {*users, "/offers", "/events"}


async def test_every_example_in_the_document_works_when_pasted() -> None:
    service = Service()
    await service.hold(USER, folded())
    async with service.caller() as caller:
        paths = (await caller.get("/openapi.json")).json()["paths"]
        tried = 0
        for path, methods in paths.items():
            for method, one in methods.items():
                filled = path.format(**{p["name"]: p["example"] for p in one.get("parameters", ())})
                status = next(iter(one["responses"]))
                bodies = one["requestBody"]["content"] if "requestBody" in one else {"": None}
                for media, body in bodies.items():
                    answer = await caller.request(method, filled, **_sent(media, body))
                    assert str(answer.status_code) == status, (path, media, answer.text)
                    tried += 1
    assert tried > len(paths)


def _sent(media: str, body: Any) -> dict[str, Any]:
    if body is None:
        return {}
    example = body["example"]
    if media.startswith("multipart/"):
        return {"files": {name: (f"{name}.csv", text) for name, text in example.items()}}
    headers = {"content-type": media}
    if isinstance(example, str):
        return {"content": example, "headers": headers}
    return {"json": example, "headers": headers}


async def test_every_route_but_the_parts_of_the_page_stands_in_the_document() -> None:
    service = Service()
    async with service.caller() as caller:
        found = (await caller.get("/openapi.json")).json()
    named = {
        (one.method.lower(), one.path)
        for one in operations(service)
        if not one.path.startswith("/docs/")
    }
    assert {(m, path) for path, methods in found["paths"].items() for m in methods} == named
    names = [one["operationId"] for methods in found["paths"].values() for one in methods.values()]
    assert len(names) == len(set(names))


async def test_the_first_page_says_what_there_is() -> None:
    async with Service().caller() as caller:
        found = (await caller.get("/")).json()
    assert found["status"] == "ready"
    assert "first_day_churn" in {one["name"] for one in found["models"]}
    async with Service().caller() as caller:
        for link in found["links"].values():
            assert (await caller.get(link)).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "reason"),
    [("GET", "/no", 404, "no_such_path"), ("DELETE", "/events", 405, "no_such_method")],
)
async def test_what_there_is_not_is_told_in_the_form_of_all_errors(
    method: str, path: str, status: int, reason: str
) -> None:
    async with Service().caller() as caller:
        answer = await caller.request(method, path)
    assert (answer.status_code, reasons(answer)) == (status, [("", reason)])
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


async def test_a_caller_s_own_request_id_is_kept() -> None:
    async with Service().caller() as caller:
        answer = await caller.get("/", headers={"X-Request-ID": "trace-1.a_B"})
    assert answer.headers["x-request-id"] == "trace-1.a_B"


@pytest.mark.parametrize("given", ["", "with space", "x" * 65, "a\tb", "é".encode()])
async def test_an_id_that_could_spoil_a_log_is_not_taken(given: str | bytes) -> None:
    async with Service().caller() as caller:
        answer = await caller.get("/", headers=[(b"x-request-id", _bytes(given))])
    assert len(answer.headers["x-request-id"]) == 32


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


class BrokenStore(FakeStore):
    """Fails as nobody expects."""

    async def read(self, *_: object) -> Snapshot:
        raise RuntimeError("the name of Jane Secret")


async def test_what_nobody_expected_is_told_to_no_one_and_logged_by_its_place() -> None:
    with capture_logs() as logs:
        async with Service(store=BrokenStore()).caller() as caller:
            answer = await caller.get(f"/users/{USER}")
    assert (answer.status_code, reasons(answer)) == (500, [("", "internal_error")])
    (line,) = logs
    assert line["error"] == "RuntimeError"
    assert __file__ in line["at"]
    assert "Secret" not in answer.text + str(logs)


class SlowStore(FakeStore):
    """Answers when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Event()
        self.let = asyncio.Event()

    async def read(self, *_: object) -> Snapshot:
        self.asked.set()
        await self.let.wait()
        return Snapshot(None, [])


async def test_a_request_that_takes_too_long_ends() -> None:
    service = Service(store=SlowStore(), settings=HttpSettings(seconds=0.02))
    async with service.caller() as caller:
        answer = await caller.get(f"/users/{USER}")
    assert (answer.status_code, reasons(answer)) == (503, [("", "took_too_long")])


async def test_more_requests_at_once_than_there_is_room_for_are_sent_away() -> None:
    store = SlowStore()
    service = Service(store=store, settings=HttpSettings(concurrent=1))
    async with service.caller() as caller:
        first = asyncio.create_task(caller.get(f"/users/{USER}"))
        await store.asked.wait()
        answer = await caller.get(f"/users/{USER}")
        store.let.set()
        assert (await first).status_code == 404
        assert (await caller.get(f"/users/{USER}")).status_code == 404  # there is room again
    assert (answer.status_code, reasons(answer)) == (503, [("", "too_busy")])
    assert answer.headers["retry-after"] == "1"


async def test_a_body_over_the_limit_is_refused() -> None:
    service = Service(settings=HttpSettings(body_bytes=1024))
    async with service.caller() as caller:
        answer = await caller.post("/events", content=b" " * 1025)
    assert (answer.status_code, reasons(answer)) == (413, [("", "too_large")])


async def test_requests_are_counted_by_route_and_status_not_by_user() -> None:
    service = Service()
    labels = {"route": "/users/{user_id}", "method": "GET", "status": "404"}
    before = REGISTRY.get_sample_value("requests_total", labels) or 0
    async with service.caller() as caller:
        await caller.get("/users/a-very-private-person")
        metrics = (await caller.get("/metrics")).text
    assert REGISTRY.get_sample_value("requests_total", labels) == before + 1
    assert REGISTRY.get_sample_value("request_latency_seconds_count", labels) is not None
    assert "a-very-private-person" not in metrics


async def test_paths_that_there_are_not_make_no_metrics_of_their_own() -> None:
    async with Service().caller() as caller:
        await caller.get("/some-scanner-s-path")
        metrics = (await caller.get("/metrics")).text
    assert "some-scanner-s-path" not in metrics
    assert 'route="unmatched"' in metrics


async def test_scores_show_in_a_metric_by_model_and_version() -> None:
    service = Service()
    await service.hold(USER, folded())
    labels = {"model": "first_day_churn", "version": "1"}
    name = "pipeline_requested_scores_count"
    before = REGISTRY.get_sample_value(name, labels) or 0
    async with service.caller() as caller:
        await caller.get(f"/users/{USER}")
    assert REGISTRY.get_sample_value(name, labels) == before + 1


async def test_no_answer_is_kept_by_a_cache() -> None:
    async with Service().caller() as caller:
        answer: httpx.Response = await caller.get("/")
    assert answer.headers["cache-control"] == "no-store"
