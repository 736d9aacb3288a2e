"""Every check of what is logged can fail, and then no other does."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tests.cli.selfcheck.small_run import SmallRun, called, failing

ONE_EACH = "each event to score has one inference"
INPUTS = "inputs equal the fold, bit for bit"
MODEL = "probabilities are the model's"
LOGGED = "every record is in Parquet once"
CAME_OUT = "every record sent came out once"
MALFORMED = "what was malformed was rejected"

INFERENCES, INCOMING, REJECTED = "inferences", "incoming-events", "rejected-events"
ROW = 0
"""A row of the inferences, on partition 0, that is not the last one of its user."""

Change = Callable[[pa.Table], pa.Table]


def without(row: int) -> Change:
    return lambda table: pa.concat_tables([table.slice(0, row), table.slice(row + 1)])


def with_twice(row: int) -> Change:
    return lambda table: pa.concat_tables([table.slice(0, row + 1), table.slice(row)])


def with_value(name: str, value: Any, row: int = ROW) -> Change:
    """The table with another value in one place."""

    def change(table: pa.Table) -> pa.Table:
        values = table[name].to_pylist()
        values[row] = value
        column = pa.array(values, table.schema.field(name).type)
        return table.set_column(table.schema.names.index(name), table.schema.field(name), column)

    return change


def renumbered(change: Change) -> Change:
    """The changed table with offsets without a hole."""

    def numbered(table: pa.Table) -> pa.Table:
        changed = change(table)
        seen: dict[int, int] = {}
        offsets = []
        for partition in changed["partition"].to_pylist():
            offsets.append(seen.get(partition, 0))
            seen[partition] = offsets[-1] + 1
        place = changed.schema.names.index("offset")
        return changed.set_column(place, changed.schema.field("offset"), pa.array(offsets))

    return numbered


def replay_in(run: SmallRun) -> int:
    """A row of `incoming-events` that is a replay, which only the offsets speak of."""
    evidence = run.evidence()
    return int(pc.index(evidence.logged.incoming["replayed"], value=True).as_py())


def test_a_missing_inference_is_found(run: SmallRun) -> None:
    run.edit(INFERENCES, renumbered(without(ROW)))
    run.ends[INFERENCES][0] -= 1
    result = run.check()
    assert failing(result) == {ONE_EACH}
    assert called(result, ONE_EACH).mismatches == 1


def test_a_doubled_inference_is_found(run: SmallRun) -> None:
    run.edit(INFERENCES, renumbered(with_twice(ROW)))
    run.ends[INFERENCES][0] += 1
    result = run.check()
    assert failing(result) == {ONE_EACH}
    assert "more than one" in called(result, ONE_EACH).examples[0]


def test_an_inference_of_what_does_not_count_is_found(run: SmallRun) -> None:
    def of_another(table: pa.Table) -> pa.Table:
        return with_value("id", "no/0/0/0")(with_value("origin", "no/0/0/0")(table))

    run.edit(INFERENCES, of_another)
    result = run.check()
    assert failing(result) == {ONE_EACH}
    assert called(result, ONE_EACH).mismatches == 2  # one missing, one too many


def test_an_inference_under_another_id_is_found(run: SmallRun) -> None:
    run.edit(INFERENCES, with_value("id", "no/0/0/0"))
    assert failing(run.check()) == {ONE_EACH}


def test_an_input_that_the_fold_did_not_give_is_found(run: SmallRun) -> None:
    run.edit(INFERENCES, with_value("bet_mean", 1e-300))
    assert failing(run.check()) == {INPUTS}


def test_a_missing_input_is_found(run: SmallRun) -> None:
    run.edit(INFERENCES, with_value("bet_count", None))
    assert failing(run.check()) == {INPUTS}


def test_a_negative_zero_is_not_the_fold_s_zero(run: SmallRun) -> None:
    run.edit(INFERENCES, with_value("win_var", -0.0))
    assert failing(run.check()) == {INPUTS}


def test_an_inference_about_someone_else_is_found(run: SmallRun) -> None:
    def swapped(table: pa.Table) -> pa.Table:
        users = table["user_id"].to_pylist()
        return with_value("user_id", next(user for user in users if user != users[ROW]))(table)

    run.edit(INFERENCES, swapped)
    assert failing(run.check()) == {INPUTS}


def test_a_wrong_probability_is_found(run: SmallRun) -> None:
    run.edit(INFERENCES, with_value("probability", 0.123))
    result = run.check()
    assert failing(result) == {MODEL}
    assert called(result, MODEL).mismatches == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [("decision", "maybe"), ("model_hash", "cd" * 32), ("version", "7"), ("version", None)],
)
def test_a_decision_or_a_model_that_is_not_the_one_is_found(
    run: SmallRun, name: str, value: str | None
) -> None:
    run.edit(INFERENCES, with_value(name, value))
    assert failing(run.check()) == {MODEL}


def test_a_hole_in_the_offsets_is_found(run: SmallRun) -> None:
    run.edit(INCOMING, without(replay_in(run)))
    result = run.check()
    assert failing(result) == {LOGGED}
    assert called(result, LOGGED).mismatches == 1


def test_a_row_that_is_there_twice_is_found(run: SmallRun) -> None:
    run.edit(INCOMING, with_twice(replay_in(run)))
    result = run.check()
    assert failing(result) == {LOGGED}
    assert "more than once" in called(result, LOGGED).examples[0]


@pytest.mark.parametrize("topic", [INFERENCES, REJECTED])
def test_a_record_that_is_not_logged_yet_is_found(run: SmallRun, topic: str) -> None:
    run.ends[topic][1] += 1
    assert failing(run.check()) == {LOGGED}


def test_a_row_beyond_the_end_of_the_topic_is_found(run: SmallRun) -> None:
    run.ends[REJECTED][2] -= 1
    assert failing(run.check()) == {LOGGED}


def test_a_record_that_came_out_nowhere_is_found(run: SmallRun) -> None:
    run.ends["generated-events"][0] += 1
    result = run.check()
    assert failing(result) == {CAME_OUT}
    assert called(result, CAME_OUT).mismatches == 2  # one nowhere, and one more than was sent


def test_a_record_that_came_out_on_both_topics_is_found(run: SmallRun) -> None:
    origin = run.evidence().logged.incoming["origin"].to_pylist()[1]
    run.edit(REJECTED, with_value("origin", origin))
    result = run.check()
    assert failing(result) == {CAME_OUT}
    assert called(result, CAME_OUT).mismatches == 2  # one on both, and one nowhere


def test_a_malformed_record_that_was_not_rejected_is_found(run: SmallRun) -> None:
    assert failing(replace(run, malformed=run.malformed + 1).check()) == {MALFORMED}


def test_what_another_stage_rejects_is_not_taken_for_malformed(run: SmallRun) -> None:
    run.edit(REJECTED, with_value("stage", "serving"))
    assert failing(run.check()) == {CAME_OUT, MALFORMED}


def test_an_event_that_is_logged_with_another_amount_is_found(run: SmallRun) -> None:
    amounts = run.evidence().logged.incoming["amount"].to_pylist()
    row = next(row for row, amount in enumerate(amounts) if amount is not None)
    run.edit(INCOMING, with_value("amount", 1.5, row))
    assert INPUTS in failing(run.check())


def test_without_any_file_the_checks_fail_and_do_not_break(run: SmallRun) -> None:
    shutil.rmtree(run.settings.parquet_dir)
    assert LOGGED in failing(run.check())
