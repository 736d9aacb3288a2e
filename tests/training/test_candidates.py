from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pipeline.declaration import UseCase
from training.candidates import logistic_regression, lookup_columns, random_forest
from training.table import Floats, Table


def with_index(table: Table, values: Floats) -> Table:
    inputs = table.inputs.copy()
    inputs[:, 0] = values
    return replace(table, inputs=inputs)


def answers(case: UseCase, table: Table, levels: Floats) -> Floats:
    """What a regression trained on `table` says of one row at each level."""
    rows = np.repeat(table.inputs[:1], len(levels), axis=0)
    rows[:, 0] = levels
    return logistic_regression(case, table, 1).predict_proba(rows)[:, 1]


def test_the_looked_up_columns_come_with_their_defaults(case: UseCase) -> None:
    assert lookup_columns(case) == {0: 0.0}


def test_a_level_need_not_rise_with_its_number(case: UseCase, table: Table) -> None:
    ends = np.where(np.arange(len(table.labels)) % 2, 1.0, 3.0)
    bent = with_index(table, np.where(table.labels == 1, 2.0, ends))
    low, middle, high = answers(case, bent, np.array([1.0, 2.0, 3.0]))
    assert middle > max(low, high)


def test_a_lookup_of_many_values_is_a_number(case: UseCase, table: Table) -> None:
    many = with_index(table, np.arange(len(table.labels), dtype=np.float64))
    first, between = answers(case, many, np.array([10.0, 10.5]))
    assert first != between


def test_a_lookup_of_broken_numbers_is_a_number(case: UseCase, table: Table) -> None:
    halves = with_index(table, np.where(table.labels == 1, 1.5, 2.5))
    low, between, high = answers(case, halves, np.array([1.5, 2.0, 2.5]))
    assert low > between > high


def test_a_level_never_seen_is_taken(case: UseCase, table: Table) -> None:
    assert 0 < answers(case, table, np.array([99.0]))[0] < 1


def test_the_forest_can_be_trained_on_few_rows(case: UseCase, table: Table) -> None:
    model = random_forest(case, table.where(np.arange(len(table.labels)) < 200), 1)
    assert model.predict_proba(table.inputs[:3]).sum(axis=1) == pytest.approx(1)
