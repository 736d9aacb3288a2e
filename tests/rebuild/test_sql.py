"""One SQL text says of everyone what the fold says: on DuckDB, and the same on Spark."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipeline.declaration import Aggregation, EventType, Text, UseCase
from pipeline.errors import Refusal
from pipeline.parquet.sql import features_sql
from pipeline.parquet.sql_views import Engine
from pipeline.times import HOUR
from pipeline.windows import Rolling
from tests.rebuild.newer import with_more
from tests.rebuild.sql_world import CHURN, HOURS, Row, SqlWorld
from tests.support.events import NOON
from use_cases.player_activity import USE_CASE as PLAYERS

LATER = NOON + (HOURS + 1) * HOUR
CASES = pytest.mark.parametrize("case", [CHURN, PLAYERS], ids=lambda case: case.name)


async def world_of(case: UseCase, root: Path, **settings: Any) -> SqlWorld:
    world = SqlWorld(case, root, **settings)
    await world.make()
    return world


def on_duckdb(world: SqlWorld, as_of: int | None = None) -> dict[str, Row]:
    """The text's rows by entity, as DuckDB answers it."""
    with duckdb.connect() as engine:
        for view in world.views(Engine.duckdb):
            engine.execute(view)
        answer = engine.execute(features_sql(world.case, as_of))
        names = [one[0] for one in answer.description]
        return {row[0]: dict(zip(names[1:], row[1:], strict=True)) for row in answer.fetchall()}


def assert_same(found: dict[str, Row], expected: dict[str, Row], case: UseCase) -> None:
    """Counts exactly, the rest to a relative 1e-9; but for ids that came again behind too many."""
    assert found.keys() == expected.keys()
    for entity, row in found.items():
        assert row.pop("far_repeats") == 0
        assert row == pytest.approx(expected[entity], rel=1e-9, abs=1e-9)
        assert {name: row[name] for name in case.whole} == {
            name: expected[entity][name] for name in case.whole
        }


@CASES
async def test_it_says_what_the_fold_says(case: UseCase, tmp_path: Path) -> None:
    world = await world_of(case, tmp_path)
    expected = world.expected()
    assert_same(on_duckdb(world), expected, case)
    numbers = [number for row in expected.values() for number in row.values()]
    assert sum(number != 0 for number in numbers) > len(numbers) / 2


async def test_different_texts_are_counted(tmp_path: Path) -> None:
    session = EventType("session", fields=(Text(name="device", required=True),))
    others = [event for event in PLAYERS.events if event.name != session.name]
    devices = Aggregation(
        "device", event="session", of="device", window=Rolling(24), statistics=("distinct",)
    )
    case = with_more(devices, case=replace(PLAYERS, events=(session, *others)))
    world = await world_of(case, tmp_path)
    expected = world.expected()
    assert max(row["device_24h_distinct"] for row in expected.values()) > 1
    assert_same(on_duckdb(world), expected, case)


@CASES
async def test_windows_are_read_as_of_the_moment_asked(case: UseCase, tmp_path: Path) -> None:
    world = await world_of(case, tmp_path)
    expected = world.expected(LATER)
    assert expected != world.expected()
    assert_same(on_duckdb(world, LATER), expected, case)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 12))
@CASES
async def test_it_says_so_of_any_log(case: UseCase, seed: int, tmp_path: Path) -> None:
    world = await world_of(case, tmp_path, seed=seed, events=600)
    assert_same(on_duckdb(world, LATER), world.expected(LATER), case)


async def test_an_id_that_came_again_behind_too_many_others_is_told(tmp_path: Path) -> None:
    world = await world_of(replace(CHURN, remembered_ids=8), tmp_path, again=40)
    found, expected = on_duckdb(world), world.expected()
    told = {entity for entity, row in found.items() if row.pop("far_repeats")}
    wrong = {entity for entity, row in found.items() if row != pytest.approx(expected[entity])}
    assert wrong
    assert wrong <= told != found.keys()


def test_a_name_that_is_none_in_sql_is_refused() -> None:
    with pytest.raises(Refusal, match="user-id cannot be named in SQL"):
        features_sql(replace(CHURN, entity="user-id"))


def java() -> int:
    """The major version of the Java that Spark would find; 0 without one."""
    if shutil.which("java") is None:
        return 0
    said = subprocess.run(["java", "-version"], capture_output=True, text=True, check=True).stderr
    return int(said.split('"')[1].split(".")[0])


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    """Spark in this process."""
    pyspark = pytest.importorskip("pyspark.sql", reason="pyspark is not installed: pip install it")
    if java() not in (17, 21):
        pytest.skip(f"Spark needs Java 17 or 21, and here is {java() or 'none'}")
    builder = pyspark.SparkSession.builder.master("local[1]")
    session = builder.config("spark.ui.enabled", "false").getOrCreate()
    yield session
    session.stop()


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("as_of", [None, LATER])
@CASES
async def test_the_same_text_says_the_same_on_spark(
    case: UseCase, as_of: int | None, tmp_path: Path, spark: Any
) -> None:
    world = await world_of(case, tmp_path, events=600)
    for view in world.views(Engine.spark):
        spark.sql(view)
    rows = [row.asDict() for row in spark.sql(features_sql(case, as_of)).collect()]
    found = {row.pop(case.entity): row for row in rows}
    assert_same(found, world.expected(as_of or 0), case)
