"""The network in between holds back what comes during a stall, and can break every connection."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from embedded.ports import HOST, free_port
from tests.faults.proxy import Proxy
from tests.support.kafka import eventually

SECONDS = 10.0


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server((HOST, 0)) as server:
        server.settimeout(SECONDS)
        yield server


@pytest.fixture
def proxy(listener: socket.socket) -> Iterator[Proxy]:
    with Proxy(free_port(), listener.getsockname()[1]) as proxy:
        yield proxy


@pytest.fixture
def ends(proxy: Proxy, listener: socket.socket) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a connection through the proxy, that has carried something."""
    host, port = proxy.address.split(":")
    with socket.create_connection((host, int(port)), SECONDS) as near:
        far, _ = listener.accept()
        with far:
            far.settimeout(SECONDS)
            near.sendall(b"hello")
            assert far.recv(10) == b"hello"
            yield near, far


def test_what_comes_during_a_stall_arrives_after_it(
    proxy: Proxy, ends: tuple[socket.socket, socket.socket]
) -> None:
    near, far = ends
    proxy.stall()
    near.sendall(b"late")
    eventually(lambda: proxy.held == 1)
    far.settimeout(0.0)
    with pytest.raises(BlockingIOError):
        far.recv(10)
    proxy.go_on()
    far.settimeout(SECONDS)
    assert far.recv(10) == b"late"


def test_a_reset_breaks_a_connection_at_both_ends(
    proxy: Proxy, ends: tuple[socket.socket, socket.socket]
) -> None:
    assert proxy.reset() == len(ends)
    for end in ends:
        with pytest.raises(ConnectionResetError):
            end.recv(10)


def test_an_end_is_heard_at_the_other_end(ends: tuple[socket.socket, socket.socket]) -> None:
    near, far = ends
    near.close()
    assert far.recv(10) == b""
