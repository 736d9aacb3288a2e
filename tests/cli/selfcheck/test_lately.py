"""The self-check of rolling windows: what is right passes, and what is wrong is found."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from redis import Redis

import use_cases
from cli.selfcheck.features import as_recomputed
from cli.selfcheck.held import Held
from cli.selfcheck.independent import recompute
from cli.selfcheck.logged import in_force
from cli.selfcheck.refold import refold
from pipeline.events import Event
from pipeline.parquet.format import schemas
from pipeline.times import HOUR
from pipeline.topics import Topics
from pipeline.world import WorldSize
from tests.cli.selfcheck.small_run import SmallRun, failing, ids_of, settings_of
from tests.support.events import NOON
from tests.support.properties import FEW
from tests.support.rolling import CASE, bet, logs

ACTIVITY = use_cases.load("player_activity")


def no_table(lookup: str, version: str) -> Any:
    raise AssertionError(f"no table of {lookup} {version} is declared")


def table_of(log: list[Event]) -> pa.Table:
    """A partition of `incoming-events` as Parquet has it."""
    rows = [
        {
            "partition": 0,
            "offset": offset,
            "timestamp": 0,
            "kind": "event",
            "replayed": False,
            "origin": f"s/0/{offset}/0",
            "user_id": event.entity,
            "event_type": event.event_type,
            "event_time": event.at,
            "event_id": event.event_id,
            **event.values,
        }
        for offset, event in enumerate(log)
    ]
    return pa.Table.from_pylist(rows, schema=schemas(CASE)[Topics.of(CASE).incoming])


@FEW
@given(logs())
def test_recomputation_and_fold_agree_on_any_log(log: list[Event]) -> None:
    table = in_force(table_of(log))
    independent, folded = recompute(CASE, table, no_table), refold(CASE, table, no_table)
    assert independent.scored == folded.scores.origins
    assert as_recomputed(CASE, independent, Held({}, folded.hashes)).examples == ()


def test_a_fold_that_forgets_too_early_is_found_by_the_recomputation_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = in_force(table_of([bet(NOON - 21 * HOUR, 5.0), bet(NOON, 2.0)]))
    monkeypatch.setattr("pipeline.windows.tiles.TILES", 11)
    folded = refold(CASE, table, no_table)
    check = as_recomputed(CASE, recompute(CASE, table, no_table), Held({}, folded.hashes))
    assert check.mismatches == 1
    assert "bet_24h_sum is 2.0, recomputed 7.0" in check.examples[0]


@pytest.fixture(scope="module")
def played(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> SmallRun:
    """A run of player activity that went well, with repeats, an erasure and late events."""
    with Redis.from_url(redis_url) as redis:
        redis.flushall()
    settings = settings_of(tmp_path_factory.mktemp("run"), redis_url, use_case=ACTIVITY.name)
    ids, size = ids_of(Topics.of(ACTIVITY)), WorldSize(users=12, events=60, seed=5)
    return SmallRun(settings, ids, ACTIVITY, size=size).play()


def test_a_case_without_a_model_keeps_every_promise_that_is_left(played: SmallRun) -> None:
    result = played.check()
    assert [(one.name, one.examples) for one in result.checks if not one.ok] == []
    assert not any("inference" in one.name or "score" in one.name for one in result.checks)
    assert (result.figures.is_scored, result.figures.every_score) == (False, None)


def test_a_tile_that_is_another_in_redis_is_found(played: SmallRun) -> None:
    with Redis.from_url(played.settings.redis.url) as redis:
        key = next(
            key
            for key in redis.scan_iter(match="player_activity:features:*")
            if len(redis.hget(key, "tiles_bet") or b"") > 40
        )
        before = redis.hget(key, "tiles_bet") or b""
        redis.hset(key, "tiles_bet", before[:-1] + bytes((before[-1] ^ 1,)))
        assert failing(played.check()) == {"Redis equals the fold, bit for bit"}
        redis.hset(key, "tiles_bet", before)
