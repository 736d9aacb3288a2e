"""What a form declares, and what its requests become."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.declaration.form import YES_NO, Amount, Choice, Field, Form, Outcome, Whole
from pipeline.declaration.form_reading import FormError, FormReader

MONTHS = Whole(name="tenure", about="how long", low=0, high=120, example=3, unit="months")
TOTAL = Amount(name="total", about="paid so far", low=0, high=1e4, example=9.5, empty=0)
CHARGE = Amount(name="charge", about="of a month", low=0, high=1e3, example=9.5)
PARTNER = Choice(name="partner", about="lives with one", choices=YES_NO, example="Yes")
OUTCOME = Outcome("churn", churned="1", stayed="0")
FORM = Form("trial", "customer", (MONTHS, TOTAL, CHARGE, PARTNER), OUTCOME)
GOOD = {"tenure": 3, "total": 7.25, "charge": 2, "partner": "Yes"}
READER = FormReader(FORM)


def reasons(request: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(FormError) as caught:
        READER.row(request)
    return {problem.field: problem.reason for problem in caught.value.problems}


def test_a_request_becomes_the_models_inputs_in_the_order_of_the_fields() -> None:
    assert READER.row(dict(reversed(GOOD.items()))) == (3.0, 7.25, 2.0, 1.0)


def test_its_own_example_can_be_scored() -> None:
    assert READER.row(FORM.example) == (3.0, 9.5, 9.5, 1.0)


def test_what_is_beside_the_fields_is_left_alone() -> None:
    assert READER.row({**GOOD, "customerID": "7590-VHVEG"}) == READER.row(GOOD)


@pytest.mark.parametrize("empty", ["", "  ", None])
def test_an_empty_amount_means_what_is_declared(empty: str | None) -> None:
    assert READER.row({**GOOD, "total": empty})[1] == 0


@pytest.mark.parametrize("empty", ["", None])
def test_where_nothing_is_declared_an_empty_amount_is_refused(empty: str | None) -> None:
    assert reasons({**GOOD, "charge": empty}) == {"charge": "must be a number from 0 to 1,000"}


def test_a_field_that_is_not_there_is_missing_even_where_it_may_be_empty() -> None:
    assert reasons({"tenure": 3, "partner": "No"}) == {
        "total": "is missing",
        "charge": "is missing",
    }


def test_every_field_at_fault_is_named_with_its_reason() -> None:
    assert reasons({"tenure": 3.5, "total": -1, "charge": "9", "partner": "yes"}) == {
        "tenure": "must be a whole number from 0 to 120 (months)",
        "total": "must be a number from 0 to 10,000, or empty, which means 0",
        "charge": "must be a number from 0 to 1,000",
        "partner": "must be one of No, Yes",
    }


@pytest.mark.parametrize("value", [-1, 121, True, "3", [3], {}, math.nan, math.inf, 10**400])
def test_a_whole_number_is_no_other_value(value: object) -> None:
    assert reasons({**GOOD, "tenure": value}).keys() == {"tenure"}


@pytest.mark.parametrize("value", [1, True, None, "", "no", ["No"]])
def test_a_choice_is_one_of_its_texts(value: object) -> None:
    assert reasons({**GOOD, "partner": value}).keys() == {"partner"}


@given(st.text(min_size=3))
def test_no_reason_tells_what_was_in_the_request(secret: str) -> None:
    told = str(reasons(dict.fromkeys(FORM.names, f"<{secret}>")))
    assert f"<{secret}>" not in told


@given(st.integers(0, 120), st.floats(0, 1e4), st.floats(0, 1e3), st.sampled_from(YES_NO))
def test_a_row_of_texts_is_read_as_the_request_is(
    months: int, total: float, charge: float, partner: str
) -> None:
    request = {"tenure": months, "total": total, "charge": charge, "partner": partner}
    assert READER.text_row({k: f" {v} " for k, v in request.items()}) == READER.row(request)


@pytest.mark.parametrize("text", ["three", "1_000", "٣", "nan", "inf", "0x3", "1e400"])
def test_a_text_that_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(FormError, match="tenure must be"):
        READER.text_row({"tenure": text, "total": "", "charge": "1", "partner": "No"})


def test_the_choices_are_part_of_an_inputs_name() -> None:
    assert FORM.inputs == ("tenure", "total", "charge", "partner (No, Yes)")


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ((), "it has no fields"),
        ((MONTHS, MONTHS), "field tenure stands twice"),
        ((Whole(name="churn", about="", low=0, high=1, example=0),), "churn is the outcome"),
        ((Whole(name="a", about="", low=0, high=1, example=2),), "its example of a"),
        ((Whole(name="a", about="", low=0, high=2, example=0.5),), "a limit or example of a"),
        ((Amount(name="a", about="", low=1, high=2, example=1, empty=0),), "what empty means of a"),
        ((Choice(name="a", about="", choices=("x",), example="x"),), "fewer than two choices"),
        ((Choice(name="a", about="", choices=("x", "y", "x"), example="x"),), "stands twice"),
        ((Choice(name="a", about="", choices=("x", "y"), example="z"),), "has no choice 'z'"),
    ],
)
def test_an_inconsistent_form_cannot_be_declared(fields: tuple[Field, ...], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Form("trial", "customer", fields, OUTCOME)
