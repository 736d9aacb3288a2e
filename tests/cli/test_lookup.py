from __future__ import annotations

from pathlib import Path

import pytest

from cli.records.reading import TopicReader
from pipeline.control import LookupLoaded, decode_control, is_control
from pipeline.declaration import UseCase
from pipeline.lookups import LookupTables
from pipeline.settings import Settings
from pipeline.topics import Topics
from tests.cli.helpers import Run

TABLE = "postcode,socioeconomic_idx\n10000,3\n10001,1.5\n"


@pytest.fixture
def table(elsewhere: Path) -> Path:
    path = elsewhere / "index.csv"
    path.write_text(TABLE)
    return path


def test_a_table_is_put_in_force_in_every_partition(
    run: Run, settings: Settings, topics: Topics, table: Path
) -> None:
    assert run("lookup", "load", str(table)).status == 0
    with TopicReader.connect(settings.kafka, topics.incoming) as reader:
        records = list(reader.between(reader.starts(), reader.ends()))
    assert sorted(one.partition for one in records) == list(range(settings.partitions))
    assert all(is_control(one.headers) and one.key is None for one in records)
    (loaded,) = {decode_control(one.value) for one in records}
    assert isinstance(loaded, LookupLoaded)
    assert loaded.lookup == "socioeconomic_idx"


@pytest.mark.usefixtures("topics")
def test_the_version_that_is_announced_is_found_by_a_worker(
    run: Run, settings: Settings, case: UseCase, table: Path
) -> None:
    version = run("lookup", "load", str(table), "--name", "socioeconomic_idx").output.split()[1]
    tables = LookupTables(settings.lookups_dir, case)
    assert tables.table("socioeconomic_idx", version) == {10000: 3.0, 10001: 1.5}


def test_a_table_that_is_wrong_is_refused_and_nothing_is_announced(
    run: Run, settings: Settings, topics: Topics, table: Path
) -> None:
    table.write_text(TABLE + "10001,2\n")
    ended = run("lookup", "load", str(table))
    assert ended.status == 3
    assert "line 4" in ended.errors
    with TopicReader.connect(settings.kafka, topics.incoming) as reader:
        assert set(reader.ends().values()) == {0}


@pytest.mark.usefixtures("topics")
def test_a_lookup_that_is_not_declared_is_refused(run: Run, table: Path) -> None:
    ended = run("lookup", "load", str(table), "--name", "weather")
    assert ended.status == 3
    assert "socioeconomic_idx" in ended.errors


@pytest.mark.usefixtures("settings", "case")
def test_without_the_topic_no_table_is_installed(run: Run, settings: Settings, table: Path) -> None:
    assert run("lookup", "load", str(table)).status == 3
    assert not settings.lookups_dir.exists()
