from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.control import erase_record
from pipeline.errors import Refusal
from pipeline.events import EventDecoder
from pipeline.parquet.files import compacted_name
from pipeline.parquet.tables import open_topic
from pipeline.times import HOUR, format_time
from rebuild.history import EPOCHS
from tests.rebuild.rig import Ledger
from tests.rebuild.test_features import Logged
from tests.rebuild.test_scores import all_logged, asked, served, stored
from tests.stream_features.test_split import Content, events
from tests.support.events import NOON, SECOND, bet, changed, log_of, purchase, registration, win
from tests.support.fakes import FakeStore, Records
from tests.support.properties import FEW
from tests.support.stages import TOPICS
from training.data.build import Built, Span, build
from training.data.dataset import read_dataset, table_of, write_dataset
from training.data.labels import LabelsBy, labels_by
from training.history import History
from training.table import table
from use_cases.first_day_churn import USE_CASE

ALL = Span()
OUTCOME, RULE = LabelsBy.outcome, LabelsBy.rule
DAY = 24 * HOUR


async def built(
    root: Path, contents: Sequence[Content], kind: LabelsBy = OUTCOME, span: Span = ALL
) -> Built:
    await all_logged(root, list(contents))
    return build(USE_CASE, [root], kind, span)


def labels(made: Built) -> list[tuple[str, int]]:
    """Whose each row is, and its label."""
    return list(zip(made.rows["user_id"].to_pylist(), made.rows["label"].to_pylist(), strict=True))


def left_out(made: Built) -> dict[str, int]:
    found: dict[str, int] = made.source["left_out"]
    return found


ONE_CHURNED = (
    registration("u1", label=1),
    registration("u2", label=0),
    purchase(1, "u1"),
    purchase(1, "u2"),
    bet(5, "u1", NOON + SECOND),
    win(7, "u2", NOON + 2 * SECOND),
    win(9, "u1", NOON + 3 * SECOND),
)


async def test_each_score_is_a_row_with_its_users_outcome(tmp_path: Path) -> None:
    made = await built(tmp_path, ONE_CHURNED)
    assert labels(made) == [("u1", 1), ("u2", 0), ("u1", 1)]
    assert made.rows["bet_sum"].to_pylist() == [5, 0, 5]
    assert made.rows["win_sum"].to_pylist() == [0, 7, 9]
    assert left_out(made) == {}


async def test_a_row_says_which_inference_it_was(tmp_path: Path) -> None:
    rows = (await built(tmp_path, ONE_CHURNED)).rows
    assert [one.rpartition("/")[0][-2:] for one in rows["id"].to_pylist()] == ["/4", "/5", "/6"]
    assert rows["event_time"].cast(pa.int64()).to_pylist() == [NOON + n * SECOND for n in (1, 2, 3)]


async def test_the_last_outcome_that_was_sent_holds(tmp_path: Path) -> None:
    again = registration("u1", NOON + 4 * SECOND, label=0)
    assert {*labels(await built(tmp_path, [*ONE_CHURNED, again]))} == {("u1", 0), ("u2", 0)}


async def test_a_score_of_a_user_without_an_outcome_is_left_out(tmp_path: Path) -> None:
    made = await built(tmp_path, [*ONE_CHURNED, purchase(1, "u3"), bet(1, "u3")])
    assert left_out(made) == {"of users without a label": 1}
    assert len(made.rows) == 3


async def test_of_an_erased_user_there_is_no_row_even_if_they_came_again(tmp_path: Path) -> None:
    again = (registration("u1", label=1), purchase(1, "u1"), bet(2, "u1"))
    made = await built(tmp_path, [*ONE_CHURNED, erase_record("u1"), *again])
    assert labels(made) == [("u2", 0)]
    assert left_out(made) == {"of erased users": 3}


async def test_a_score_as_of_the_end_of_the_span_is_left_out(tmp_path: Path) -> None:
    made = await built(tmp_path, ONE_CHURNED, span=Span(until=NOON + 3 * SECOND))
    assert (len(made.rows), left_out(made)) == (2, {"after the span": 1})


async def test_a_score_as_of_the_beginning_of_the_span_is_taken(tmp_path: Path) -> None:
    made = await built(tmp_path, ONE_CHURNED, span=Span(start=NOON + 2 * SECOND))
    assert (len(made.rows), left_out(made)) == (2, {"before the span": 1})


async def test_an_outcome_from_behind_the_span_is_not_known(tmp_path: Path) -> None:
    later = registration("u1", NOON + 4 * SECOND, label=0)
    made = await built(tmp_path, [*ONE_CHURNED, later], span=Span(until=NOON + 4 * SECOND))
    assert ("u1", 1) in labels(made)


async def test_what_comes_behind_the_span_changes_no_row(tmp_path: Path) -> None:
    span = Span(until=NOON + 4 * SECOND)
    before = await built(tmp_path / "one", ONE_CHURNED, span=span)
    more = [bet(3, "u1", NOON + DAY), registration("u2", NOON + DAY, label=1)]
    after = await built(tmp_path / "two", [*ONE_CHURNED, *more], span=span)
    assert after.rows.equals(before.rows)


def born(day: str, at: int = NOON) -> Content:
    return registration("u1", at, label=1, date_of_birth=day)


async def ages(root: Path, told: Content) -> list[int | None]:
    scored = (purchase(1, "u1", NOON + SECOND), bet(5, "u1", NOON + 2 * SECOND))
    found: list[int | None] = (await built(root, [told, *scored])).rows["age"].to_pylist()
    return found


@pytest.mark.parametrize(
    ("day", "age"),
    [("1995-05-01", 30), ("1995-07-01", 29), ("next year", None)],
)
async def test_a_row_holds_the_whole_years_of_its_user(
    day: str, age: int | None, tmp_path: Path
) -> None:
    assert await ages(tmp_path, born(day)) == [age]


async def test_of_who_told_no_date_of_birth_no_age_is_known(tmp_path: Path) -> None:
    assert await ages(tmp_path, registration("u1", label=1)) == [None]


async def test_the_last_date_of_birth_holds_that_was_told_before_the_cut(tmp_path: Path) -> None:
    told = [born("1966-01-02"), *ONE_CHURNED, born("1976-01-02"), born("1986-01-02", NOON + DAY)]
    made = await built(tmp_path, told, span=Span(until=NOON + DAY))
    assert made.rows["age"].to_pylist() == [49, None, 49]


async def test_ages_stand_beside_what_is_learnt_from(tmp_path: Path) -> None:
    made = await built(tmp_path, [*ONE_CHURNED, born("1986-01-01")])
    read = table_of(made.rows, made.source)
    assert np.array_equal(read.beside["age"], [39, np.nan, 39], equal_nan=True)
    assert read.inputs.shape == (3, len(USE_CASE.inputs))


async def test_a_dataset_of_before_there_were_ages_is_read(tmp_path: Path) -> None:
    made = await built(tmp_path, ONE_CHURNED)
    assert table_of(made.rows.drop_columns(["age"]), made.source).beside == {}


SILENT = (purchase(1, "u1"), bet(2, "u1", NOON + SECOND))
CLOCK = (purchase(1, "u9", NOON + 3 * DAY),)
"""Someone else's event, by which time goes on."""


async def test_who_is_silent_on_the_second_day_has_churned(tmp_path: Path) -> None:
    assert labels(await built(tmp_path, [*SILENT, *CLOCK], RULE)) == [("u1", 1)]


@pytest.mark.parametrize(
    ("at", "label"),
    [(DAY, 1), (DAY + 1, 0), (2 * DAY, 0), (2 * DAY + 1, 1)],
    ids=["first day's end", "second day", "second day's end", "third day"],
)
async def test_any_event_of_the_second_day_is_a_return(at: int, label: int, tmp_path: Path) -> None:
    back = registration("u1", NOON + at)
    assert {*labels(await built(tmp_path, [*SILENT, back, *CLOCK], RULE))} == {("u1", label)}


@pytest.mark.parametrize(
    ("until", "missing"),
    [(2 * DAY, {"of users whose label is not known yet": 1}), (2 * DAY + 1, {})],
)
async def test_a_user_whose_second_day_has_not_ended_has_no_label_yet(
    until: int, missing: dict[str, int], tmp_path: Path
) -> None:
    made = await built(tmp_path, [*SILENT, *CLOCK], RULE, Span(until=NOON + until))
    assert left_out(made) == missing
    assert labels(made) == ([] if missing else [("u1", 1)])


async def test_no_label_is_known_of_what_the_log_does_not_reach(tmp_path: Path) -> None:
    made = await built(tmp_path, SILENT, RULE, Span(until=NOON + 9 * DAY))
    assert made.source["until"] == format_time(NOON + SECOND + 1)
    assert labels(made) == []


async def test_a_score_from_the_second_day_is_left_out_of_what_that_day_decides(
    tmp_path: Path,
) -> None:
    """A late bet of the first day, scored when an event of the second had come."""
    late = (registration("u1", NOON + DAY + HOUR), bet(2, "u1", NOON + HOUR))
    made = await built(tmp_path, [*SILENT, *late, *CLOCK], RULE)
    assert labels(made) == [("u1", 0)]
    assert left_out(made) == {"from within the time that decides the label": 1}


async def test_the_second_day_is_counted_from_the_first_purchase_in_the_log(
    tmp_path: Path,
) -> None:
    earlier = purchase(1, "u1", NOON - HOUR)
    back = registration("u1", NOON + DAY - HOUR // 2)
    made = await built(tmp_path, [*SILENT, earlier, back, *CLOCK], RULE)
    assert {*labels(made)} == {("u1", 1)}


async def test_a_rule_without_the_first_records_of_the_log_is_refused(tmp_path: Path) -> None:
    """Someone's first purchase may be gone, and a later one would be taken for it."""
    await _logged(tmp_path, [*SILENT, *CLOCK], 1)
    (first,) = (tmp_path / TOPICS.incoming).glob("date=*/0-00000000000000000000.parquet")
    first.unlink()
    with pytest.raises(Refusal, match="before offset 1 of partition 0"):
        build(USE_CASE, [tmp_path], RULE, ALL)
    assert labels(build(USE_CASE, [tmp_path], OUTCOME, ALL)) == []


async def test_a_row_says_which_time_decided_its_label(tmp_path: Path) -> None:
    rows = (await built(tmp_path, [*SILENT, *CLOCK], RULE)).rows
    bounds = [rows[name].cast(pa.int64()).to_pylist() for name in ("label_from", "label_until")]
    assert bounds == [[NOON + DAY], [NOON + 2 * DAY]]


async def test_a_replay_is_no_second_row(tmp_path: Path) -> None:
    made = await all_logged(tmp_path, list(ONE_CHURNED))
    again = stored(await served(await asked(log_of(ONE_CHURNED)), FakeStore()), TOPICS.inferences)
    await _log_on(made, [*again, *_behind(again, len(again))])
    assert len(build(USE_CASE, [tmp_path], OUTCOME, ALL).rows) == 3


async def test_an_older_epoch_comes_before_the_present_one(tmp_path: Path) -> None:
    older = tmp_path / EPOCHS / "0000"
    await all_logged(older, list(ONE_CHURNED[:5]))
    await all_logged(tmp_path, list(ONE_CHURNED[2:]))
    made = build(USE_CASE, [older, tmp_path], OUTCOME, ALL)
    assert labels(made)[0] == ("u1", 1)
    assert len(made.rows) == 4
    assert [one["epoch"] for one in made.source["log"]["inferences"]] == [0, 1]


async def test_it_says_which_offsets_it_read_and_how_much_came_of_them(tmp_path: Path) -> None:
    source = (await built(tmp_path, ONE_CHURNED)).source
    (read,) = source["log"]["incoming-events"]
    assert (read["partition"], read["first"], read["last"]) == (0, 0, len(ONE_CHURNED) - 1)
    assert (source["rows"], source["users"], source["users_churned"]) == (3, 2, 1)


async def test_the_same_log_in_other_files_gives_the_same_bytes(tmp_path: Path) -> None:
    paths = [tmp_path / f"{rows}.parquet" for rows in (2, 100)]
    for path, rows in zip(paths, (2, 100), strict=True):
        home = tmp_path / str(rows)
        await _logged(home, ONE_CHURNED, rows)
        made = build(USE_CASE, [home], OUTCOME, ALL)
        write_dataset(path, made.rows, made.source)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert paths[0].with_suffix(".json").read_bytes() == paths[1].with_suffix(".json").read_bytes()


async def test_a_file_that_is_replaced_while_it_is_read_is_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await all_logged(tmp_path, list(ONE_CHURNED))

    def replaced_once(home: Path, topic: str, columns: pa.Schema) -> ds.Dataset:
        found = open_topic(home, topic, columns)
        for path in (home / topic).glob("date=*/0-00000000000000000000.parquet"):
            path.rename(path.with_name(compacted_name(0, 0, 6)))
        return found

    monkeypatch.setattr("training.data.build.open_topic", replaced_once)
    assert len(build(USE_CASE, [tmp_path], OUTCOME, ALL).rows) == 3


async def test_no_log_gives_no_rows(tmp_path: Path) -> None:
    made = build(USE_CASE, [tmp_path], OUTCOME, ALL)
    assert (len(made.rows), made.source["log"]) == (0, {"incoming-events": [], "inferences": []})


labelled = st.builds(
    lambda user, label: registration(user, label=label),
    st.sampled_from(["u1", "u2", "u3"]),
    st.sampled_from([0, 1]),
)


@settings(FEW, max_examples=10)
@given(st.lists(st.one_of(events, events, events, labelled), max_size=40))
async def test_rows_are_what_training_folds_from_the_same_events(
    contents: list[dict[str, Any]],
) -> None:
    records = log_of(contents)
    decoder = EventDecoder(USE_CASE, also=[USE_CASE.outcome])
    history = History(USE_CASE, {})
    scored = history.scored(decoder.decode(one.value) for one in records)
    expected = table(scored, history.labels, len(USE_CASE.inputs))
    with Logged() as ledger:
        await _logged(ledger.root, contents, 7)
        made = build(USE_CASE, [ledger.root], OUTCOME, ALL)
        write_dataset(ledger.root / "made.parquet", made.rows, made.source)
        found = read_dataset(ledger.root / "made.parquet").table
    assert found.inputs.tobytes() == expected.inputs.tobytes()
    assert found.labels.tolist() == expected.labels.tolist()


def test_a_case_says_how_its_labels_come_about() -> None:
    both, ruled = USE_CASE, replace(USE_CASE, outcome="")
    assert [labels_by(both, None), labels_by(ruled, None), labels_by(both, RULE)] == [
        OUTCOME,
        RULE,
        RULE,
    ]


def test_labels_that_a_case_does_not_have_are_refused() -> None:
    with pytest.raises(Refusal, match="declares no rule"):
        labels_by(replace(USE_CASE, label_rule=None), RULE)
    with pytest.raises(Refusal, match="no outcome and no rule"):
        labels_by(replace(USE_CASE, label_rule=None, outcome=""), None)


async def _logged(root: Path, contents: Sequence[Content], rows: int) -> None:
    """As `all_logged`, in files of at most so many rows."""
    records, ledger = log_of(contents), Ledger(root)
    inferences = stored(await served(await asked(records), FakeStore()), TOPICS.inferences)
    await ledger.log(TOPICS.incoming, {0: records}, rows)
    await ledger.log(TOPICS.inferences, {0: inferences}, rows)


async def _log_on(ledger: Ledger, inferences: Records) -> None:
    await ledger.log(TOPICS.inferences, {0: inferences})


def _behind(records: Records, offset: int) -> Iterator[Any]:
    """The same records once more, from an offset on."""
    return (changed(one, offset=offset + n) for n, one in enumerate(records))
