from __future__ import annotations

import socket

from cli.stack.api_port import with_api_port
from embedded.ports import HOST, free_port

PORT = "PIPELINE_HTTP_PORT"


def test_the_usual_port_is_taken_where_nobody_answers() -> None:
    usual = free_port()
    assert with_api_port({"A": "b"}, usual) == {"A": "b", PORT: str(usual)}


def test_a_port_that_is_asked_for_is_left() -> None:
    assert with_api_port({PORT: "80"}, free_port()) == {PORT: "80"}


def test_where_somebody_answers_already_any_other_port_will_do() -> None:
    with socket.create_server((HOST, 0)) as server:
        assert PORT not in with_api_port({}, server.getsockname()[1])
