from __future__ import annotations

from pathlib import Path

import pytest

from cli.records.reading import TopicReader
from pipeline.partitioner import partition_of
from pipeline.records import InRecord
from pipeline.settings import Settings
from pipeline.topics import Topics
from tests.cli.helpers import Run

LINES = [b'{"user_id":"u1","a":1}', b"not json \xff", b'{"user_id":"u1","a":2}', b"17"]


def written(settings: Settings, topic: str) -> list[InRecord]:
    with TopicReader.connect(settings.kafka, topic) as reader:
        return list(reader.between(reader.starts(), reader.ends()))


def test_every_line_of_a_file_is_a_record(
    run: Run, settings: Settings, topics: Topics, elsewhere: Path
) -> None:
    (elsewhere / "events").write_bytes(b"\n".join(LINES))
    ended = run("ingest", "events")
    assert ended.status == 0
    assert ended.errors.startswith("4 records acknowledged")
    assert sorted(one.value or b"" for one in written(settings, topics.generated)) == sorted(LINES)


def test_lines_come_through_a_pipe_too(run: Run, settings: Settings, topics: Topics) -> None:
    assert run("ingest", "-", stdin=b"\n".join(LINES)).status == 0
    assert len(written(settings, topics.generated)) == 4


def test_the_lines_of_an_entity_stay_in_order_on_its_partition(
    run: Run, settings: Settings, topics: Topics
) -> None:
    run("ingest", "-", stdin=b"\n".join(LINES))
    mine = [one for one in written(settings, topics.generated) if one.key == b"u1"]
    assert [one.value for one in mine] == [LINES[0], LINES[2]]
    assert {one.partition for one in mine} == {partition_of(b"u1", settings.partitions)}


def test_what_comes_before_a_line_too_long_is_there(
    run: Run, settings: Settings, topics: Topics, elsewhere: Path
) -> None:
    (elsewhere / "events").write_bytes(LINES[0] + b"\n" + b"x" * 3_000_000 + b"\n" + LINES[2])
    ended = run("ingest", "events")
    assert ended.status == 1
    assert "line 2 is longer" in ended.errors
    assert LINES[0] in [one.value for one in written(settings, topics.generated)]


@pytest.mark.usefixtures("topics")
def test_a_file_that_is_not_there_is_one_line(run: Run) -> None:
    ended = run("ingest", "nothing")
    assert ended.errors == "pipeline: nothing cannot be read: No such file or directory\n"


@pytest.mark.usefixtures("settings", "case")
def test_without_its_topic_it_says_how_to_make_it(run: Run) -> None:
    ended = run("ingest", "-", stdin=LINES[0])
    assert ended.status == 3
    assert "pipeline topics create" in ended.errors
