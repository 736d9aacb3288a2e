"""A command that cannot reach Kafka says why in one line, and with which status."""

from __future__ import annotations

import pytest

from embedded.ports import free_port
from tests.cli.helpers import Run

WRONG_LOGIN = {
    "PIPELINE_KAFKA_PROTOCOL": "SASL_PLAINTEXT",
    "PIPELINE_KAFKA_USERNAME": "user",
    "PIPELINE_KAFKA_PASSWORD": "wrong",
    "PIPELINE_REDIS": "redis://127.0.0.1:1/0",
}
COMMANDS = [("status",), ("topics", "create"), ("tail", "incoming-events")]


@pytest.mark.usefixtures("kafka")
@pytest.mark.parametrize("command", COMMANDS)
def test_a_wrong_password_is_told_as_such(
    run: Run, monkeypatch: pytest.MonkeyPatch, kafka_by_login: str, command: tuple[str, ...]
) -> None:
    for name, value in {**WRONG_LOGIN, "PIPELINE_KAFKA": kafka_by_login}.items():
        monkeypatch.setenv(name, value)
    ended = run(*command)
    assert (ended.status, ended.errors.count("\n")) == (3, 1)
    assert "refuses the login as 'user'. Set PIPELINE_KAFKA_USERNAME" in ended.errors


@pytest.mark.parametrize("command", COMMANDS)
def test_a_port_where_nothing_listens_is_told_as_such(
    run: Run, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setenv("PIPELINE_KAFKA", f"127.0.0.1:{free_port()}")
    monkeypatch.setenv("PIPELINE_REDIS", "redis://127.0.0.1:1/0")
    ended = run(*command)
    assert ended.status == 4
    assert "refuses the connection: nothing listens there" in ended.errors
