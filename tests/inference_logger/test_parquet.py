from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

import use_cases
from pipeline.control import lookup_record
from pipeline.declaration import EventType, Text
from pipeline.errors import Refusal
from pipeline.parquet.format import Footer, schemas
from pipeline.parquet.tables import open_topic, read_once
from pipeline.topics import Topics
from tests.inference_logger.rig import CASE, INCOMING, Rig, bets, files_of
from tests.support.events import (
    INCOMING_ID,
    SOURCE_ID,
    V1,
    bet,
    caused_by,
    consumed,
    log_of,
)

SCHEMA = schemas(CASE)[INCOMING]


async def test_a_reader_gets_each_event_once_in_log_order(tmp_path: Path) -> None:
    replay = consumed(b"{}", offset=3, headers=caused_by(0))
    log = [*log_of([bet(1), lookup_record("socioeconomic_idx", V1), bet(2)]), replay]
    await Rig.on(tmp_path, {0: log, 1: bets(2, 1)}).run()
    table = read_once(tmp_path, INCOMING, SCHEMA, ["bet_amount"])
    assert table.to_pydict() == {"bet_amount": [1.0, 2.0, 0.0, 1.0]}


async def test_the_log_may_stand_under_a_hidden_directory(tmp_path: Path) -> None:
    await Rig.on(tmp_path / ".pipeline" / "data", {0: bets(3)}).run()
    assert len(read_once(tmp_path / ".pipeline" / "data", INCOMING, SCHEMA)) == 3


async def test_the_log_may_be_named_from_where_we_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await Rig.on(tmp_path / "data", {0: bets(3)}).run()
    monkeypatch.chdir(tmp_path)
    assert len(read_once(Path("data"), INCOMING, SCHEMA)) == 3
    assert open_topic(Path("./data"), INCOMING, SCHEMA).to_table()["date"][0].is_valid


async def test_unfinished_files_are_not_read(tmp_path: Path) -> None:
    await Rig.on(tmp_path, {0: bets(3)}).run()
    (tmp_path / INCOMING / "_temporary" / "0,other,x.parquet").write_bytes(b"unfinished")
    assert len(read_once(tmp_path, INCOMING, SCHEMA)) == 3


async def test_the_date_of_the_directory_is_a_column(tmp_path: Path) -> None:
    await Rig.on(tmp_path, {0: bets(1)}).run()
    dates = open_topic(tmp_path, INCOMING, SCHEMA).to_table(columns=["date"])
    assert dates.to_pydict() == {"date": [date(2025, 6, 1)]}


def test_a_topic_that_was_never_logged_is_empty(tmp_path: Path) -> None:
    assert read_once(tmp_path, INCOMING, SCHEMA).num_rows == 0


async def test_a_column_that_came_later_reads_null_in_older_files(tmp_path: Path) -> None:
    await Rig.on(tmp_path, {0: bets(1)}).run()
    newer = SCHEMA.append(pa.field("new_field", pa.string()))
    assert read_once(tmp_path, INCOMING, newer)["new_field"].to_pylist() == [None]


async def test_a_file_says_what_it_holds(tmp_path: Path) -> None:
    await Rig.on(tmp_path, {4: bets(3, 4)}).run()
    footer = Footer.read(files_of(tmp_path)[0])
    assert (footer.topic_id, footer.partition) == (INCOMING_ID, 4)
    assert (footer.first, footer.last) == (0, 2)
    assert footer.origins[""].places == {(SOURCE_ID, 4): (0, 2, 0)}


@pytest.mark.parametrize("name", ["origin", "offset", "date", "raw"])
def test_a_declared_field_named_like_a_column_of_the_log_is_refused(name: str) -> None:
    events = (*CASE.events, EventType("other", fields=(Text(name=name),)))
    with pytest.raises(Refusal, match=name):
        schemas(replace(CASE, events=events))


@pytest.mark.parametrize("name", use_cases.streams())
def test_every_case_has_a_schema_for_each_logged_topic(name: str) -> None:
    case = use_cases.load(name)
    assert {*schemas(case)} == {*Topics.of(case).logged}
