from __future__ import annotations

import pytest

from pipeline.declaration import UseCase
from pipeline.settings import Settings
from pipeline.topics import Topics
from tests.cli.helpers import Run


@pytest.mark.usefixtures("settings", "case")
def test_topics_that_are_missing_are_made(run: Run, case: UseCase) -> None:
    ended = run("topics", "create")
    assert ended.status == 0
    assert Topics.of(case).inferences in ended.output


@pytest.mark.usefixtures("topics")
def test_topics_that_are_there_stay(run: Run) -> None:
    assert run("topics", "create").output == "all topics are there already\n"


@pytest.mark.usefixtures("topics")
def test_topics_as_they_must_be_pass_the_check(run: Run) -> None:
    assert run("topics", "check").status == 0


@pytest.mark.usefixtures("settings", "case")
def test_topics_that_are_missing_are_refused_with_the_way_out(run: Run) -> None:
    ended = run("topics", "check")
    assert ended.status == 3
    assert "Run `pipeline topics create`" in ended.errors


@pytest.mark.usefixtures("topics")
def test_another_number_of_partitions_is_refused(
    run: Run, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIPELINE_PARTITIONS", str(settings.partitions + 1))
    assert run("topics", "check").status == 3
