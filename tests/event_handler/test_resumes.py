"""Asking whether a pause is over, on the real Kafka."""

from __future__ import annotations

import pytest

from event_handler.notes import Pause
from event_handler.resumes import CommittedResumes
from pipeline.clock import FixedClock
from pipeline.errors import InfrastructureError
from pipeline.kafka.admin import Admin, Commit
from pipeline.settings import KafkaSettings
from tests.support.events import NOON, SECOND
from tests.support.kafka import Cluster

PAUSE = Pause(NOON, 0.9)


@pytest.fixture
def place(kafka: str, topic_prefix: str) -> tuple[str, int]:
    return Cluster(kafka).create(f"{topic_prefix}t"), 0


def resume(kafka: str, place: tuple[str, int], before: int) -> None:
    with Admin.connect(KafkaSettings(kafka)) as admin:
        admin.commit(f"{place[0]}-resume", {place: Commit(before, str(PAUSE.at))})


def resumes(kafka: str, place: tuple[str, int], clock: FixedClock) -> CommittedResumes:
    return CommittedResumes(KafkaSettings(kafka), f"{place[0]}-resume", clock)


async def test_an_answer_ends_the_pause_that_it_is_for(kafka: str, place: tuple[str, int]) -> None:
    resume(kafka, place, 17)
    asked = resumes(kafka, place, FixedClock(NOON))
    assert await asked.let_through(place, PAUSE) == 17
    assert await asked.let_through(place, Pause(NOON + 1, 0.9)) is None
    assert await asked.let_through((place[0], 1), PAUSE) is None


async def test_kafka_is_asked_again_after_two_seconds(kafka: str, place: tuple[str, int]) -> None:
    clock = FixedClock(NOON)
    asked = resumes(kafka, place, clock)
    assert await asked.let_through(place, PAUSE) is None
    resume(kafka, place, 17)
    assert await asked.let_through(place, PAUSE) is None
    clock.at += 2 * SECOND
    assert await asked.let_through(place, PAUSE) == 17


class Away(CommittedResumes):
    """Kafka does not answer."""

    def _committed(self) -> dict[tuple[str, int], Commit]:
        raise InfrastructureError("Kafka is away")


async def test_while_kafka_is_away_a_pause_lasts() -> None:
    asked = Away(KafkaSettings("127.0.0.1:1"), "group", FixedClock(NOON))
    assert await asked.let_through(("t", 0), PAUSE) is None
