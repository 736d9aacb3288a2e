from __future__ import annotations

import pytest

from pipeline.settings import Settings
from pipeline.topics import Topics
from pipeline.world import WorldSize
from tests.cli.helpers import Run
from tests.cli.test_ingest import written
from use_cases.first_day_churn.world import build

WORLD = ("--users", "3", "--events", "4")


def test_a_world_is_sent(run: Run, settings: Settings, topics: Topics) -> None:
    run("generate", *WORLD)
    assert len(written(settings, topics.generated)) == 15


def test_a_topic_that_must_be_empty_gets_the_world_once(
    run: Run, settings: Settings, topics: Topics
) -> None:
    run("generate", *WORLD, "--if-empty")
    again = run("generate", *WORLD, "--if-empty")
    assert "holds records already: nothing sent" in again.output
    assert len(written(settings, topics.generated)) == 15


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
