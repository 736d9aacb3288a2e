"""What this machine lacks for the pipeline, and how to get it."""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from redis import Redis

from cli.runs import ROOT, environment, find, is_set
from embedded.cache import default_cache
from embedded.java import OLDEST, find_java, java_major
from embedded.kafka_jars import VERSION
from embedded.ports import free_port
from embedded.redis_binary import find_redis, version_line
from pipeline.errors import InfrastructureError, PipelineError
from pipeline.kafka.admin import Admin
from pipeline.settings import Settings, read_settings
from pipeline.store.client import translated

_GIB = 1024**3
DISK_BYTES = 2 * _GIB
MEMORY_BYTES = 2 * _GIB
OLDEST_PYTHON = (3, 11)
DURABLE = {"appendonly": "yes", "maxmemory-policy": "noeviction"}


class Verdict(StrEnum):
    """How a finding bears on the pipeline."""

    FINE = "ok"
    NOTE = "note"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: how it is, and what to do about it."""

    subject: str
    verdict: Verdict
    seen: str
    remedy: str = ""


def examine(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Look at everything, one after the other. Blocks for seconds where something is silent."""
    complete = environment(environ, find(environ))
    yield _python()
    if not is_set(environ, "KAFKA"):
        yield _java()
        yield _kafka_software(environ)
    if not is_set(environ, "REDIS"):
        yield _redis_software()
    yield room("disk", shutil.disk_usage(ROOT.absolute().parent).free, DISK_BYTES)
    yield room("memory", available_memory(Path("/proc/meminfo").read_text()), MEMORY_BYTES)
    yield _asked("ports", lambda: f"{free_port()} on 127.0.0.1 is free, and others")
    if is_set(complete, "KAFKA"):
        yield _asked("Kafka", lambda: _kafka(read_settings(complete)))
    if is_set(complete, "REDIS"):
        yield from _redis(read_settings(complete))


def room(subject: str, free: int, needed: int) -> Finding:
    """Whether `free` bytes are enough; too few are a note, for a small run may still fit."""
    seen = f"{free / _GIB:.1f} GiB free"
    if free >= needed:
        return Finding(subject, Verdict.FINE, seen)
    return Finding(subject, Verdict.NOTE, seen, f"Free up to {needed // _GIB} GiB")


def available_memory(meminfo: str) -> int:
    """The bytes that the kernel says are available, out of /proc/meminfo; 0 where it does not."""
    for line in meminfo.splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 0


def durability(config: Mapping[str, str]) -> Iterator[Finding]:
    """Whether a Redis of this configuration keeps what we write."""
    for name, value in DURABLE.items():
        seen = f"{name} is {config.get(name, 'not shown')}"
        good = config.get(name) == value
        remedy = "" if good else f"Set {name} {value} in redis.conf; else Redis may lose features"
        yield Finding("Redis", Verdict.FINE if good else Verdict.NOTE, seen, remedy)


def _python() -> Finding:
    seen = f"{platform.python_version()} at {sys.executable}"
    if sys.version_info >= OLDEST_PYTHON:
        return Finding("Python", Verdict.FINE, seen)
    return Finding("Python", Verdict.MISSING, seen, "Install Python 3.11 or newer")


def _java() -> Finding:
    def look() -> str:
        java = find_java()
        return f"{java_major(java)} at {java}, {OLDEST} or newer is needed"

    return _asked("Java", look)


def _kafka_software(environ: Mapping[str, str]) -> Finding:
    cache = default_cache(environ)
    if any(cache.glob(f"kafka-{VERSION}-*")):
        return Finding("Kafka", Verdict.FINE, f"{VERSION} is in the cache, {cache}")
    remedy = "The first start fetches 45 MB from Maven Central"
    return Finding("Kafka", Verdict.NOTE, f"not in the cache, {cache}", remedy)


def _redis_software() -> Finding:
    def look() -> str:
        binary = find_redis()
        return f"{version_line(binary).partition(' sha=')[0]} at {binary}"

    return _asked("Redis", look)


def _asked(subject: str, look: Callable[[], str]) -> Finding:
    """What `look` sees, or what it raises."""
    try:
        return Finding(subject, Verdict.FINE, look())
    except InfrastructureError as error:
        return Finding(subject, Verdict.MISSING, str(error), "Start it, or mend its address")
    except PipelineError as error:
        problem, _, remedy = str(error).partition(". ")
        return Finding(subject, Verdict.MISSING, problem, remedy)


def _kafka(settings: Settings) -> str:
    with Admin.connect(settings.kafka) as admin:
        admin.partitions(())
    return f"reached at {settings.kafka.bootstrap}"


def _redis(settings: Settings) -> Iterator[Finding]:
    config: dict[str, str] = {}

    def look() -> str:
        with translated("asking how it is configured"), _client(settings) as client:
            for name in DURABLE:  # Redis before 7 takes one at a time
                config.update(client.config_get(name))
        return f"reached at {settings.redis.address}"

    reached = _asked("Redis", look)
    yield reached
    if reached.verdict is Verdict.FINE:
        yield from durability(config)


def _client(settings: Settings) -> Redis:
    return Redis.from_url(
        settings.redis.url,
        username=settings.redis.username or None,
        password=settings.redis.password.value or None,
        decode_responses=True,
        socket_timeout=5,
    )
