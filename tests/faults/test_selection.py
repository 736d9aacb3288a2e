"""A few rows of the fault suite, shortened; `make faults` plays them all in full."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.faults.report import problems
from tests.faults.rows import all_rows
from tests.faults.runner import Runner
from tests.faults.scale import SHORT

PATIENT = replace(SHORT, patience=10.0)
"""Tests run wherever a developer works: the suite itself holds the limits on a quiet machine."""


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    with Runner(tmp_path_factory.mktemp("faults"), PATIENT) as runner:
        yield runner


@pytest.mark.timeout(300)
@pytest.mark.parametrize("number", [1, 7, 10, 17])
def test_every_promise_holds_under_the_fault_of_row(runner: Runner, number: int) -> None:
    result = runner.play(all_rows()[number])
    assert result.ok, (problems(result), result.directory)
