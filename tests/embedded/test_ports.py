from __future__ import annotations

import random
import socket
from collections.abc import Iterator

import pytest

from embedded.ports import CLUSTER_BUS, HOST, PORTS, free_port
from pipeline.errors import Refusal


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> int:
    """The one port that is looked at."""
    port = free_port()
    monkeypatch.setattr(random, "sample", lambda _ports, _count: [port])
    return port


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket() as listener:
        yield listener


def test_a_free_port_is_given(only: int) -> None:
    assert free_port() == only


def test_a_port_where_something_listens_is_not_given(only: int, listener: socket.socket) -> None:
    listener.bind((HOST, only))
    with pytest.raises(Refusal):
        free_port()


def test_a_port_whose_cluster_bus_would_find_its_own_taken_is_not_given(
    only: int, listener: socket.socket
) -> None:
    listener.bind((HOST, only + CLUSTER_BUS))
    with pytest.raises(Refusal):
        free_port()


def test_no_outgoing_connection_takes_one_between_the_look_and_the_start() -> None:
    assert max(PORTS) + CLUSTER_BUS < 32_768
    assert not set(PORTS) & set(range(PORTS.start + CLUSTER_BUS, PORTS.stop + CLUSTER_BUS))
