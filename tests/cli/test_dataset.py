from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.parquet.verification import noted
from tests.cli.helpers import Run, open_to_others
from tests.rebuild.test_scores import all_logged
from tests.stream_features.test_split import Content
from tests.support.events import NOON, SECOND, bet, purchase, registration, win
from training.data.dataset import read_dataset

DAY = 86_400 * SECOND


@pytest.fixture
def home(elsewhere: Path) -> Path:
    """Where the log of the default case is."""
    return elsewhere / ".pipeline" / "data" / "first_day_churn"


def log(home: Path, *contents: Content) -> None:
    asyncio.run(all_logged(home, list(contents)))


def a_day(user: str, label: int) -> list[Content]:
    return [
        registration(user, label=label),
        purchase(1, user),
        bet(5, user, NOON + SECOND),
        win(7, user, NOON + 2 * SECOND),
    ]


def test_it_writes_a_table_that_training_reads(run: Run, home: Path, elsewhere: Path) -> None:
    log(home, *a_day("u1", 1), *a_day("u2", 0))
    ended = run("dataset", "made.parquet")
    assert ended.status == 0
    assert "made.parquet: 4 scores of 2 users, 1 of whom churned" in ended.words
    assert read_dataset(elsewhere / "made.parquet").table.labels.tolist() == [1, 1, 0, 0]


def test_only_its_own_user_may_read_what_it_writes(run: Run, home: Path, elsewhere: Path) -> None:
    log(home, *a_day("u1", 1))
    assert run("dataset", "new/made.parquet").status == 0
    assert open_to_others(elsewhere / "new") == []


def test_a_setting_lets_the_group_read_it(
    run: Run, home: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIPELINE_UMASK", "0027")
    log(home, *a_day("u1", 1))
    assert run("dataset", "new/made.parquet").status == 0
    assert (elsewhere / "new").stat().st_mode & 0o777 == 0o750
    assert (elsewhere / "new" / "made.parquet").stat().st_mode & 0o777 == 0o640


def test_without_a_name_it_stands_beside_the_log(run: Run, home: Path) -> None:
    log(home, *a_day("u1", 1))
    assert run("dataset").status == 0
    assert (home.parent / "datasets" / "first_day_churn.parquet").exists()


def test_what_is_left_out_is_said(run: Run, home: Path) -> None:
    log(home, *a_day("u1", 1), purchase(1, "u2"), bet(1, "u2"))
    assert "left out: 1 scores of users without a label" in run("dataset").words


def test_the_span_is_chosen(run: Run, home: Path, elsewhere: Path) -> None:
    log(home, *a_day("u1", 1))
    span = ("--from", "2025-06-01T12:00:01Z", "--until", "2025-06-01T12:00:02Z")
    assert "1 scores" in run("dataset", "made.parquet", *span).words
    said = json.loads((elsewhere / "made.json").read_text())
    assert said["until"] == "2025-06-01T12:00:02.000000Z"


def test_labels_by_the_rule_are_chosen(run: Run, home: Path, elsewhere: Path) -> None:
    log(home, *a_day("u1", 0), purchase(1, "u2", NOON + 3 * DAY))
    assert run("dataset", "made.parquet", "--labels", "rule").status == 0
    assert read_dataset(elsewhere / "made.parquet").table.labels.tolist() == [1, 1]


def test_a_leak_ends_it_and_writes_nothing(run: Run, home: Path, elsewhere: Path) -> None:
    """Who churned wins, and no one else does."""
    users = [a_day(f"u{n}", 1) if n % 2 else a_day(f"u{n}", 0)[:3] for n in range(40)]
    log(home, *[content for user in users for content in user])
    ended = run("dataset", "made.parquet", "--limit", "0.7")
    assert ended.status == 1
    assert "the audit found a leak: the input win_sum alone has an AUC of 0.7500" in ended.errors
    assert not (elsewhere / "made.parquet").exists()


def test_a_log_without_labelled_scores_fails(run: Run) -> None:
    ended = run("dataset")
    assert (ended.status, "no score with a label" in ended.errors) == (1, True)


def test_a_case_without_a_model_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIPELINE_USE_CASE", "player_activity")
    assert run("dataset").status == 3


def test_what_is_no_time_is_wrong_usage(run: Run) -> None:
    assert run("dataset", "--until", "soon").status == 2


def test_logged_inputs_that_equal_the_fold_are_well(run: Run, home: Path) -> None:
    log(home, *a_day("u1", 1))
    ended = run("dataset", "--verify")
    assert ended.status == 0
    assert "bet_sum: 0 of 2 differ" in ended.words
    found = noted(home)
    assert found is not None
    assert (found.compared, found.ok) == (2, True)


def test_a_logged_input_that_differs_ends_it_with_1(run: Run, home: Path) -> None:
    log(home, *a_day("u1", 1))
    (path,) = home.glob("inferences/date=*/*.parquet")
    table = pq.ParquetFile(path).read()
    place = table.schema.get_field_index("bet_sum")
    pq.write_table(table.set_column(place, table.schema.field(place), pa.array([5.0, 6.0])), path)
    ended = run("dataset", "--verify")
    assert (ended.status, "differ: bet_sum in 1" in ended.errors) == (1, True)
    assert "bet_sum: 1 of 2 differ" in ended.words
    found = noted(home)
    assert found is not None
    assert not found.ok


def test_a_dataset_is_described_beside_it(run: Run, home: Path, elsewhere: Path) -> None:
    log(home, *a_day("u1", 1), *a_day("u2", 0))
    run("dataset", "made.parquet")
    ended = run("describe", "made.parquet")
    assert ended.status == 0
    told = json.loads((elsewhere / "made.description.json").read_text())
    assert (told["rows"], told["users"]) == (4, 2)
    assert "<svg" in (elsewhere / "made.description.html").read_text()


def test_without_a_name_the_usual_dataset_is_described(run: Run, home: Path) -> None:
    log(home, *a_day("u1", 1), *a_day("u2", 0))
    run("dataset")
    assert "datasets/first_day_churn.description.html" in run("describe").words


def test_a_dataset_of_one_label_cannot_be_described(run: Run, home: Path) -> None:
    log(home, *a_day("u1", 1))
    run("dataset", "made.parquet")
    ended = run("describe", "made.parquet")
    assert (ended.status, "all rows have the same label" in ended.errors) == (1, True)


def test_what_is_no_dataset_is_refused(run: Run) -> None:
    ended = run("describe", "none.parquet")
    assert ended.status == 3
    assert "there is no dataset none.parquet. Make it again: pipeline dataset" in ended.errors
