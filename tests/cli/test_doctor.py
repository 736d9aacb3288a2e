from __future__ import annotations

from pathlib import Path

import pytest

from cli.doctor import Verdict, available_memory, durability, room
from pipeline.settings import Settings
from tests.cli.helpers import Run

GIB = 1024**3


def test_enough_room_is_fine() -> None:
    assert room("disk", 2 * GIB, 2 * GIB).verdict is Verdict.FINE


def test_too_little_room_is_noted_with_what_to_do() -> None:
    finding = room("disk", GIB, 2 * GIB)
    assert (finding.verdict, finding.remedy) == (Verdict.NOTE, "Free up to 2 GiB")


@pytest.mark.parametrize(
    ("meminfo", "available"),
    [("MemTotal: 9 kB\nMemAvailable:    2048 kB\n", 2 * 1024 * 1024), ("", 0)],
)
def test_available_memory_is_read_from_the_kernel(meminfo: str, available: int) -> None:
    assert available_memory(meminfo) == available


def test_a_redis_that_may_lose_data_is_noted_for_each_reason() -> None:
    findings = durability({"appendonly": "no", "maxmemory-policy": "allkeys-lru"})
    assert [finding.verdict for finding in findings] == [Verdict.NOTE, Verdict.NOTE]


def test_a_redis_that_keeps_data_is_fine() -> None:
    findings = durability({"appendonly": "yes", "maxmemory-policy": "noeviction"})
    assert [finding.verdict for finding in findings] == [Verdict.FINE, Verdict.FINE]


def test_where_kafka_and_redis_answer_nothing_is_missing(run: Run, settings: Settings) -> None:
    ended = run("doctor")
    assert ended.status == 0
    assert f"reached at {settings.kafka.bootstrap}" in ended.words
    assert "appendonly is yes" in ended.words


def test_a_redis_that_does_not_answer_is_missing(
    run: Run, kafka: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIPELINE_KAFKA", kafka)
    monkeypatch.setenv("PIPELINE_REDIS", "redis://127.0.0.1:1/0")
    ended = run("doctor")
    assert ended.status == 1
    assert "Start it, or mend its address" in ended.words


def test_what_an_embedded_run_needs_is_looked_for(
    run: Run, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIPELINE_CACHE", str(elsewhere / "no cache"))
    ended = run("doctor")
    assert "The first start fetches 45 MB from Maven Central" in ended.words
