from __future__ import annotations

import pytest

from cli.records.reading import TopicReader
from pipeline.control import Erase, decode_control, is_control
from pipeline.partitioner import partition_of
from pipeline.settings import Settings
from pipeline.topics import Topics
from tests.cli.helpers import Run

USER = "zoë"


def test_the_record_that_erases_is_on_the_user_s_partition(
    run: Run, settings: Settings, topics: Topics
) -> None:
    ended = run("forget", USER)
    assert ended.status == 0
    with TopicReader.connect(settings.kafka, topics.incoming) as reader:
        (record,) = reader.between(reader.starts(), reader.ends())
    assert record.partition == partition_of(USER.encode(), settings.partitions)
    assert is_control(record.headers)
    assert decode_control(record.value) == Erase(USER)
    assert f"user_id {USER}" in ended.output


@pytest.mark.parametrize(("days", "until"), [("0", "for ever"), ("90", "after 90 days")])
@pytest.mark.usefixtures("settings", "topics")
def test_it_says_what_else_holds_the_user_and_until_when(
    run: Run, monkeypatch: pytest.MonkeyPatch, days: str, until: str
) -> None:
    monkeypatch.setenv("PIPELINE_RETENTION_DAYS", days)
    output = run("forget", USER).output
    (parquet,) = (line for line in output.splitlines() if "Parquet in" in line)
    assert until in parquet
    for where in ("Kafka", "datasets", "reports", "contacts", "append-only file", "rebuild"):
        assert where in output


@pytest.mark.parametrize("user", ["", "u" * 129, "a\x07b"])
def test_what_no_event_could_be_about_is_refused(
    run: Run, settings: Settings, topics: Topics, user: str
) -> None:
    ended = run("forget", user)
    assert ended.status == 3
    assert len(ended.errors.splitlines()) == 1
    with TopicReader.connect(settings.kafka, topics.incoming) as reader:
        assert set(reader.ends().values()) == {0}


@pytest.mark.usefixtures("settings", "case")
def test_without_the_topic_it_is_refused(run: Run) -> None:
    assert run("forget", USER).status == 3
