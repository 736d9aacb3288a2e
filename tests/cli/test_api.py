"""`pipeline api` as a process: it answers, says what it opens, and ends when asked."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from embedded.ports import free_port
from pipeline.disk import write_whole
from serving.http.keys import new_key, write_keys
from tests.support.kafka import eventually
from tests.support.processes import Worker, running

EVENT = (
    b'{"user_id": "u", "event_type": "bet", "bet_amount": 1, "event_id": "e", '
    b'"event_time": "2026-01-02T03:04:05Z"}'
)
MODELS = Path(__file__).parents[2] / "models"


@contextmanager
def service(directory: Path, *options: str, **settings: str) -> Iterator[tuple[Worker, str]]:
    """A running service that has answered, and its address; there is no Kafka and no Redis."""
    port = free_port()
    nowhere = {"KAFKA": "127.0.0.1:1", "REDIS": "redis://127.0.0.1:1/0", "MODELS": str(MODELS)}
    mine = {f"PIPELINE_{name}": value for name, value in {**nowhere, **settings}.items()}
    command = [sys.executable, "-m", "cli", "api", "--port", str(port), *options]
    root = {"PYTHONPATH": str(MODELS.parent)}
    with running(command, {**os.environ, **root, **mine}, directory / "api.log") as worker:
        address = f"http://127.0.0.1:{port}"
        eventually(lambda: answers(address) or not worker.is_running, 60)
        yield worker, address


def answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/v2/health/live").status_code == 200
    except httpx.TransportError:
        return False


def logged(directory: Path) -> list[str]:
    lines = (directory / "api.log").read_text().splitlines()
    return [json.loads(line)["event"] for line in lines if line.startswith("{")]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Worker, str]]:
    """A service without keys, Kafka and Redis, which the tests of this module share."""
    directory = tmp_path_factory.mktemp("api")
    with service(directory) as (worker, address):
        yield directory, worker, address


def test_it_scores_what_a_request_brings_without_kafka_and_redis(
    alone: tuple[Path, Worker, str],
) -> None:
    _, _, address = alone
    document = httpx.get(f"{address}/openapi.json").json()
    infer = document["paths"]["/v2/models/{name}/infer"]["post"]
    example = infer["requestBody"]["content"]["application/json"]["example"]
    name = infer["parameters"][0]["example"]
    answer = httpx.post(f"{address}/v2/models/{name}/infer", json=example)
    assert answer.status_code == 200
    assert 0 <= answer.json()["outputs"][0]["data"][0] <= 1


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/users/u1", b""),
        pytest.param("POST", "/events", EVENT, marks=pytest.mark.slow),  # Kafka is waited for
    ],
)
def test_it_says_what_it_lacks(
    alone: tuple[Path, Worker, str], method: str, path: str, body: bytes
) -> None:
    answer = httpx.request(method, alone[2] + path, content=body, timeout=30)
    assert answer.status_code == 503
    assert "does not answer" in answer.json()["error"]


def test_the_start_says_that_users_and_events_are_closed_to_strangers(
    alone: tuple[Path, Worker, str],
) -> None:
    assert "no keys: users and events only for programs on this machine" in logged(alone[0])


@pytest.mark.parametrize(("path", "status"), [("/v2/health/ready", 0), ("/ready", 1)])
def test_a_healthcheck_may_ask_it(alone: tuple[Path, Worker, str], path: str, status: int) -> None:
    place = alone[2].removeprefix("http://127.0.0.1") + path
    command = [sys.executable, "-c", "from pipeline.health import main; main()", place]
    assert subprocess.run(command, cwd=MODELS.parent, check=False).returncode == status


def test_a_port_that_is_taken_is_told_before_anything_else(
    alone: tuple[Path, Worker, str],
) -> None:
    port = alone[2].rpartition(":")[2]
    command = [sys.executable, "-m", "cli", "api", "--port", port]
    ended = subprocess.run(
        command, cwd=MODELS.parent, capture_output=True, text=True, check=False, timeout=60
    )
    assert ended.returncode == 3
    assert ended.stdout == ""
    assert f"port {port} of 127.0.0.1 is taken" in ended.stderr
    assert "pipeline api --port" in ended.stderr


def test_a_model_that_was_torn_at_the_start_serves_within_five_seconds_of_its_mending(
    tmp_path: Path,
) -> None:
    models = tmp_path / "models"
    shutil.copytree(MODELS, models)
    path = models / "first_day_churn" / "1" / "model.onnx"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with service(tmp_path, MODELS=str(models)) as (_, address):
        ready = httpx.get(f"{address}/v2/health/ready")
        assert (ready.status_code, ready.headers["retry-after"]) == (503, "5")
        assert "first_day_churn" in ready.json()["error"]
        assert 'model="first_day_churn",what="1"} 1.0' in httpx.get(f"{address}/metrics").text
        write_whole(path, whole)
        eventually(lambda: httpx.get(f"{address}/v2/health/ready").status_code == 200, 5)
        assert httpx.get(f"{address}/v2/models/first_day_churn/ready").status_code == 200


@pytest.mark.slow
def test_it_ends_when_asked(tmp_path: Path) -> None:
    with service(tmp_path) as (worker, _):
        assert worker.ends_on_sigterm(20) == 0


@pytest.mark.slow
def test_with_keys_it_wants_one_even_here(tmp_path: Path) -> None:
    secret, key = new_key("shop", ["predict"])
    write_keys(tmp_path / "keys.json", [key])
    with service(tmp_path, HTTP_KEYS=str(tmp_path / "keys.json")) as (_, address):
        asked = {"authorization": f"Bearer {secret}"}
        assert httpx.get(f"{address}/users/u1").status_code == 401
        assert httpx.get(f"{address}/users/u1", headers=asked).status_code == 503
        assert httpx.post(f"{address}/events", headers=asked).status_code == 403


@pytest.mark.slow
def test_several_processes_tell_of_all_their_requests(tmp_path: Path) -> None:
    with service(tmp_path, "--processes", "2") as (parent, address):
        for _ in range(40):  # each on a connection of its own, so that both processes answer
            httpx.get(address)
        metrics = httpx.get(f"{address}/metrics").text
        ended = parent.ends_on_sigterm(20)  # and takes its children with it
    assert 'requests_total{method="GET",route="/",status="200"} 40.0' in metrics
    assert ended == 0
