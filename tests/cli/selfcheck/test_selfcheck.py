from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.selfcheck.small_run import CASE, SmallRun, failing, ids_of, settings_of
from pipeline.topics import Topics


@pytest.fixture
def run(tmp_path: Path, clean_redis: str) -> SmallRun:
    return SmallRun(settings_of(tmp_path, clean_redis), ids_of(Topics.of(CASE))).play()


def test_all_promises_hold_after_a_run_that_went_well(run: SmallRun) -> None:
    result = run.check()
    assert [(check.name, check.examples) for check in result.checks if not check.ok] == []
    assert result.ok
    print(result)
