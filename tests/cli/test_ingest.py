"""`pipeline ingest` on the real Kafka: each line of a file once, whatever happens."""

from __future__ import annotations

import os
import subprocess
import threading
from collections import Counter
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest

import use_cases
from cli.records import pieces
from cli.records.reading import TopicReader
from cli.records.transactions import noted
from pipeline.declaration import UseCase
from pipeline.partitioner import partition_of
from pipeline.records import InRecord
from pipeline.settings import Settings
from pipeline.topics import Topics, ingested_of
from tests.cli.helpers import Run, commanding
from tests.support.kafka import eventually
from use_cases.first_day_churn import USE_CASE

STEPS = ("before-ingest", "before-ingest-note", "before-ingest-commit", "after-ingest-commit")
LINES = [b'{"user_id":"u1","a":1}', b"not json \xff", b'{"user_id":"u1","a":2}', b"17"]


@pytest.fixture
def case(topic_prefix: str, monkeypatch: pytest.MonkeyPatch) -> UseCase:
    """With a transactional id of its own as well."""
    own = replace(USE_CASE, name=topic_prefix.strip("-"), topic_prefix=topic_prefix)
    monkeypatch.setattr(use_cases, "load", lambda _name: own)
    return own


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


def rows(many: int) -> list[bytes]:
    """Lines without ids, thirty of them in a transaction of `small_pieces`."""
    return [b'{"user_id":"u%d","number":%d}' % (n % 7, n) for n in range(many)]


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `ingest_main` has them."""
    monkeypatch.setattr(pieces, "PIECE_BYTES", 1_000)


def counts(settings: Settings, topics: Topics) -> Counter[bytes]:
    """How often each line is in the source."""
    return Counter(one.value or b"" for one in written(settings, topics.generated))


def test_run_again_a_file_comes_in_no_more_also_under_another_name(
    run: Run, settings: Settings, topics: Topics, elsewhere: Path
) -> None:
    content = b"\n".join(LINES) + b"\n"
    for name in ("events", "events", "copy", "copy"):
        (elsewhere / name).write_bytes(content)
        assert run("ingest", name).status == 0
    ended = run("ingest", "copy")
    assert ended.errors.startswith("0 records acknowledged")
    assert "4 lines had come in before" in ended.errors
    assert counts(settings, topics) == Counter(LINES)


def test_a_grown_file_goes_on_and_a_changed_one_is_refused(
    run: Run, settings: Settings, topics: Topics, elsewhere: Path
) -> None:
    path = elsewhere / "events"
    for end in (2, 4):
        path.write_bytes(b"\n".join(LINES[:end]) + b"\n")
        assert run("ingest", "events").status == 0
    path.write_bytes(b"\n".join([*LINES[1:], LINES[0]]) + b"\n")
    ended = run("ingest", "events")
    assert (ended.status, "were others when they came in" in ended.errors) == (3, True)
    assert counts(settings, topics) == Counter(LINES)


def test_a_copy_that_changed_is_refused_although_its_own_lines_were_never_sent(
    run: Run, settings: Settings, topics: Topics, elsewhere: Path
) -> None:
    for name in ("events", "copy"):
        (elsewhere / name).write_bytes(LINES[0] + b"\n")
        run("ingest", name)
    (elsewhere / "copy").write_bytes(LINES[2] + b"\n")
    assert run("ingest", "copy").status == 3
    assert counts(settings, topics) == Counter(LINES[:1])


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("steps", [STEPS[2:3], pytest.param(STEPS, marks=pytest.mark.slow)])
def test_killed_in_the_middle_and_run_again_each_line_comes_once(
    run: Run,
    settings: Settings,
    topics: Topics,
    case: UseCase,
    elsewhere: Path,
    steps: tuple[str, ...],
) -> None:
    lines = rows(200)
    (elsewhere / "events").write_bytes(b"\n".join(lines))
    for step in steps:
        passage = 1 if step == STEPS[0] else 2
        with process(case, settings, f"{step}=exit:{passage}", "events") as killed:
            assert killed.wait(60) == 137
    assert 0 < len(written(settings, topics.generated)) < len(lines)
    assert run("ingest", "events").status == 0
    assert run("ingest", "events").errors.startswith("0 records")
    found = written(settings, topics.generated)
    assert Counter(one.value for one in found) == Counter(lines)
    mine = [one.value for one in found if one.key == b"u3"]
    assert mine == [line for line in lines if line.startswith(b'{"user_id":"u3"')]


@pytest.mark.usefixtures("small_pieces")
def test_of_two_at_once_the_later_one_goes_on_and_each_line_comes_once(
    run: Run, settings: Settings, topics: Topics, case: UseCase, elsewhere: Path
) -> None:
    lines = rows(200)
    for name in ("events", "copy"):
        (elsewhere / name).write_bytes(b"\n".join(lines))
    with process(case, settings, "before-ingest-commit=slow:1000", "events") as slow:
        eventually(lambda: [*noted(settings.kafka, ingested_of(case))], 60)
        assert run("ingest", "copy").status == 0
        assert slow.wait(60) == 1
        assert b"another ingest has begun" in slow.communicate()[1]
    assert counts(settings, topics) == Counter(lines)


def test_another_file_is_not_in_the_way_of_one_that_is_coming_in(
    run: Run, settings: Settings, topics: Topics, case: UseCase, elsewhere: Path
) -> None:
    (elsewhere / "events").write_bytes(LINES[0] + b"\n")
    (elsewhere / "other").write_bytes(LINES[2] + b"\n")
    with process(case, settings, "before-ingest-commit=slow:1000", "events") as slow:
        for _ in range(2):
            assert run("ingest", "other").status == 0
        assert slow.wait(60) == 0
    assert counts(settings, topics) == Counter([LINES[0], LINES[2]])


def test_what_is_no_regular_file_is_sent_as_it_is(
    run: Run, settings: Settings, topics: Topics, elsewhere: Path
) -> None:
    os.mkfifo(elsewhere / "pipe")
    for _ in range(2):
        writer = threading.Thread(target=(elsewhere / "pipe").write_bytes, args=(LINES[0],))
        writer.start()
        assert run("ingest", "pipe").status == 0
        writer.join()
    assert counts(settings, topics) == Counter({LINES[0]: 2})


@pytest.mark.usefixtures("topics")
def test_a_last_line_that_is_not_whole_is_told(run: Run, elsewhere: Path) -> None:
    (elsewhere / "events").write_bytes(LINES[0] + b'\n{"user')
    ended = run("ingest", "events")
    assert ended.errors.startswith("1 records acknowledged")
    assert "the last line has no end" in ended.errors


def process(
    case: UseCase, settings: Settings, faults: str, file: str
) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """The command in a process of its own."""
    return commanding("ingest_main", settings, faults, case.name, file)
