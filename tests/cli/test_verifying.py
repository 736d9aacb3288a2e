from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from prometheus_client import REGISTRY

from cli.verifying import verify
from pipeline.control import lookup_record
from pipeline.errors import InfrastructureError
from pipeline.parquet.verification import Verification, note, noted, publish
from tests.rebuild.rig import Ledger
from tests.rebuild.test_scores import all_logged, asked, served, stored
from tests.stream_features.test_split import Content
from tests.support.events import (
    NOON,
    V1,
    bet,
    log_of,
    purchase,
    registration,
    win,
)
from tests.support.fakes import FakeStore
from tests.support.stages import INDEX, TOPICS, table_of
from use_cases.first_day_churn import USE_CASE

AT = "2025-07-01T00:00:00.000000Z"
NONE = dict.fromkeys(USE_CASE.inputs, 0)
CONTENTS: list[Content] = [
    registration("u1", postcode=10000),
    lookup_record(INDEX, V1),
    purchase(1, "u1"),
    bet(0.1, "u1"),
    win(0.2, "u1"),
    registration("u2", postcode=10000),
    purchase(2.5, "u2"),
    bet(3, "u2"),
    bet(4, "u1", NOON + 48 * 3_600_000_000),
]


def verified(root: Path) -> Verification:
    return verify(USE_CASE, root, 1, table_of, AT)


def logged(root: Path, contents: list[Content] = CONTENTS) -> Ledger:
    return asyncio.run(all_logged(root, contents))


def change(root: Path, topic: str, column: str, new: Callable[[list[Any]], list[Any]]) -> None:
    """Put other values in the place of a column's in the topic's only file."""
    (path,) = (root / topic).glob("date=*/*.parquet")
    table = pq.ParquetFile(path).read()
    values = pa.array(new(table[column].to_pylist()), table.schema.field(column).type)
    changed = table.set_column(table.schema.get_field_index(column), column, values)
    pq.write_table(changed.replace_schema_metadata(table.schema.metadata), path)


def test_inputs_that_the_fold_makes_again_are_well(tmp_path: Path) -> None:
    logged(tmp_path)
    found = verified(tmp_path)
    assert found == Verification(AT, 3, NONE)
    assert found.ok


def test_an_input_that_is_off_by_its_last_bit_is_counted(tmp_path: Path) -> None:
    logged(tmp_path)
    change(tmp_path, TOPICS.inferences, "win_sum", lambda _: [0.0, 0.2 + 1e-16, 0.0])
    found = verified(tmp_path)
    assert found.mismatches == {**NONE, "win_sum": 1}
    assert not found.ok


def test_minus_zero_is_not_zero(tmp_path: Path) -> None:
    logged(tmp_path)
    change(tmp_path, TOPICS.inferences, "win_sum", lambda _: [-0.0, 0.2, 0.0])
    assert verified(tmp_path).mismatches["win_sum"] == 1


def test_an_input_that_was_not_declared_yet_is_not_compared(tmp_path: Path) -> None:
    logged(tmp_path)
    change(tmp_path, TOPICS.inferences, "win_sum", lambda _: [None] * 3)
    assert verified(tmp_path) == Verification(AT, 3, NONE)


def test_an_event_that_was_changed_afterwards_shows(tmp_path: Path) -> None:
    logged(tmp_path)
    change(tmp_path, TOPICS.incoming, "bet_amount", lambda was: [one and one + 1 for one in was])
    found = verified(tmp_path).mismatches
    assert (found["bet_sum"], found["bet_mean"], found["bet_count"]) == (3, 3, 0)


def test_an_inference_of_another_user_is_strange(tmp_path: Path) -> None:
    logged(tmp_path)
    change(tmp_path, TOPICS.inferences, "user_id", lambda _: ["u1", "u1", "u1"])
    found = verified(tmp_path)
    assert (found.compared, found.strange, found.ok) == (3, 1, False)


def test_an_inference_that_nothing_asked_for_is_strange(tmp_path: Path) -> None:
    logged(tmp_path)
    change(tmp_path, TOPICS.incoming, "event_type", _no_bet)
    assert verified(tmp_path).strange == 1


def _no_bet(kinds: list[Any]) -> list[Any]:
    """The first bet is none."""
    place = kinds.index("bet")
    return [*kinds[:place], "registration", *kinds[place + 1 :]]


async def test_what_is_scored_before_its_event_is_logged_is_passed_over(tmp_path: Path) -> None:
    records, ledger = log_of(CONTENTS), Ledger(tmp_path)
    inferences = stored(await served(await asked(records), FakeStore()), TOPICS.inferences)
    await ledger.log(TOPICS.incoming, {0: records[:5]})
    await ledger.log(TOPICS.inferences, {0: inferences})
    assert verified(tmp_path) == Verification(AT, 2, NONE)


def test_a_table_that_cannot_be_found_is_said(tmp_path: Path) -> None:
    logged(tmp_path)

    def nowhere(lookup: str, version: str) -> dict[int | str, float]:
        raise InfrastructureError(f"waiting for {lookup} {version}")

    with pytest.raises(InfrastructureError, match="waiting for"):
        verify(USE_CASE, tmp_path, 1, nowhere, AT)


def test_no_log_is_well(tmp_path: Path) -> None:
    assert verified(tmp_path) == Verification(AT, 0, NONE)


def test_what_was_found_is_noted_beside_the_log(tmp_path: Path) -> None:
    found = Verification(AT, 7, {**NONE, "bet_sum": 2}, strange=1)
    assert noted(tmp_path) is None
    note(tmp_path, found)
    assert noted(tmp_path) == found


def test_a_worker_s_metrics_tell_what_was_noted(tmp_path: Path) -> None:
    def told() -> float | None:
        return REGISTRY.get_sample_value("pipeline_feature_mismatches", {"feature": "bet_sum"})

    publish(USE_CASE, tmp_path)
    before = told()
    note(tmp_path, Verification(AT, 7, {**NONE, "bet_sum": 2}))
    assert before != before  # noqa: PLR0124 - not a number
    assert told() == 2


def test_a_torn_note_is_none(tmp_path: Path) -> None:
    note(tmp_path, Verification(AT, 7, NONE))
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-5])
    assert noted(tmp_path) is None
