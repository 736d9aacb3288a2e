"""Every check of what Redis holds can fail, and then no other does."""

from __future__ import annotations

import math

import pytest
from redis import Redis

from pipeline.keys import FEATURES, SCORES, Keys
from tests.cli.selfcheck.small_run import CASE, SmallRun, called, failing

PANDAS = "Redis equals a recomputation with pandas"
FOLD = "Redis equals the fold, bit for bit"
MARKERS = "markers stand at the end of the topics"
LATEST = "latest scores are the last inferences"


def key_of(redis: Redis, kind: str) -> bytes:
    """Some entity's key."""
    prefix = Keys(CASE.name, kind).prefix(1, "").removesuffix(":")
    keys: list[bytes] = sorted(redis.scan_iter(match=f"{prefix}*"))
    return keys[0]


def copied(redis: Redis, key: bytes, to: bytes) -> None:
    redis.restore(to, 0, redis.dump(key) or b"")


def test_all_promises_hold_after_a_run_that_went_well(run: SmallRun) -> None:
    result = run.check()
    assert [(check.name, check.examples) for check in result.checks if not check.ok] == []
    assert result.ok


def test_no_check_is_idle(run: SmallRun) -> None:
    assert all(check.checked for check in run.check().checks)


def test_a_changed_digit_is_found(run: SmallRun, redis: Redis) -> None:
    key = key_of(redis, FEATURES)
    redis.hset(key, "bet_sum", repr(float(redis.hget(key, "bet_sum") or 0) + 1))
    assert failing(run.check()) == {PANDAS, FOLD}


def test_a_count_must_be_exact(run: SmallRun, redis: Redis) -> None:
    key = key_of(redis, FEATURES)
    count = int(redis.hget(key, "bet_count") or 0)
    redis.hset(key, "bet_count", repr(count * (1 + 1e-12)))
    assert failing(run.check()) == {PANDAS, FOLD}


def test_the_last_bit_of_a_mean_is_found_by_the_fold_alone(run: SmallRun, redis: Redis) -> None:
    key = key_of(redis, FEATURES)
    mean = float(redis.hget(key, "bet_mean") or 0)
    redis.hset(key, "bet_mean", repr(math.nextafter(mean, math.inf)))
    result = run.check()
    assert failing(result) == {FOLD}
    assert "bet_mean" in called(result, FOLD).examples[0]


def test_a_number_that_is_none_is_found(run: SmallRun, redis: Redis) -> None:
    redis.hset(key_of(redis, FEATURES), "win_var", "nan")
    assert failing(run.check()) == {PANDAS, FOLD}


def test_a_changed_id_of_a_recent_event_is_found(run: SmallRun, redis: Redis) -> None:
    redis.hset(key_of(redis, FEATURES), "recent_ids", b"\0" * 64)
    assert failing(run.check()) == {FOLD}


def test_a_field_too_many_is_found(run: SmallRun, redis: Redis) -> None:
    redis.hset(key_of(redis, FEATURES), "surplus", "1")
    assert failing(run.check()) == {FOLD}


def test_a_missing_user_is_found(run: SmallRun, redis: Redis) -> None:
    key = key_of(redis, FEATURES)
    redis.delete(key)
    result = run.check()
    assert failing(result) == {PANDAS, FOLD}
    user = key.decode().rsplit(":", 1)[1]
    assert called(result, FOLD).examples == (f"{user} on partition 1 is not in Redis",)


def test_a_user_too_many_is_found(run: SmallRun, redis: Redis) -> None:
    key = key_of(redis, FEATURES)
    copied(redis, key, key + b"-x")
    result = run.check()
    assert failing(result) == {PANDAS, FOLD}
    assert called(result, PANDAS).mismatches == 1


def test_users_of_another_generation_do_not_count(run: SmallRun, redis: Redis) -> None:
    key = key_of(redis, FEATURES)
    copied(redis, key, Keys(CASE.name, FEATURES).entity(1, "gone", "u").encode())
    assert run.check().ok


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("offset", "3"),
        ("fingerprint", "another"),
        ("topic_id", "another"),
        ("lookups", '{"socioeconomic_idx":"another"}'),
        ("lookups", "{}"),
    ],
)
@pytest.mark.parametrize("partition", [0, 2])
def test_a_marker_that_says_something_else_is_found(
    run: SmallRun, redis: Redis, field: str, value: str, partition: int
) -> None:
    redis.hset(Keys(CASE.name, FEATURES).marker(partition), field, value)
    result = run.check()
    assert failing(result) == {MARKERS}
    assert called(result, MARKERS).mismatches == 1


def test_the_markers_of_the_scores_are_looked_at_too(run: SmallRun, redis: Redis) -> None:
    redis.hincrby(Keys(CASE.name, SCORES).marker(0), "offset", -1)
    assert failing(run.check()) == {MARKERS}


def test_without_a_marker_a_partition_has_no_users(run: SmallRun, redis: Redis) -> None:
    redis.delete(Keys(CASE.name, FEATURES).marker(0))
    assert failing(run.check()) == {PANDAS, FOLD, MARKERS}


def test_a_stale_score_is_found(run: SmallRun, redis: Redis) -> None:
    redis.hset(key_of(redis, SCORES), "probability", "0.25")
    assert failing(run.check()) == {LATEST}


def test_a_missing_score_is_found(run: SmallRun, redis: Redis) -> None:
    redis.delete(key_of(redis, SCORES))
    assert failing(run.check()) == {LATEST}


def test_a_score_too_many_is_found(run: SmallRun, redis: Redis) -> None:
    key = key_of(redis, SCORES)
    copied(redis, key, key + b"-x")
    assert failing(run.check()) == {LATEST}
