"""Events sent over HTTP, again and again, on real servers: each counts once in the end."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx
import orjson
import pytest

from embedded.ports import free_port
from pipeline.keys import FEATURES
from tests.support.kafka import eventually
from tests.support.processes import Worker, World, running
from use_cases.first_day_churn import USE_CASE

MOST = USE_CASE.events_at_once
ROOT = Path(__file__).parents[2]


def body(prefix: str, many: int) -> bytes:
    """Purchases of one user."""
    return b"\n".join(
        orjson.dumps(
            {
                "user_id": "u1",
                "event_type": "purchase",
                "event_time": "2026-01-02T03:04:05Z",
                "event_id": f"{prefix}-{n}",
                "amount": 5,
            }
        )
        for n in range(many)
    )


def answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/v2/health/live").status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture
def events(world: World) -> Iterator[str]:
    """Where events are sent to, with the stages behind it."""
    with ExitStack() as stack:
        stack.enter_context(world.worker("event_handler"))
        stack.enter_context(world.worker("stream_features"))
        port = free_port()
        arguments = ("api", "--port", str(port))
        command = [sys.executable, "-m", "tests.support.command_main", world.name, *arguments]
        environ = {
            **world.environ,
            "PYTHONPATH": str(ROOT),
            "PIPELINE_MODELS": str(ROOT / "models"),
        }
        api: Worker = stack.enter_context(running(command, environ, world.directory / "api.log"))
        address = f"http://127.0.0.1:{port}"
        eventually(lambda: answers(address) or not api.is_running, 60)
        yield f"{address}/events"


@pytest.mark.slow
def test_what_is_taken_counts_once_however_often_it_is_sent(world: World, events: str) -> None:
    assert httpx.post(events, content=body("refused", 20)).status_code == 422
    with ThreadPoolExecutor(4) as pool:
        sent = [pool.submit(httpx.post, events, content=body("a", MOST)) for _ in range(6)]
        assert {one.result().status_code for one in sent} == {202}
    for prefix in ("b", "a", "b"):
        assert httpx.post(events, content=body(prefix, MOST)).status_code == 202
    total = 9 * MOST
    assert sum(world.cluster.ends(world.topics.generated).values()) == total
    eventually(lambda: world.applied(FEATURES) == total, 60)
    (state,) = world.entities(FEATURES).values()
    assert state[b"purchase_count"] == b"%d" % (2 * MOST)
