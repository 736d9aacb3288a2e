"""On whom a form's model errs, by the fields that its declaration names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import use_cases
from pipeline.declaration.form import Form
from pipeline.manifest import newest_folder, read_manifest
from training.forms.fairness import fairness
from training.forms.table import FormTable, table_of_world, worlds_of
from training.table import Floats
from use_cases import subscription_churn, telecom_churn

MODELS = Path(__file__).parents[3] / "models"
TELECOM, SUBSCRIPTION = telecom_churn.USE_CASE, subscription_churn.USE_CASE


def drawn(form: Form) -> FormTable:
    world = next(iter(worlds_of(form).values()))
    return table_of_world(form, world, 300, 1)


def column(form: Form, table: FormTable, name: str) -> Floats:
    values: Floats = table.inputs[:, form.names.index(name)]
    return values


def names(told: dict[str, list[dict[str, str]]]) -> list[str]:
    return [group["group"] for group in told["groups"]]


def test_a_flag_makes_two_groups() -> None:
    table = drawn(TELECOM)
    senior = column(TELECOM, table, "SeniorCitizen") == 1
    told = fairness(TELECOM, table, np.where(senior, 0.9, 0.1), 0.5)["SeniorCitizen"]
    assert names(told) == ["0", "1"]
    assert [one["false_positive_rate"] for one in told["groups"]] == [0, 1]
    assert [one["users"] for one in told["groups"]] == [(~senior).sum(), senior.sum()]
    assert told["gaps"] == {"false_positive_rate": 1, "false_negative_rate": 1}


def test_an_age_in_years_makes_the_groups_of_a_stream() -> None:
    table = drawn(SUBSCRIPTION)
    told = fairness(SUBSCRIPTION, table, np.full(300, 0.5), 0.5)["age"]
    assert names(told) == ["below 30", "30 to 44", "45 to 59", "60 and over"]
    young = column(SUBSCRIPTION, table, "age") < 30
    assert told["groups"][0]["rows"] == young.sum()
    assert sum(one["rows"] for one in told["groups"]) == 300


def test_choices_are_groups_by_their_names() -> None:
    form = replace(TELECOM, fair_by=("Contract",))
    told = fairness(form, drawn(form), np.full(300, 0.5), 0.5)
    assert names(told["Contract"]) == ["Month-to-month", "One year", "Two year"]


def test_what_is_empty_is_in_no_group() -> None:
    table = drawn(SUBSCRIPTION)
    column(SUBSCRIPTION, table, "age")[:100] = np.nan
    told = fairness(SUBSCRIPTION, table, np.full(300, 0.5), 0.5)["age"]
    assert sum(one["rows"] for one in told["groups"]) == 200


def test_a_form_that_names_no_field_tells_no_groups() -> None:
    form = replace(TELECOM, fair_by=())
    assert fairness(form, drawn(form), np.full(300, 0.5), 0.5) == {}


@pytest.mark.parametrize("name", ["MonthlyCharges", "tenure", "nothing"])
def test_a_field_whose_values_make_no_groups_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} of fair_by"):
        replace(TELECOM, fair_by=(name,))


@pytest.mark.parametrize("name", use_cases.forms())
def test_a_shipped_model_says_on_whom_it_errs(name: str) -> None:
    folder = newest_folder(MODELS, name)
    told = read_manifest(folder).fairness
    assert set(told) == set(use_cases.load_form(name).fair_by)
    assert told
    assert "Who it errs on" in (folder / "card.md").read_text()
