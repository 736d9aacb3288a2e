"""A person sees that the handler is paused, and lets it go on."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

import use_cases
from event_handler.core import STAGE
from event_handler.notes import LetThrough, Note, Pause, encode, resume_group
from pipeline.declaration import UseCase
from pipeline.kafka.admin import Admin, Commit
from pipeline.records import OutRecord
from pipeline.settings import Settings
from pipeline.topics import Topics, group_of
from tests.cli.helpers import Run
from tests.support.events import NOON
from tests.support.kafka import Cluster
from use_cases.first_day_churn import USE_CASE

PAUSE = Pause(NOON, 0.624)


@pytest.fixture
def case(topic_prefix: str, monkeypatch: pytest.MonkeyPatch) -> UseCase:
    """With groups of its own as well: they stay in the Kafka that tests share."""
    own = replace(USE_CASE, name=topic_prefix.strip("-"), topic_prefix=topic_prefix)
    monkeypatch.setattr(use_cases, "load", lambda _name: own)
    return own


@pytest.fixture
def paused(settings: Settings, case: UseCase, topics: Topics) -> UseCase:
    """Partitions 1 and 3 of the source are paused, before the last 4 and 1 records."""
    cluster = Cluster(settings.kafka.bootstrap)
    for partition, count in ((0, 3), (1, 5), (3, 2)):
        cluster.append(topics.generated, partition, [OutRecord(None, b"?")] * count)
    notes = {
        0: encode(Note("id", 1, LetThrough(9))),
        1: encode(Note("id", 1, PAUSE)),
        3: encode(Note("id", 1, PAUSE)),
    }
    with Admin.connect(settings.kafka) as admin:
        admin.commit(
            group_of(case, STAGE),
            {(topics.generated, number): Commit(1, note) for number, note in notes.items()},
        )
    return case


@pytest.mark.usefixtures("topics")
def test_where_nothing_is_paused_it_says_so(run: Run) -> None:
    ended = run("resume", "event_handler")
    assert (ended.status, ended.output) == (0, "event_handler is not paused\n")


@pytest.mark.usefixtures("paused")
def test_the_status_says_what_is_paused_and_how_it_goes_on(run: Run) -> None:
    words = run("status").words
    assert "event_handler is paused since 2025-06-01T12:00:00.000000Z in partitions 1 3" in words
    assert "62% of a minute's records were rejected; `pipeline resume event_handler`" in words


def test_all_that_waits_is_let_through(
    run: Run, paused: UseCase, settings: Settings, topics: Topics
) -> None:
    ended = run("resume", "event_handler")
    assert ended.status == 0
    assert f"5 records that wait in {topics.generated} are let through" in ended.words
    with Admin.connect(settings.kafka) as admin:
        commits = admin.commits(resume_group(paused))
    assert commits == {
        (topics.generated, 1): Commit(5, str(NOON)),
        (topics.generated, 3): Commit(2, str(NOON)),
    }


@pytest.mark.usefixtures("paused")
def test_what_goes_on_is_no_longer_shown_as_paused(run: Run) -> None:
    assert json.loads(run("status", "--json").output)["paused"]
    run("resume", "event_handler")
    assert json.loads(run("status", "--json").output)["paused"] == []
    assert run("resume", "event_handler").output == "event_handler is not paused\n"


def test_a_later_pause_of_the_same_partition_is_another_one(
    run: Run, paused: UseCase, settings: Settings, topics: Topics
) -> None:
    run("resume", "event_handler")
    later = Commit(4, encode(Note("id", 1, Pause(NOON + 1, 0.9))))
    with Admin.connect(settings.kafka) as admin:
        admin.commit(group_of(paused, STAGE), {(topics.generated, 1): later})
    (shown,) = json.loads(run("status", "--json").output)["paused"]
    assert (shown["partitions"], shown["rejected_share"]) == ([1], 0.9)


def test_only_a_stage_that_pauses_can_be_resumed(run: Run) -> None:
    assert run("resume", "serving").status == 2
