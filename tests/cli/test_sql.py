from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.parquet.sql import features_sql
from pipeline.times import parse_time
from tests.cli.helpers import Run
from use_cases.first_day_churn import USE_CASE
from use_cases.player_activity import USE_CASE as PLAYERS


def test_it_prints_the_text_and_nothing_else(run: Run) -> None:
    ended = run("sql")
    assert (ended.status, ended.output, ended.errors) == (0, features_sql(USE_CASE), "")


def test_it_prints_it_as_of_a_moment(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIPELINE_USE_CASE", "player_activity")
    moment = "2026-01-31T00:00:00Z"
    assert run("sql", "--as-of", moment).output == features_sql(PLAYERS, parse_time(moment))


def test_what_is_no_time_is_wrong_usage(run: Run) -> None:
    ended = run("sql", "--as-of", "yesterday")
    assert (ended.status, "RFC 3339" in ended.errors) == (2, True)


@pytest.mark.parametrize("engine", ["duckdb", "spark"])
def test_it_prints_the_views_over_the_settings_directories(
    run: Run, elsewhere: Path, engine: str
) -> None:
    text = run("sql", "--views", engine).output
    assert f"{elsewhere}/.pipeline/data/first_day_churn/incoming-events" in text
    assert f"{elsewhere}/.pipeline/lookups/first_day_churn/socioeconomic_idx" in text
    assert text.count(";\n") == 2
