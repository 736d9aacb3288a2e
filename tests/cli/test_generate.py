from __future__ import annotations

import pytest

from pipeline.records import OutRecord
from pipeline.settings import Settings
from pipeline.topics import Topics
from pipeline.world import WorldSize
from tests.cli.helpers import Run
from tests.cli.test_ingest import written
from tests.support.kafka import Cluster
from use_cases.first_day_churn.world import build

WORLD = ("--users", "3", "--events", "4")


def test_a_world_is_sent(run: Run, settings: Settings, topics: Topics) -> None:
    run("generate", *WORLD)
    assert len(written(settings, topics.generated)) == 15


def values(settings: Settings, topics: Topics) -> list[bytes | None]:
    return [one.value for one in written(settings, topics.generated)]


def test_a_world_that_was_stopped_goes_on_and_comes_out_once(
    run: Run, settings: Settings, topics: Topics
) -> None:
    run("generate", *WORLD, "--limit", "6")
    ended = run("generate", *WORLD, "--resume")
    assert f"9 records sent to {topics.generated}" in ended.output
    whole = [record.value for record in build(WorldSize(3, 4, 1)).events()]
    assert sorted(map(str, values(settings, topics))) == sorted(map(str, whole))


def test_a_world_that_is_there_is_not_sent_again(
    run: Run, settings: Settings, topics: Topics
) -> None:
    run("generate", *WORLD, "--resume")
    again = run("generate", *WORLD, "--resume")
    assert "0 records sent" in again.output
    assert "holds the whole world already" in again.output
    assert len(values(settings, topics)) == 15


def test_what_others_sent_does_not_end_the_world(
    run: Run, settings: Settings, topics: Topics
) -> None:
    run("generate", *WORLD, "--limit", "6")
    Cluster(settings.kafka.bootstrap).append(topics.generated, 0, [OutRecord(b"u", b"{}")] * 3)
    run("generate", *WORLD, "--resume")
    assert len(values(settings, topics)) == 18


def test_in_real_time_there_is_no_world_to_go_on_with(run: Run, settings: Settings) -> None:  # noqa: ARG001 - a Kafka to send to
    ended = run("generate", "--real-time", "--resume", "--limit", "1")
    assert ended.status == 3
    assert "Leave --resume out" in ended.errors


def test_a_world_may_drift(run: Run, settings: Settings, topics: Topics) -> None:
    run("generate", "--users", "40", "--events", "20", "--drift", "0")
    drifted = [one.value for one in written(settings, topics.generated)]
    assert len(drifted) == 840
    usual = [record.value for record in build(WorldSize(40, 20, 1)).events()]
    assert {*drifted} != {*usual}


@pytest.mark.usefixtures("settings")
def test_in_real_time_no_world_drifts(run: Run) -> None:
    ended = run("generate", "--drift", "0.5", "--real-time", "--limit", "1")
    assert ended.status == 3
    assert "without --real-time" in ended.errors
