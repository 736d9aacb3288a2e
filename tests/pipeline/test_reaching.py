"""Whoever cannot reach Kafka is told why, at once: each cause, by a worker and a command alike."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from embedded.ports import free_port
from pipeline.errors import InfrastructureError, Refusal, SettingsError
from pipeline.kafka.admin import Admin
from pipeline.kafka.reaching import reach
from pipeline.settings import KafkaSettings, Secret


def login(server: str, password: str = "password", mechanism: str = "PLAIN") -> KafkaSettings:
    return KafkaSettings(
        server, "SASL_PLAINTEXT", mechanism, username="user", password=Secret(password)
    )


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that takes connections and says nothing."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_a_server_that_answers_is_reached(kafka: str, kafka_by_login: str) -> None:
    reach(KafkaSettings(kafka))
    reach(login(kafka_by_login))


def test_one_of_several_servers_is_enough(kafka: str) -> None:
    reach(KafkaSettings(f"127.0.0.1:{free_port()},{kafka}"))


@pytest.mark.usefixtures("kafka")
def test_a_wrong_password_is_refused_at_once_and_not_told(kafka_by_login: str) -> None:
    began = time.monotonic()
    with pytest.raises(Refusal, match=r"refuses the login as 'user'.*KAFKA_PASSWORD") as refused:
        reach(login(kafka_by_login, "not-this-one"))
    assert time.monotonic() - began < 3
    assert "not-this-one" not in str(refused.value)


@pytest.mark.usefixtures("kafka")
def test_a_mechanism_that_is_not_enabled_is_refused(kafka_by_login: str) -> None:
    with pytest.raises(Refusal, match=r"KAFKA_MECHANISM=SCRAM-SHA-256"):
        reach(login(kafka_by_login, mechanism="SCRAM-SHA-256"))


def test_a_login_where_there_is_none_is_refused(kafka: str) -> None:
    with pytest.raises(Refusal, match=r"takes no login.*KAFKA_PROTOCOL"):
        reach(login(kafka))


@pytest.mark.usefixtures("kafka")
def test_no_login_where_there_should_be_one_is_said(kafka_by_login: str) -> None:
    with pytest.raises(InfrastructureError, match=r"closes the connection; .* is PLAINTEXT"):
        reach(KafkaSettings(kafka_by_login))


def test_a_port_where_nothing_listens_is_said() -> None:
    port = free_port()
    with pytest.raises(InfrastructureError, match=f":{port} refuses the connection: nothing"):
        reach(KafkaSettings(f"127.0.0.1:{port}"))


def test_a_host_that_nobody_knows_is_said() -> None:
    with pytest.raises(InfrastructureError, match=r"no-such-host.invalid:9092 is a host"):
        reach(KafkaSettings("no-such-host.invalid:9092"))


def test_a_server_that_says_nothing_is_waited_for_three_seconds(silent: str) -> None:
    with pytest.raises(InfrastructureError, match=r"does not answer as Kafka within 3 s"):
        reach(KafkaSettings(silent))


def test_the_port_of_redis_is_no_kafka(redis_url: str) -> None:
    server = redis_url.rpartition("@")[2].removeprefix("redis://").partition("/")[0]
    with pytest.raises(InfrastructureError, match=server):
        reach(KafkaSettings(server))


def test_tls_with_a_server_that_has_none_is_said(kafka: str) -> None:
    with pytest.raises(InfrastructureError, match=r"TLS|closes the connection"):
        reach(KafkaSettings(kafka, "SSL"))


def test_the_cause_at_each_server_is_said(silent: str) -> None:
    port = free_port()
    with pytest.raises(InfrastructureError, match=f"(?=.*{silent} does not)(?=.*:{port} refuses)"):
        reach(KafkaSettings(f"{silent},127.0.0.1:{port}"))


def test_an_address_that_is_none_is_a_wrong_setting() -> None:
    with pytest.raises(SettingsError, match="PIPELINE_KAFKA is 'here:there'"):
        reach(KafkaSettings("here:there"))


async def test_it_can_be_asked_inside_a_running_loop(kafka: str) -> None:
    with Admin.connect(KafkaSettings(kafka)) as admin:
        assert admin.partitions(("none",)) == {}
