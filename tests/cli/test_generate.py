from __future__ import annotations

from pipeline.settings import Settings
from pipeline.topics import Topics
from tests.cli.helpers import Run
from tests.cli.test_ingest import written

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
