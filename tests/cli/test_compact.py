from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.parquet.format import offer_schemas
from pipeline.parquet.locks import rearranging
from pipeline.parquet.tables import read_once
from tests.cli.helpers import Run
from tests.cli.test_offers import OFFERS, decisions
from tests.compaction.rig import SCHEMA, log
from tests.inference_logger.rig import INCOMING, bets, files_of
from use_cases.first_day_churn import USE_CASE

CASE = "first_day_churn"


@pytest.fixture
async def root(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Twenty records of June 2025 in three files."""
    monkeypatch.setenv("PIPELINE_DATA", str(elsewhere))
    await log(elsewhere / CASE, {0: bets(20)})
    return elsewhere / CASE


def age() -> int:
    """Days since these records were appended."""
    return (datetime.now(UTC) - datetime(2025, 6, 1, tzinfo=UTC)).days


def test_a_date_that_is_over_is_merged(run: Run, root: Path) -> None:
    before = read_once(root, INCOMING, SCHEMA)
    ended = run("compact")
    assert ended.status == 0
    assert "incoming-events 2025-06-01: 3 files" in ended.output
    assert "-> 1 files" in ended.output
    assert len(files_of(root)) == 1
    assert read_once(root, INCOMING, SCHEMA).equals(before)
    assert run("compact").output == ""


async def test_decisions_about_offers_are_merged_too_and_read_as_before(
    run: Run, root: Path
) -> None:
    await log(root, {0: decisions(*[("user", None)] * 20)}, topic=OFFERS)
    schema = offer_schemas(USE_CASE)[OFFERS]
    before = read_once(root, OFFERS, schema)
    assert f"{OFFERS} 2025-06-01: 3 files" in run("compact", "--topic", OFFERS).output
    assert len(files_of(root, OFFERS)) == 1
    assert read_once(root, OFFERS, schema).equals(before)


def test_a_dry_run_says_what_is_to_do_and_does_nothing(run: Run, root: Path) -> None:
    ended = run("compact", "--dry-run")
    assert (ended.status, len(files_of(root))) == (0, 3)
    assert "would be merged" in ended.output
    assert "would be removed" in run("compact", "--dry-run", "--retain", "1").output


def test_what_is_too_old_is_removed(run: Run, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIPELINE_RETENTION_DAYS", str(age()))
    assert "merged" in run("compact", "--dry-run").output
    monkeypatch.setenv("PIPELINE_RETENTION_DAYS", str(age() - 1))
    assert "removed" in run("compact").output
    assert files_of(root) == []


def test_only_named_topics_and_dates_are_touched(run: Run, root: Path) -> None:
    assert run("compact", "--topic", "inferences").output == ""
    assert run("compact", "--before", "2025-06-01").output == ""
    assert len(files_of(root)) == 3
    assert run("compact", "--before", "2025-06-02", "--topic", INCOMING).status == 0
    assert len(files_of(root)) == 1


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize(
    "arguments", [("--topic", "serving-features"), ("--before", "2999-01-01"), ("--retain", "-1")]
)
def test_what_makes_no_sense_is_wrong_usage(run: Run, arguments: tuple[str, str]) -> None:
    assert run("compact", *arguments).status == 2


def test_the_second_of_two_says_so_and_ends(run: Run, root: Path) -> None:
    with rearranging(root):
        ended = run("compact")
    assert ended.status == 3
    assert "are being compacted" in ended.errors
    assert len(files_of(root)) == 3


def test_a_date_that_is_put_off_is_a_failure_that_names_it(run: Run, root: Path) -> None:
    (root / INCOMING / "date=2025-06-01" / "mine.txt").touch()
    ended = run("compact")
    assert ended.status == 1
    assert "2025-06-01: left for the next run: mine.txt is no file of the log" in ended.output


def test_a_use_case_that_was_never_logged_has_nothing_to_do(run: Run) -> None:
    assert run("compact").status == 0
