from __future__ import annotations

import itertools

import pytest

from cli.demo.sending import Sending
from cli.records.reading import TopicReader
from generator.pace import AtRate, FullSpeed
from pipeline.clock import SystemClock
from pipeline.declaration import UseCase
from pipeline.errors import Refusal
from pipeline.settings import Settings
from pipeline.topics import Topics
from pipeline.world import SourceRecord
from tests.cli.helpers import eventually

RECORDS = [SourceRecord(b"u%d" % (number % 7), b"%d" % number) for number in range(100)]


def count(settings: Settings, topic: str) -> int:
    with TopicReader.connect(settings.kafka, topic) as reader:
        return sum(reader.ends().values())


def test_all_records_are_sent_from_a_thread(
    settings: Settings, case: UseCase, topics: Topics
) -> None:
    with Sending(settings.kafka, case, iter(RECORDS), FullSpeed()) as sending:
        assert eventually(sending.is_done)
    assert sending.sent == count(settings, topics.generated) == 100


@pytest.mark.usefixtures("topics")
def test_leaving_early_stops_what_would_go_on_for_ever(settings: Settings, case: UseCase) -> None:
    pace = AtRate(200, SystemClock())
    with Sending(settings.kafka, case, itertools.cycle(RECORDS), pace) as sending:
        assert eventually(lambda: sending.sent > 0)
    assert not sending._thread.is_alive()


def test_what_sending_raises_comes_out_in_the_main_thread(
    settings: Settings, case: UseCase
) -> None:
    with (
        Sending(settings.kafka, case, iter(RECORDS), FullSpeed()) as sending,
        pytest.raises(Refusal, match="does not exist"),
    ):
        assert eventually(sending.is_done)
