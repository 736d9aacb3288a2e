from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pipeline.errors import Refusal
from training.data.dataset import read_dataset, schema, source_path, write_dataset
from use_cases.first_day_churn import USE_CASE

SOURCE = {
    "use_case": USE_CASE.name,
    "entity": USE_CASE.entity,
    "features": list(USE_CASE.inputs),
    "until": "2025-07-01T00:00:00.000000Z",
}
WIDTH = len(USE_CASE.inputs)


def rows(*users: str, labels: Sequence[int] = (1, 0, 1)) -> pa.Table:
    """A row for each, with inputs that tell it from every other."""
    made: list[dict[str, Any]] = [
        {
            "id": f"origin {n}",
            USE_CASE.entity: user,
            "label": labels[n],
            **{name: n * 100 + column for column, name in enumerate(USE_CASE.inputs)},
        }
        for n, user in enumerate(users)
    ]
    return pa.Table.from_pylist(made, schema(USE_CASE))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "new" / "made.parquet"
    write_dataset(path, rows("b", "a", "b"), SOURCE)
    return path


def test_the_inputs_come_back_in_the_declared_order(path: Path) -> None:
    expected = [[n * 100 + column for column in range(WIDTH)] for n in range(3)]
    assert read_dataset(path).table.inputs.tolist() == expected


def test_each_row_keeps_its_user_and_label(path: Path) -> None:
    table = read_dataset(path).table
    assert [table.entities[user] for user in table.users] == ["b", "a", "b"]
    assert table.labels.tolist() == [1, 0, 1]


def test_every_bit_of_an_input_comes_back(tmp_path: Path) -> None:
    path, sum_at = tmp_path / "made.parquet", USE_CASE.inputs.index("bet_sum")
    strange = [0.1 + 0.2, -0.0, 5e-324]
    made = rows("a", "b", "c")
    place = made.schema.get_field_index("bet_sum")
    write_dataset(path, made.set_column(place, "bet_sum", pa.array(strange)), SOURCE)
    read = np.ascontiguousarray(read_dataset(path).table.inputs[:, sum_at])
    assert read.view(np.int64).tolist() == np.array(strange).view(np.int64).tolist()


def test_it_says_where_the_rows_came_from(path: Path) -> None:
    found = read_dataset(path).source
    assert {name: found[name] for name in SOURCE} == SOURCE


def test_the_same_rows_give_the_same_bytes(path: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.parquet"
    write_dataset(again, rows("b", "a", "b"), SOURCE)
    assert again.read_bytes() == path.read_bytes()
    assert source_path(again).read_bytes() == source_path(path).read_bytes()


def test_rows_that_were_exchanged_are_refused(path: Path) -> None:
    said = source_path(path).read_bytes()
    write_dataset(path, rows("b", "a", "b", labels=(0, 0, 0)), SOURCE)
    source_path(path).write_bytes(said)
    with pytest.raises(Refusal, match="is not the file that"):
        read_dataset(path)


def test_a_dataset_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="pipeline dataset"):
        read_dataset(tmp_path / "none.parquet")


@pytest.mark.parametrize("said", ["", "[]", "{}", "7"])
def test_a_file_beside_it_that_says_nothing_is_refused(path: Path, said: str) -> None:
    source_path(path).write_text(said)
    with pytest.raises(Refusal, match="does not say"):
        read_dataset(path)


def test_the_model_of_another_declaration_cannot_learn_from_it(path: Path) -> None:
    other = replace(USE_CASE, model=None)
    read_dataset(path).check(USE_CASE)
    with pytest.raises(Refusal, match="not those of first_day_churn as it is declared now"):
        read_dataset(path).check(other)
