from __future__ import annotations

from dataclasses import replace

import numpy as np

from pipeline.declaration import UseCase
from training.fairness import fairness
from training.table import Floats, Table
from training.witness import AGE


def half(table: Table) -> Floats:
    return np.full(len(table.labels), 0.5)


def test_every_level_and_every_age_is_in_one_group(case: UseCase, table: Table) -> None:
    told = fairness(case, table, half(table), 0.5)
    for name in ("socioeconomic_idx", "age"):
        groups = told[name]["groups"]
        assert sum(one["rows"] for one in groups) == len(table.labels)
        assert sum(one["users"] for one in groups) == table.count_users()


def test_who_says_churn_of_all_errs_on_all_who_stayed_and_on_no_other(
    case: UseCase, table: Table
) -> None:
    for group in fairness(case, table, half(table), 0.5)["age"]["groups"]:
        assert group["false_positive_rate"] == 1
        assert group["false_negative_rate"] == 0


def test_the_gap_is_between_the_highest_and_the_lowest_rate(case: UseCase, table: Table) -> None:
    old = table.beside[AGE] >= 60
    told = fairness(case, table, np.where(old, 0.9, 0.1), 0.5)["age"]
    assert told["gaps"] == {"false_positive_rate": 1, "false_negative_rate": 1}


def test_where_all_churned_there_is_no_false_positive_rate(case: UseCase, table: Table) -> None:
    churned = table.where(table.labels == 1)
    told = fairness(case, churned, half(churned), 0.5)["age"]
    assert {one["false_positive_rate"] for one in told["groups"]} == {None}
    assert told["gaps"]["false_positive_rate"] is None


def test_groups_of_age_are_named_by_their_limits(case: UseCase, table: Table) -> None:
    ages = np.resize([19.0, 30.0, 59.9, 60.0], len(table.labels))
    told = fairness(case, replace(table, beside={AGE: ages}), half(table), 0.5)["age"]
    named = [one["group"] for one in told["groups"]]
    assert named == ["below 30", "30 to 44", "45 to 59", "60 and over"]


def test_an_unknown_age_is_in_no_group(case: UseCase, table: Table) -> None:
    ages = np.full(len(table.labels), np.nan)
    told = fairness(case, replace(table, beside={AGE: ages}), half(table), 0.5)
    assert "age" not in told


def test_where_no_age_is_known_levels_are_told_all_the_same(case: UseCase, table: Table) -> None:
    assert set(fairness(case, replace(table, beside={}), half(table), 0.5)) == {"socioeconomic_idx"}
