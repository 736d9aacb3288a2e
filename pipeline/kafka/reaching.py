"""Why Kafka cannot be reached, by one connection to each of its bootstrap servers.

Both clients keep the cause to their logs, and try on until their time is up.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor

from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import (
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

from pipeline.errors import InfrastructureError, Need, Refusal, SettingsError
from pipeline.kafka.client import aiokafka_options
from pipeline.settings import KafkaSettings

_SECONDS = 3.0


def reach(settings: KafkaSettings) -> None:
    """Return once a bootstrap server lets us in; blocks for three seconds for each that hangs.

    Raises Refusal where one turns us away, and InfrastructureError with the cause at each.
    """
    with ThreadPoolExecutor(1) as thread:  # whoever calls may have a loop running
        thread.submit(asyncio.run, _reach(settings)).result()


async def _reach(settings: KafkaSettings) -> None:
    causes = []
    for host, port in _servers(settings.bootstrap):
        try:
            async with asyncio.timeout(_SECONDS):
                await _enter(settings, host, port)
        except (OSError, KafkaError, ValueError) as error:
            refuse_login(settings, f"{host}:{port}", error)
            causes.append(f"{host}:{port} {_cause(settings, error)}")
        else:
            return
    raise InfrastructureError(f"Kafka cannot be reached: {'; '.join(causes)}", Need.KAFKA)


def _servers(bootstrap: str) -> list[tuple[str, int]]:
    try:
        return [(host, port) for host, port, _ in collect_hosts(bootstrap)]
    except ValueError:
        raise SettingsError(f"PIPELINE_KAFKA is {bootstrap!r}", "Set it to HOST:PORT") from None


async def _enter(settings: KafkaSettings, host: str, port: int) -> None:
    """Connect, log in, and ask something: a server that wants a login answers the first alone."""
    options = aiokafka_options(settings)
    del options["bootstrap_servers"]
    connection = await create_conn(host, port, client_id="pipeline-reach", **options)
    try:
        await connection.send(MetadataRequest([]))
    finally:
        connection.close()


def refuse_login(settings: KafkaSettings, server: str, error: Exception) -> None:
    """Raise Refusal for an error that says that the server does not take our login."""
    if isinstance(error, SaslAuthenticationFailed):
        raise Refusal(
            f"Kafka at {server} refuses the login as {settings.username!r}",
            "Set PIPELINE_KAFKA_USERNAME and PIPELINE_KAFKA_PASSWORD to what it knows",
        ) from error
    if isinstance(error, IllegalSaslStateError):
        raise Refusal(
            f"Kafka at {server} takes no login", "Set PIPELINE_KAFKA_PROTOCOL without SASL"
        ) from error
    if isinstance(error, UnsupportedSaslMechanismError):
        raise Refusal(
            f"Kafka at {server} does not know PIPELINE_KAFKA_MECHANISM={settings.mechanism}",
            "Set it to one that it has enabled",
        ) from error


def _cause(settings: KafkaSettings, error: Exception) -> str:
    """What an error means to whoever has set the address."""
    if isinstance(error, socket.gaierror):
        return "is a host that nobody knows"
    if isinstance(error, ConnectionRefusedError):
        return "refuses the connection: nothing listens there"
    if isinstance(error, ssl.SSLError):
        return f"cannot agree on TLS with us: {error.reason or error}"
    if isinstance(error, TimeoutError):
        return f"does not answer as Kafka within {_SECONDS:g} s"
    if isinstance(error, KafkaConnectionError | ConnectionResetError):
        return f"closes the connection; PIPELINE_KAFKA_PROTOCOL is {settings.protocol}"
    return f"fails: {error!r}"
