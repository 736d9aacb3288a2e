from __future__ import annotations

import socket

import pytest

from cli.stack.api_port import check_address, with_api_port
from embedded.ports import HOST, free_port
from pipeline.errors import SettingsError

PORT = "PIPELINE_HTTP_PORT"


def test_the_usual_port_is_taken_where_nobody_answers() -> None:
    usual = free_port()
    assert with_api_port({"A": "b"}, usual) == {"A": "b", PORT: str(usual)}


def test_a_port_that_is_asked_for_is_left() -> None:
    assert with_api_port({PORT: "80"}, free_port()) == {PORT: "80"}


def test_where_somebody_answers_already_any_other_port_will_do() -> None:
    with socket.create_server((HOST, 0)) as server:
        assert PORT not in with_api_port({}, server.getsockname()[1])


def test_a_free_address_is_one_to_listen_on() -> None:
    check_address(HOST, free_port())
    check_address(HOST, 0)


def test_a_port_that_is_taken_is_told_with_how_to_name_another() -> None:
    with socket.create_server((HOST, 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(SettingsError, match=rf"port {port} of {HOST} is taken.*--port"):
            check_address(HOST, port)


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid", "2001:db8::1"])
def test_an_address_that_is_not_this_machine_s_is_told(host: str) -> None:
    with pytest.raises(SettingsError, match=f"cannot listen on {host}, port 8000: .*--host"):
        check_address(host, 8000)
