from __future__ import annotations

import numpy as np

import use_cases
from pipeline.declaration.form import Choice, Form
from training.importing.drawing import drawn_features, drawn_requests
from use_cases.first_day_churn import USE_CASE

ROWS = 2_000


def test_requests_keep_to_the_declared_ranges_and_reach_them(telecom: Form) -> None:
    for field, values in zip(telecom.fields, drawn_requests(telecom, ROWS, 1).T, strict=True):
        if isinstance(field, Choice):
            assert {*values} == {*range(len(field.choices))}
        else:
            assert values.min() == field.low
            assert field.low < values.max() <= field.high


def test_a_whole_number_is_whole_and_reaches_its_highest() -> None:
    form = use_cases.load_form("telecom_churn")
    senior = drawn_requests(form, ROWS, 1)[:, form.names.index("SeniorCitizen")]
    assert {*senior} == {0, 1}


def test_features_lie_in_every_size() -> None:
    drawn = drawn_features(USE_CASE, ROWS, 1)
    sums = drawn[:, USE_CASE.inputs.index("bet_sum")]
    for size in range(8):
        assert np.any((sums >= 10.0**size) & (sums < 10.0 ** (size + 1)))
    counts = drawn[:, USE_CASE.inputs.index("bet_count")]
    assert np.all(counts == np.floor(counts))
    assert {*drawn[:, 0]} == {*range(11)}


def test_the_same_seed_draws_the_same_and_another_seed_others() -> None:
    first, again, other = (drawn_features(USE_CASE, ROWS, seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
