"""The Redis client, and which of its errors mean that the world outside fails for now."""

from __future__ import annotations

import contextlib
import re
import traceback
from collections.abc import Iterator
from typing import Any

from redis import exceptions
from redis.asyncio import Redis, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from pipeline.errors import Fatal, InfrastructureError, Need, Refusal
from pipeline.logs import log
from pipeline.settings import RedisSettings

Client = Redis | RedisCluster

_SOCKET_SECONDS = 5.0
_NO_RETRIES = 0  # the worker's own loop retries, and knows what a lost answer means
_PASSING_CODES = re.compile(
    r"\b(ASK|BUSY|CLUSTERDOWN|LOADING|MASTERDOWN|MISCONF|MOVED|NOREPLICAS|OOM|READONLY|TRYAGAIN)\b"
)
_PASSING = (
    exceptions.AskError,
    exceptions.ClusterDownError,
    exceptions.ConnectionError,
    exceptions.OutOfMemoryError,
    exceptions.ReadOnlyError,
    exceptions.RedisClusterException,
    exceptions.TimeoutError,
    exceptions.TryAgainError,
    OSError,
)
_DURABLE = {"appendonly": "yes", "maxmemory-policy": "noeviction"}


def connect(settings: RedisSettings) -> Client:
    """A client for one server or a cluster; it connects at its first command."""
    if settings.cluster:
        return RedisCluster.from_url(settings.url, **_options(settings))
    return Redis.from_url(settings.url, **_options(settings))


def connect_to_read(settings: RedisSettings) -> Client:
    """A client for reading alone: to one server it keeps one connection, which costs less.

    Its commands wait for each other; one that finds the connection lost is sent once more.
    """
    if settings.cluster:
        return connect(settings)
    again = Retry(NoBackoff(), 1, supported_errors=(exceptions.ConnectionError,))
    options = _options(settings) | {"retry": again, "single_connection_client": True}
    return Redis.from_url(settings.url, **options)


def _options(settings: RedisSettings) -> dict[str, Any]:
    options: dict[str, Any] = {
        "username": settings.username or None,
        "password": settings.password.value or None,
        "socket_timeout": _SOCKET_SECONDS,
        "socket_connect_timeout": _SOCKET_SECONDS,
        "retry": Retry(NoBackoff(), _NO_RETRIES),
    }
    options = {name: value for name, value in options.items() if value is not None}
    if settings.ca_file:
        options["ssl_ca_certs"] = settings.ca_file
    return options


@contextlib.contextmanager
def translated(doing: str) -> Iterator[None]:
    """Raise InfrastructureError for what passes, Refusal for a password, Fatal for all else."""
    try:
        yield
    except exceptions.AuthenticationError as error:  # to redis-py it is a lost connection
        raise Refusal(
            f"Redis refuses us: {error}",
            "Set PIPELINE_REDIS_USERNAME and PIPELINE_REDIS_PASSWORD to what it knows",
        ) from error
    except _PASSING as error:
        raise InfrastructureError(_said(doing, error), Need.REDIS) from error
    except (AttributeError, RuntimeError, TypeError) as error:
        if not _is_cut_off(error):
            raise
        said = f"Redis, {doing}: the connection was closed meanwhile"
        raise InfrastructureError(said, Need.REDIS) from error
    except exceptions.RedisError as error:
        if _PASSING_CODES.search(str(error)):
            raise InfrastructureError(_said(doing, error), Need.REDIS) from error
        raise Fatal(_said(doing, error)) from error


def _is_cut_off(error: Exception) -> bool:
    """Whether redis-py wrote to a connection that was closed before it came to write.

    Up to 8.1 that comes as whatever the closed connection lacks (redis-py issue 4287), and as a
    RuntimeError of uvloop's, where asyncio's own loop lets the next reading fail.
    """
    frames = traceback.walk_tb(error.__traceback__)
    return any(frame.f_code.co_name == "_send_packed_command" for frame, _ in frames)


def _said(doing: str, error: Exception) -> str:
    return f"Redis, {doing}: {type(error).__name__}: {error}"  # its repr is without the message


async def warn_unless_durable(client: Client) -> None:
    """Say loudly what of Redis's configuration could lose or evict what we write."""
    for name, wanted in _DURABLE.items():
        actual = await _configured(client, name)
        if actual != wanted:
            log.warning("REDIS MAY LOSE DATA", setting=name, actual=actual, wanted=wanted)


async def _configured(client: Client, name: str) -> str:
    """The value of a server's setting, or a word that it is kept secret."""
    with translated("reading its configuration"):
        try:
            found: dict[Any, Any] = await client.config_get(name)
        except exceptions.ResponseError:
            return "not shown"
    return next((_text(value) for value in found.values()), "unknown")


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
