"""Every folder under `use_cases/` that is scored from the request keeps what is expected of it."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

import use_cases
from pipeline.declaration.form import Choice, Form
from pipeline.declaration.form_reading import FormReader
from pipeline.declaration.form_world import FormWorld
from pipeline.errors import SettingsError
from serving.forms import FormScorer
from training.forms.table import worlds_of

MODELS = Path(__file__).parents[1] / "models"
ROWS = 500


@pytest.fixture(params=use_cases.forms())
def form(request: pytest.FixtureRequest) -> Form:
    return use_cases.load_form(request.param)


@pytest.fixture
def world(form: Form) -> FormWorld:
    return next(iter(worlds_of(form).values()))


def test_every_case_is_either_streamed_or_a_form() -> None:
    assert sorted([*use_cases.streams(), *use_cases.forms()]) == use_cases.names()


def test_a_command_for_streams_refuses_it_with_the_way_out(form: Form) -> None:
    with pytest.raises(SettingsError, match=f"{form.name} is scored from the request") as caught:
        use_cases.load(form.name)
    assert "pipeline predict" in caught.value.remedy


@pytest.mark.parametrize("name", use_cases.streams())
def test_a_streamed_case_is_no_form(name: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} is folded from a stream"):
        use_cases.load_form(name)


def test_every_request_of_its_worlds_can_be_scored(form: Form) -> None:
    reader = FormReader(form)
    for draw in worlds_of(form).values():
        for drawn in draw(ROWS, 3):
            assert drawn.request.keys() == {*form.names}
            assert len(reader.row(drawn.request)) == len(form.fields)


def test_its_world_draws_every_choice(form: Form, world: FormWorld) -> None:
    requests = [drawn.request for drawn in world(ROWS, 3)]
    for field in form.fields:
        if isinstance(field, Choice):
            assert {request[field.name] for request in requests} == {*field.choices}


def test_its_world_churns_as_likely_as_it_says(world: FormWorld) -> None:
    drawn = list(world(8_000, 5))
    probabilities = np.array([one.probability for one in drawn])
    churned = np.array([one.churned for one in drawn])
    for part in np.array_split(np.argsort(probabilities), 4):
        assert np.mean(churned[part]) == pytest.approx(np.mean(probabilities[part]), abs=0.04)


def test_the_same_seed_draws_the_same_and_another_seed_others(world: FormWorld) -> None:
    first, again, other = (list(islice(world(50, seed), 50)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_its_shipped_model_scores_its_example(form: Form) -> None:
    scorer = FormScorer.load(MODELS, form)
    (probability,) = scorer.score([scorer.decode(form.example)])
    assert 0 < probability < 1
    assert scorer.name == form.name
